//! The same for one row that somebody else's trigger hands over as JSON: `public.fire_lead_automations()` and its
//! sister, for an application that attaches them itself.

use flow::Event;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, pg_sys};
use serde_json::Value;
use uuid::Uuid;

use super::event::{Change, Side};
use super::listeners::{self, Source};
use super::patience::quickly;
use super::provenance::Provenance;
use super::write::{self, Match, Place};
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
        let Some((source, table)) = attached(source, tab)? else {
            return Ok(false);
        };
        let row = RowChange {
            source: &source,
            table: &table,
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
            let place = Place {
                table: tab,
                operation,
                source: Some(source),
            };
            let one = [Match::unknown(None)];
            if let Err(second) = contained(|| write::miss(&one, &place, provenance, &failure)) {
                pgrx::warning!("automations: {operation} was not captured ({})", second.message);
            }
        }
    }
}

/// `automations.replay_change(tab, operation, data, caused_by, depth)`: a change that was put down before it was
/// known who listens. Returns how many executions it gives.
#[pg_extern(sql = false)]
fn replay_change(
    tab: &str,
    operation: &str,
    data: Option<AnyElement>,
    caused_by: Option<pgrx::Uuid>,
    depth: i16,
) -> Result<i32, ErrorReport> {
    let provenance = Provenance {
        caused_by: caused_by.map(|id| Uuid::from_bytes(*id.as_bytes())),
        depth,
    };
    let done = contained(|| {
        let Some((source, table)) = listeners::source_of_name(tab)? else {
            return Ok(0);
        };
        let data = jsonb::value_of(data, "data")?;
        let side = |name: &str| data.get(name).filter(|row| row.is_object()).map(Value::to_string);
        let row = RowChange {
            source: &source,
            table: &table,
            operation,
            old: side("old"),
            new: side("new"),
        };
        let matches = row.matches()?;
        write::queue(&matches, provenance)?;
        Ok(i32::try_from(matches.len()).unwrap_or(i32::MAX))
    });
    match done {
        Ok(queued) => Ok(queued),
        // Still locked: it stays to be replayed. Anything else would fail the next time, too, and others with it.
        Err(failure) if failure.is_lock() => Err(Refusal::Locked(failure.message).into()),
        Err(failure) => {
            pgrx::warning!(
                "automations: a change of {tab} cannot be replayed: {}",
                failure.message
            );
            Ok(0)
        }
    }
}

struct RowChange<'r> {
    source: &'r Source,
    table: &'r str,
    operation: &'r str,
    old: Option<String>,
    new: Option<String>,
}

impl RowChange<'_> {
    fn matches(&self) -> Result<Vec<Match>, Refusal> {
        let source = self.source;
        let event = Event::find(self.operation)
            .ok_or_else(|| Refusal::Invalid(format!("{} is no row event", self.operation)))?;
        let (old, new) = (parsed(&self.old)?, parsed(&self.new)?);
        let subject = if new.is_null() { &old } else { &new };
        let Some(account) = account(source, subject)? else {
            return Ok(Vec::new());
        };
        let changed = changed(&old, &new);
        let side = |text: &Option<String>| text.clone().map_or(Side::None, Side::from_json);
        let change = Change {
            event,
            source: &source.name,
            table: self.table,
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
        let hears = |one: &listeners::Heard| {
            let listener = one.listener.as_ref();
            listener.is_ok_and(|listener| listener.wants(event, &changed) && listener.matches(&whole))
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
            })
            .collect())
    }
}

/// The source as it is registered and the table's name, unless the table is captured already.
fn attached(source: &str, table: pg_sys::Oid) -> Result<Option<(Source, String)>, Refusal> {
    quickly(|| {
        // SAFETY: the oid of a table.
        let table = unsafe { DatumWithOid::new(table, pg_sys::OIDOID) };
        Spi::connect(|client| {
            let found = client.select(
                "SELECT s.owner_column, s.owner_table IS NOT NULL, c.relname::text
                   FROM automations.sources s, pg_class c
                  WHERE s.source = $1 AND c.oid = $2
                    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid
                                       AND t.tgfoid = 'automations.capture()'::regprocedure)",
                Some(1),
                &[source.into(), table],
            )?;
            for row in found {
                if let (Some(owner_column), by_path, Some(table)) =
                    (row.get::<String>(1)?, row.get::<bool>(2)?, row.get::<String>(3)?)
                {
                    let by_path = by_path.unwrap_or(false);
                    return Ok(Some((
                        Source {
                            name: source.to_owned(),
                            owner_column,
                            by_path,
                        },
                        table,
                    )));
                }
            }
            Ok(None)
        })
    })
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
