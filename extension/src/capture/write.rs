//! Writing: one INSERT for many matches, as the owner of the tables, with a short lock timeout, so that a lock on the
//! queue never becomes the application's.

use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use uuid::Uuid;

use super::direct;
use super::provenance::Provenance;
use crate::contained::Failure;
use crate::ids::{new_id, to_postgres};
use crate::patience::quickly;
use crate::refusal::Refusal;

/// An automation and the change that it is to hear of.
#[derive(Debug, Clone)]
pub struct Match {
    /// Its owner.
    pub account: Uuid,
    /// The automation; none where it is not known who listens.
    pub automation: Option<Uuid>,
    /// Its version.
    pub version: i32,
    /// The trigger data as text of JSON; none where none could be made.
    pub data: Option<String>,
    /// The lead that it is about.
    pub lead: Option<Uuid>,
    /// The conversation that it is about.
    pub conversation: Option<Uuid>,
    /// Higher first.
    pub priority: i16,
    /// What `re_entry` and `debounce_seconds` are about; none where the automation has neither.
    pub record: Option<String>,
}

impl Match {
    /// A change of which it is not known who hears it.
    pub fn unknown(data: Option<String>) -> Match {
        Match {
            account: Uuid::nil(),
            automation: None,
            version: 0,
            data,
            lead: None,
            conversation: None,
            priority: 0,
            record: None,
        }
    }
}

/// Puts matches into the queue; their ids are those of the executions to be.
pub fn queue(matches: &[Match], provenance: Provenance) -> Result<(), Refusal> {
    let known: Vec<&Match> = matches.iter().filter(|one| one.automation.is_some()).collect();
    if known.is_empty() || direct::queued(&known, provenance)? {
        return Ok(());
    }
    written(
        "INSERT INTO automations.queue (account_id, id, automation_id, version, trigger_type, trigger_data, lead_id,
                conversation_id, caused_by, depth, priority, record)
         SELECT m.account_id, m.id, m.automation_id, m.version, 'event', m.data::jsonb, m.lead_id,
                m.conversation_id, $8, $9, m.priority, m.record
           FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::uuid[], $7::uuid[],
                       $10::smallint[], $11::text[])
                    AS m (account_id, id, automation_id, version, data, lead_id, conversation_id, priority, record)",
        &[
            uuids(known.iter().map(|one| Some(one.account))),
            uuids(known.iter().map(|_| Some(new_id()))),
            uuids(known.iter().map(|one| one.automation)),
            known.iter().map(|one| one.version).collect::<Vec<_>>().into(),
            known.iter().map(|one| one.data.clone()).collect::<Vec<_>>().into(),
            uuids(known.iter().map(|one| one.lead)),
            uuids(known.iter().map(|one| one.conversation)),
            provenance.caused_by.map(to_postgres).into(),
            provenance.depth.into(),
            known.iter().map(|one| one.priority).collect::<Vec<_>>().into(),
            known.iter().map(|one| one.record.clone()).collect::<Vec<_>>().into(),
        ],
    )
}

/// Puts down what could not be queued, with the reason. Data that jsonb refuses is left out.
pub fn miss(
    matches: &[Match],
    place: &Place<'_>,
    provenance: Provenance,
    failure: &Failure,
) -> Result<(), Refusal> {
    written(
        "INSERT INTO automations.missed (tab, operation, source, account_id, automation_id, data, lead_id,
                conversation_id, record, caused_by, depth, sqlstate, message)
         SELECT $6::oid::regclass::text, $7, $8, nullif(m.account_id, '00000000-0000-0000-0000-000000000000'), m.automation_id,
                m.data::jsonb, m.lead_id, m.conversation_id, m.record, $9, $10, $11, $12
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $13::text[])
                    AS m (account_id, automation_id, data, lead_id, conversation_id, record)",
        &[
            uuids(matches.iter().map(|one| Some(one.account))),
            uuids(matches.iter().map(|one| one.automation)),
            matches
                .iter()
                .map(|one| one.data.clone())
                .collect::<Vec<_>>()
                .into(),
            uuids(matches.iter().map(|one| one.lead)),
            uuids(matches.iter().map(|one| one.conversation)),
            // SAFETY: the oid of a table.
            unsafe { DatumWithOid::new(place.table, pg_sys::OIDOID) },
            place.operation.into(),
            place.source.into(),
            provenance
                .caused_by
                .map(to_postgres)
                .into(),
            provenance.depth.into(),
            failure.sqlstate.as_str().into(),
            failure.message.as_str().into(),
            matches
                .iter()
                .map(|one| one.record.clone())
                .collect::<Vec<_>>()
                .into(),
        ],
    )
}

/// Where something was missed.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The table.
    pub table: pg_sys::Oid,
    /// INSERT, UPDATE or DELETE.
    pub operation: &'p str,
    /// The source, where it is known.
    pub source: Option<&'p str>,
}

fn written(statement: &str, arguments: &[DatumWithOid<'_>]) -> Result<(), Refusal> {
    quickly(|| Ok(Spi::run_with_args(statement, arguments)?))
}

fn uuids(ids: impl Iterator<Item = Option<Uuid>>) -> DatumWithOid<'static> {
    ids.map(|id| id.map(to_postgres)).collect::<Vec<_>>().into()
}
