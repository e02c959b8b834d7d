//! What captured changes refer to, kept from being deleted until the transaction ends, without waiting for anybody: so their
//! references need not be asked for one by one.

use std::collections::HashMap;

use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use uuid::Uuid;

use crate::acting::as_table_owner;
use crate::host::{self, Owners};
use crate::ids::{from_postgres, to_postgres};
use crate::plans::{Plan, writing_plan};
use crate::refusal::Refusal;
use crate::tables::history::Leaf;
use crate::tables::queue_rows::Row;

thread_local! {
    static AUTOMATIONS: Plan = const { Plan::new() };
}

/// Holds automations: their versions, and whether the changes that they hear are kept for replay.
const AUTOMATIONS_SQL: &str = "
    SELECT a.id, a.version, EXISTS (SELECT FROM automations.listeners l WHERE l.keep AND l.automation_id = a.id)
      FROM public.automations a WHERE a.id = ANY ($1) ORDER BY a.id FOR KEY SHARE OF a SKIP LOCKED";

/// What is held. What is not in it is gone, or somebody has locked it.
pub struct Held {
    automations: HashMap<Uuid, Automation>,
    owners: Owners,
}

struct Automation {
    version: Option<i32>,
    keeps_changes: bool,
}

/// Takes hold of what these refer to.
///
/// # Errors
/// What the application's tables refuse.
pub fn hold<'r>(rows: impl Iterator<Item = &'r Row<'r>> + Clone) -> Result<Held, Refusal> {
    let automations = Spi::connect_mut(|client| {
        let ids = distinct(rows.clone().map(|row| Some(row.automation())));
        let types = [PgOid::from(pg_sys::UUIDARRAYOID)];
        let plan = writing_plan(&AUTOMATIONS, client, AUTOMATIONS_SQL, &types)?;
        let mut automations = HashMap::with_capacity(ids.len());
        for row in client.update(plan, None, &[uuid_array(&ids).into()])? {
            if let Some(id) = row.get::<pgrx::Uuid>(1)? {
                let automation = Automation {
                    version: row.get(2)?,
                    keeps_changes: row.get(3)? == Some(true),
                };
                automations.insert(from_postgres(id), automation);
            }
        }
        Ok::<_, Refusal>(automations)
    })?;
    let leads = distinct(rows.clone().map(Row::lead));
    let conversations = distinct(rows.clone().map(Row::conversation));
    if leads.is_empty() && conversations.is_empty() {
        let owners = Owners::default();
        return Ok(Held { automations, owners });
    }
    let owners = as_table_owner(|| Spi::connect_mut(|client| host::owners(client, &leads, &conversations)))?;
    Ok(Held { automations, owners })
}

impl Held {
    /// Whether all that it refers to is held.
    pub fn is_whole(&self, row: &Row<'_>) -> bool {
        let is_held =
            |owners: &HashMap<Uuid, _>, id: Option<Uuid>| id.is_none_or(|id| owners.contains_key(&id));
        self.automations.contains_key(&row.automation())
            && is_held(&self.owners.leads, row.lead())
            && is_held(&self.owners.conversations, row.conversation())
    }

    /// Whether its lead and its conversation belong to its account.
    pub fn is_of_account(&self, row: &Row<'_>) -> bool {
        let is_of_account = |owners: &HashMap<Uuid, Option<Uuid>>, id: Option<Uuid>| {
            id.is_none_or(|id| owners.get(&id).is_some_and(|owner| *owner == Some(row.account())))
        };
        is_of_account(&self.owners.leads, row.lead())
            && is_of_account(&self.owners.conversations, row.conversation())
    }

    /// Whether its lead and its conversation are held in the tables that a partition of the history refers to, if it does.
    pub fn is_referred_to(&self, row: &Row<'_>, leaf: &Leaf) -> bool {
        let is_held_there = |there: &[pg_sys::Oid], held: Option<pg_sys::Oid>, id: Option<Uuid>| {
            id.is_none() || there.iter().all(|there| held == Some(*there))
        };
        is_held_there(&leaf.leads, self.owners.leads_table, row.lead())
            && is_held_there(
                &leaf.conversations,
                self.owners.conversations_table,
                row.conversation(),
            )
    }

    /// The version that it runs: its own, else that of its automation.
    pub fn version_of(&self, row: &Row<'_>) -> Option<pg_sys::Datum> {
        let newest = || self.automations.get(&row.automation())?.version?.into_datum();
        row.version().or_else(newest)
    }

    /// Whether it is to be kept for replay.
    pub fn is_kept(&self, row: &Row<'_>) -> bool {
        let automation = self.automations.get(&row.automation());
        automation.is_some_and(|automation| automation.keeps_changes)
    }
}

fn distinct(ids: impl Iterator<Item = Option<Uuid>>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.flatten().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// As a parameter of a statement.
pub fn uuid_array(ids: &[Uuid]) -> Vec<pgrx::Uuid> {
    ids.iter().copied().map(to_postgres).collect()
}
