//! What the machinery asks about leads and conversations: whose they are, and whether they are still there.
//!
//! The look-ups are functions that `install()` made with the names of the application's tables. Called as the owner
//! of the tables from here they see every row also where row level security is forced upon that owner, which
//! `SECURITY DEFINER` alone does not (claims lost their lead).

use pgrx::prelude::*;
use pgrx::{PgOid, Uuid, pg_sys};

use crate::acting::as_table_owner;
use crate::plans::{Plan, writing_plan};
use crate::refusal::Refusal;

type Row = (Option<String>, Option<Uuid>, Option<bool>, Option<Uuid>);

thread_local! {
    /// Of [`hold_host`].
    static HOLD: Plan = const { Plan::new() };
}

/// `automations.hold_host(lead_ids, conversation_ids)`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn hold_host(
    lead_ids: Vec<Uuid>,
    conversation_ids: Vec<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(kind, Option<String>),
            name!(id, Option<Uuid>),
            name!(held, Option<bool>),
            name!(account_id, Option<Uuid>),
        ),
    >,
    pg_sys::panic::ErrorReport,
> {
    if lead_ids.is_empty() && conversation_ids.is_empty() {
        return Ok(TableIterator::empty());
    }
    let rows = as_table_owner(|| {
        Spi::connect_mut(|client| {
            let mut rows: Vec<Row> = Vec::new();
            let uuids = PgOid::from(pg_sys::UUIDARRAYOID);
            let text = "SELECT h.kind, h.id, h.held, h.account_id FROM automations.hold($1, $2) h";
            let statement = writing_plan(&HOLD, client, text, &[uuids, uuids])?;
            let found = client.update(statement, None, &[lead_ids.into(), conversation_ids.into()])?;
            for row in found {
                rows.push((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
            }
            Ok(rows)
        })
    })?;
    Ok(TableIterator::new(rows))
}

/// `automations.account_of(kind, id)`: null where there is no such row.
#[pg_extern(sql = false)]
fn account_of(kind: &str, id: Uuid) -> Result<Option<Uuid>, pg_sys::panic::ErrorReport> {
    let statement = match kind {
        "lead" => "SELECT automations.account_of_lead($1)",
        "conversation" => "SELECT automations.account_of_conversation($1)",
        "agent" => "SELECT automations.account_of_agent($1)",
        _ => {
            return Err(
                Refusal::Invalid(format!("{kind} is neither lead nor conversation nor agent")).into(),
            );
        }
    };
    Ok(as_table_owner(|| {
        Ok(Spi::get_one_with_args(statement, &[id.into()])?)
    })?)
}
