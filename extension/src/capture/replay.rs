//! A change that was put down before it was known who listens (`automations.missed` without an automation): that is
//! found out now.

use flow::Event;
use pgrx::AnyElement;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::Value;

use super::event::{ROW_BYTES, Side};
use super::provenance::Provenance;
use super::row_change::{Row, RowChange};
use super::sources;
use super::write;
use crate::jsonb;
use crate::refusal::Refusal;

/// What was put down: both sides and some words around them.
const DATA_BYTES: usize = 3 * ROW_BYTES;

/// `automations.replay_change(tab, operation, data, caused_by, depth)`. Returns how many executions it gives; its
/// caller, `replay_missed()`, contains what goes wrong.
#[pg_extern(sql = false)]
fn replay_change(
    tab: &str,
    operation: &str,
    data: Option<AnyElement>,
    caused_by: Option<pgrx::Uuid>,
    depth: i16,
) -> Result<i32, ErrorReport> {
    let provenance = Provenance {
        caused_by: caused_by.map(crate::ids::from_postgres),
        depth,
    };
    let Some((source, table, oid)) = sources::source_of_name(tab)? else {
        return Ok(0);
    };
    let data = match data.map(|data| jsonb::short_text_of(data.datum(), DATA_BYTES)) {
        Some(Ok(text)) => jsonb::parse(&text, "data")?,
        Some(Err(bytes)) => return Err(Refusal::TooLarge { what: "data", bytes }.into()),
        None => Value::Null,
    };
    let event =
        Event::find(operation).ok_or_else(|| Refusal::Invalid(format!("{operation} is no row event")))?;
    let changed = data.get("changed").and_then(Value::as_array);
    let row = RowChange {
        source: &source,
        table: &table,
        key: &sources::primary_key(oid)?,
        event,
        old: side(&data, "old"),
        new: side(&data, "new"),
        changed: changed.map(|changed| {
            let names = changed.iter().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        }),
    };
    let matches = row.matches()?;
    write::queue(&matches, provenance)?;
    Ok(i32::try_from(matches.len()).unwrap_or(i32::MAX))
}

/// A side as `reading::unmatched` put it down: whole, or an outline and its size.
fn side(data: &Value, name: &str) -> Row {
    let value = data.get(name).filter(|row| row.is_object()).cloned();
    let too_large = data.get("too_large").and_then(|sizes| sizes.get(name));
    let side = match (&value, too_large.and_then(Value::as_u64)) {
        (_, Some(bytes)) => Side::Raw(usize::try_from(bytes).unwrap_or(usize::MAX)),
        (Some(row), None) => Side::Json(row.to_string()),
        (None, None) => Side::None,
    };
    Row {
        value: value.unwrap_or(Value::Null),
        side,
    }
}
