//! The same for one row that somebody else's trigger hands over as JSON: `public.fire_lead_automations()` and its
//! sister, for an application that attaches them itself.

use flow::Event;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::{AnyElement, pg_sys};

use super::provenance::Provenance;
use super::row_change::{Row, RowChange};
use super::sources;
use super::table::Source;
use super::write::{self, Match, Place};
use crate::contained::contained;
use crate::patience::quickly;
use crate::refusal::Refusal;

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
            key: &sources::primary_key(tab)?,
            event: Event::find(operation)
                .ok_or_else(|| Refusal::Invalid(format!("{operation} is no row event")))?,
            old: Row::read(old_row.map(|row| row.datum()))?,
            new: Row::read(new_row.map(|row| row.datum()))?,
            changed: None,
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
                            has_listeners: true,
                        },
                        table,
                    )));
                }
            }
            Ok(None)
        })
    })
}
