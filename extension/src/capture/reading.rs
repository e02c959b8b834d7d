//! Reading changes in full: which columns differ, and the rows as JSON. Whatever is decompressed or built on the way
//! lives in a scratch context that is emptied after each row.

use pgrx::PgMemoryContexts;
use serde_json::Value;

use super::changes::{Changes, Shown};
use super::event::{Change, RAW_BYTES, Side};
use super::rows::{Rows, same};
use super::statement::{Column, Statement};
use super::write::Match;
use crate::refusal::Refusal;
use crate::schedules::transaction_start;

/// The names of the columns that differ.
pub fn changed(scratch: &mut PgMemoryContexts, columns: &[Column], old: &Rows, new: &Rows) -> Vec<String> {
    let differs = |column: &&Column| !same(column, old.datum(column.number), new.datum(column.number));
    // SAFETY: what is decompressed to compare lives in the scratch context until it is reset.
    unsafe {
        let changed = scratch.switch_to(|_| {
            columns
                .iter()
                .filter(differs)
                .map(|column| column.name.clone())
                .collect()
        });
        scratch.reset();
        changed
    }
}

/// Both sides as JSON, or their sizes where they are too large for that.
///
/// # Errors
/// A row that cannot be read.
pub fn sides(
    scratch: &mut PgMemoryContexts,
    columns: &[Column],
    changes: &Changes,
    shown: Shown,
) -> Result<(Side, Side), Refusal> {
    let side = |rows: Option<&Rows>| match rows {
        None => Ok(Side::None),
        Some(rows) => match rows.raw_bytes(columns) {
            bytes if bytes > RAW_BYTES => Ok(Side::Raw(bytes)),
            _ => rows.json().map(Side::from_json),
        },
    };
    // SAFETY: the JSON is copied out of the scratch context before it is reset.
    unsafe {
        let sides = scratch.switch_to(|_| Ok((side(changes.old(shown))?, side(changes.new_row(shown))?)));
        scratch.reset();
        sides
    }
}

/// The changes of a statement without anybody who hears them, so that they can be matched later; at most a thousand,
/// which is more than a lock of a moment hides.
///
/// # Errors
/// A row that cannot be read, or more of them than that.
pub fn unmatched(statement: &Statement) -> Result<Vec<Match>, Refusal> {
    let columns = statement.columns();
    let table = statement.table_name();
    let mut changes = Changes::open(statement, &columns);
    let mut scratch = PgMemoryContexts::new("automations capture: one row");
    let mut matches = Vec::new();
    while let Some(shown) = changes.advance(&columns) {
        if matches.len() == 1000 {
            return Err(Refusal::Invalid(
                "too many changes to put them down one by one".to_owned(),
            ));
        }
        let changed = match (changes.old(shown), changes.new_row(shown)) {
            (Some(old), Some(new)) => changed(&mut scratch, &columns, old, new),
            _ => Vec::new(),
        };
        let (old, new) = sides(&mut scratch, &columns, &changes, shown)?;
        let change = Change {
            event: statement.event,
            source: "",
            table: &table,
            old,
            new,
            changed: &changed,
            at: transaction_start(),
        };
        let data = if change.is_too_large() {
            change.stored_in_outline(
                &outline(&columns, changes.old(shown)),
                &outline(&columns, changes.new_row(shown)),
            )
        } else {
            change.stored()
        };
        matches.push(Match::unknown(Some(data)));
    }
    Ok(matches)
}

/// The short values of a row as text: whose it is and which record can be read from them.
fn outline(columns: &[Column], rows: Option<&Rows>) -> Value {
    let Some(rows) = rows else {
        return Value::Null;
    };
    columns
        .iter()
        .filter(|column| rows.raw_bytes(std::slice::from_ref(column)) <= 200)
        .filter_map(|column| Some((column.name.clone(), Value::from(rows.text(column)?))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
