//! The same for one row that somebody else's trigger hands over as JSON: `public.fire_lead_automations()` and its
//! sister, for an application that attaches them itself.

use flow::Event;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::{AnyElement, pg_sys};
use serde_json::Value;
use uuid::Uuid;

use super::event::{Change, Side};
use super::listeners::{self, Source};
use super::provenance::Provenance;
use super::write::{self, Match, Place};
use crate::acting::as_table_owner;
use crate::contained::contained;
use crate::jsonb;
use crate::refusal::Refusal;
use crate::schedules::transaction_start;

/// `automations.fire_row(source, tab, operation, old_row, new_row)`. Nothing on a table that is captured already.
#[pg_extern(sql = false)]
fn fire_row(
    source: &str,
    tab: pg_sys::Oid,
    operation: &str,
    old_row: Option<AnyElement>,
    new_row: Option<AnyElement>,
) {
    let provenance = Provenance::current();
    let done = contained(|| {
        let row = RowChange {
            source,
            table: tab,
            operation,
            old: old_row.map(|row| jsonb::text_of(row.datum())),
            new: new_row.map(|row| jsonb::text_of(row.datum())),
        };
        let matches = row.matches()?;
        write::queue(&matches, provenance)?;
        Ok(!matches.is_empty())
    });
    match done {
        Ok(queued) => super::wake_if(queued),
        Err(failure) => {
            let table = tab.to_u32().to_string();
            let place = Place {
                table: &table,
                operation,
                source: Some(source),
            };
            let one = Match {
                account: Uuid::nil(),
                automation: None,
                version: 0,
                data: None,
                lead: None,
                conversation: None,
            };
            if let Err(second) = contained(|| write::miss(&[one], &place, provenance, &failure)) {
                pgrx::warning!("automations: {operation} was not captured ({})", second.message);
            }
        }
    }
}

struct RowChange<'r> {
    source: &'r str,
    table: pg_sys::Oid,
    operation: &'r str,
    old: Option<String>,
    new: Option<String>,
}

impl RowChange<'_> {
    fn matches(&self) -> Result<Vec<Match>, Refusal> {
        let Some((source, table)) = self.registered()? else {
            return Ok(Vec::new());
        };
        let event = Event::find(self.operation)
            .ok_or_else(|| Refusal::Invalid(format!("{} is no row event", self.operation)))?;
        let (old, new) = (parsed(&self.old)?, parsed(&self.new)?);
        let subject = if new.is_null() { &old } else { &new };
        let Some(account) = account(&source, subject)? else {
            return Ok(Vec::new());
        };
        let changed = changed(&old, &new);
        let side = |text: &Option<String>| text.clone().map_or(Side::None, Side::from_json);
        let change = Change {
            event,
            source: &source.name,
            table: &table,
            old: side(&self.old),
            new: side(&self.new),
            changed: &changed,
            at: transaction_start(),
        };
        let whole = jsonb::parse(&change.whole().unwrap_or_default(), "the row")?;
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
        let heard = listeners::listeners_of(&source.name, vec![account])?;
        Ok(heard
            .into_values()
            .flatten()
            .filter(|one| {
                let listener = one.listener.as_ref();
                listener.is_ok_and(|listener| listener.wants(event, &changed) && listener.matches(&whole))
            })
            .map(|one| Match {
                account,
                automation: Some(one.automation),
                version: one.version,
                data: Some(change.stored()),
                lead,
                conversation,
            })
            .collect())
    }

    /// The source as it is registered and the table's name, unless the table is captured already.
    fn registered(&self) -> Result<Option<(Source, String)>, Refusal> {
        as_table_owner(|| {
            // SAFETY: the oid of a table.
            let table = unsafe { DatumWithOid::new(self.table, pg_sys::OIDOID) };
            Spi::connect(|client| {
                let found = client.select(
                    "SELECT s.owner_column, s.owner_table IS NOT NULL, c.relname::text
                       FROM automations.sources s, pg_class c
                      WHERE s.source = $1 AND c.oid = $2
                        AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid
                                           AND t.tgfoid = 'automations.capture()'::regprocedure)",
                    Some(1),
                    &[self.source.into(), table],
                )?;
                for row in found {
                    if let (Some(owner_column), by_path, Some(table)) =
                        (row.get::<String>(1)?, row.get::<bool>(2)?, row.get::<String>(3)?)
                    {
                        let by_path = by_path.unwrap_or(false);
                        let source = Source {
                            name: self.source.to_owned(),
                            owner_column,
                            by_path,
                        };
                        return Ok(Some((source, table)));
                    }
                }
                Ok(None)
            })
        })
    }
}

fn parsed(row: &Option<String>) -> Result<Value, Refusal> {
    row.as_deref()
        .map_or(Ok(Value::Null), |text| jsonb::parse(text, "the row"))
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
