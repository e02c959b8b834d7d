//! One change that comes as JSON and not as a transition table: whose it is, what changed, and who hears it.

use flow::Event;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::event::{Change, ROW_BYTES, Side};
use super::hearing::Heard;
use super::listeners;
use super::record;
use super::table::Source;
use super::write::Match;
use crate::jsonb;
use crate::patience::quickly;
use crate::refusal::Refusal;
use crate::schedules::transaction_start;

/// A change of one row.
pub struct RowChange<'r> {
    /// What is watched.
    pub source: &'r Source,
    /// The table's name.
    pub table: &'r str,
    /// The columns of its primary key.
    pub key: &'r [String],
    /// INSERT, UPDATE or DELETE.
    pub event: Event,
    /// Before.
    pub old: Row,
    /// After.
    pub new: Row,
    /// The columns that differ, where that is known already.
    pub changed: Option<Vec<String>>,
}

/// One side of it.
pub struct Row {
    /// To look into: of a row that is too large only an outline; null where there is none.
    pub value: Value,
    /// What is queued.
    pub side: Side,
}

impl Row {
    /// A row as to_jsonb() gave it.
    ///
    /// # Errors
    /// JSON that Rust refuses.
    pub fn read(datum: Option<pg_sys::Datum>) -> Result<Row, Refusal> {
        let Some(datum) = datum else {
            return Ok(Row {
                value: Value::Null,
                side: Side::None,
            });
        };
        match jsonb::short_text_of(datum, ROW_BYTES) {
            Ok(text) => Ok(Row {
                value: jsonb::parse(&text, "the row")?,
                side: Side::from_json(text),
            }),
            Err(bytes) => Ok(Row {
                value: outline(datum)?,
                side: Side::Raw(bytes),
            }),
        }
    }
}

/// A row that is too large to be parsed, each of its large values replaced by a number that differs when they do: who
/// owns it and which columns changed can still be said.
fn outline(row: pg_sys::Datum) -> Result<Value, Refusal> {
    // SAFETY: the caller's argument is declared jsonb.
    let row = unsafe { DatumWithOid::new(row, pg_sys::JSONBOID) };
    let text: Option<String> = quickly(|| {
        Ok(Spi::get_one_with_args(
            "SELECT jsonb_object_agg(e.key, CASE WHEN octet_length(e.value::text) > 200
                        THEN to_jsonb(hashtextextended(e.value::text, 0)) ELSE e.value END)::text
               FROM jsonb_each($1) e",
            &[row],
        )?)
    })?;
    text.map_or(Ok(Value::Null), |text| jsonb::parse(&text, "the row"))
}

impl RowChange<'_> {
    /// Who hears it.
    ///
    /// # Errors
    /// Whatever keeps it from being found out.
    pub fn matches(self) -> Result<Vec<Match>, Refusal> {
        let source = self.source;
        let (old, new) = (&self.old.value, &self.new.value);
        let subject = if new.is_null() { old } else { new };
        let Some(account) = account(source, subject)? else {
            return Ok(Vec::new());
        };
        // A row that changes hands does not show its new owner what it was.
        let handed_over = !old.is_null()
            && old.get(&source.owner_column) != subject.get(&source.owner_column)
            && self::account(source, old)? != Some(account);
        let changed = self.changed.unwrap_or_else(|| changed(old, new));
        let id = |name: &str| {
            new.get(name)
                .and_then(Value::as_str)
                .and_then(|id| id.parse().ok())
        };
        let (lead, conversation) = match source.name.as_str() {
            "lead" => (id("id"), None),
            "conversation" => (id("lead_id"), id("id")),
            _ => (None, None),
        };
        let of_row = match &self.new.side {
            Side::None => &self.old.side,
            side => side,
        };
        let record = match (source.name.as_str(), subject.get("id").and_then(Value::as_str)) {
            ("lead", Some(id)) => id.parse().ok().map(record::of_lead),
            ("conversation", Some(id)) => id.parse().ok().map(record::of_conversation),
            _ => record::of_row(
                self.key.iter().map(String::as_str),
                &match of_row {
                    Side::Json(text) => text.clone(),
                    Side::None | Side::Raw(_) => subject.to_string(),
                },
            ),
        };
        let change = Change {
            event: self.event,
            source: &source.name,
            table: self.table,
            old: if handed_over { Side::None } else { self.old.side },
            new: self.new.side,
            changed: &changed,
            at: transaction_start(),
        };
        let whole = match change.whole() {
            Some(whole) => Some(jsonb::parse(&whole, "the row")?),
            None => None,
        };
        let heard = listeners::listeners_of(&source.name, self.event, &[account])?;
        // A row that is too large to look at is queued: its execution ends with too_large.
        let hears = |one: &Heard| {
            one.listener.as_ref().is_ok_and(|listener| {
                listener.wants(change.event, &changed)
                    && whole.as_ref().is_none_or(|whole| listener.matches(whole))
            })
        };
        Ok(heard
            .into_values()
            .flatten()
            .filter(hears)
            .map(|one| Match {
                account,
                automation: Some(one.automation),
                version: one.version,
                data: Some(change.stored()),
                lead,
                conversation,
                priority: one.priority,
                record: record.clone().filter(|_| one.asks_record),
            })
            .collect())
    }
}

fn account(source: &Source, row: &Value) -> Result<Option<Uuid>, Refusal> {
    let key = match row.get(&source.owner_column) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(key)) => key.clone(),
        Some(other) => other.to_string(),
    };
    if source.by_path {
        return Ok(listeners::owners_of(&source.name, vec![key])?
            .into_values()
            .next());
    }
    Ok(key.parse().ok())
}

fn changed(old: &Value, new: &Value) -> Vec<String> {
    match (old.as_object(), new.as_object()) {
        (Some(old), Some(new)) => new
            .iter()
            .filter(|(name, value)| old.get(*name) != Some(*value))
            .map(|(name, _)| name.clone())
            .collect(),
        _ => Vec::new(),
    }
}
