//! Emitted events: `emit()` looks at the account as the caller and writes as the owner of the tables, `replay()` gives one
//! to an automation, and `event_matches()` and `event_fires()` say whether a wait or an automation takes one.

use std::cell::RefCell;
use std::rc::Rc;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid};
use serde_json::{Value, json};

use crate::acting::as_table_owner;
use crate::asking::must_see_automation;
use crate::jsonb;
use crate::refusal::Refusal;

/// `automations.emit(event, payload, correlation_id, account_id)`.
#[pg_extern(sql = false)]
fn emit(
    event: Option<&str>,
    payload: Option<AnyElement>,
    correlation_id: Option<&str>,
    account_id: Option<Uuid>,
) -> Result<Option<Uuid>, ErrorReport> {
    let account_id = match account_id {
        Some(account_id) => account_id,
        None => own_account()?.ok_or_else(|| {
            Refusal::Argument("nobody is signed in: say which account emits the event".to_owned())
        })?,
    };
    if !may_act_for(account_id)? {
        return Err(Refusal::Denied(account_id.to_string()).into());
    }
    let payload = match payload {
        // SAFETY: the argument is declared jsonb and is passed on as it is.
        Some(payload) => unsafe { DatumWithOid::new(payload, pg_sys::JSONBOID) },
        None => DatumWithOid::null_oid(pg_sys::JSONBOID),
    };
    let emitted = as_table_owner(|| {
        Ok(Spi::get_one_with_args::<Uuid>(
            "SELECT automations.emit_event($1, $2, $3, $4)",
            &[event.into(), payload, correlation_id.into(), account_id.into()],
        )?)
    })?;
    Ok(emitted)
}

/// `automations.replay(event_id, automation_id, test_mode)`.
#[pg_extern(sql = false)]
fn replay(
    event_id: Option<Uuid>,
    automation_id: Option<Uuid>,
    test_mode: Option<bool>,
) -> Result<Option<Uuid>, ErrorReport> {
    let event_id = event_id.ok_or(Refusal::Null("event_id"))?;
    let automation_id = automation_id.ok_or(Refusal::Null("automation_id"))?;
    must_see_automation(automation_id)?;
    let visible: Option<bool> = Spi::get_one_with_args(
        "SELECT EXISTS (SELECT FROM public.automation_events e WHERE e.id OPERATOR(pg_catalog.=) $1)",
        &[event_id.into()],
    )
    .map_err(Refusal::from)?;
    if visible != Some(true) {
        return Err(Refusal::Unknown {
            kind: "event",
            id: event_id.to_string(),
        }
        .into());
    }
    let started = as_table_owner(|| {
        Ok(Spi::get_one_with_args::<Uuid>(
            "SELECT automations.start_replay($1, $2, $3)",
            &[event_id.into(), automation_id.into(), test_mode.into()],
        )?)
    })?;
    Ok(started)
}

/// The user in the request's claims; a setting, so it is the same whoever reads it.
pub(crate) fn own_account() -> Result<Option<Uuid>, Refusal> {
    as_table_owner(|| Ok(Spi::get_one("SELECT automations.claimed_user()")?))
}

/// Whether the caller may act for the account: as row level security would decide about a row of the events, which
/// does not bind superusers, the owner of the tables and the application's own back end.
fn may_act_for(account_id: Uuid) -> Result<bool, Refusal> {
    let may: Option<bool> = Spi::get_one_with_args(
        "SELECT CASE WHEN pg_catalog.row_security_active('public.automation_events')
                     THEN public.has_account_access($1) ELSE true END",
        &[account_id.into()],
    )?;
    Ok(may == Some(true))
}

thread_local! {
    /// The event that was looked at last: one event is asked about for each step that waits, and may have a megabyte.
    static LAST: RefCell<Option<(Vec<u8>, Rc<Value>)>> = const { RefCell::new(None) };
}

/// `automations.event_matches(match, event)`.
#[pg_extern(sql = false)]
fn event_matches(asked: Option<AnyElement>, event: Option<AnyElement>) -> Result<bool, ErrorReport> {
    let Some(event) = event else { return Ok(false) };
    let (Ok(asked), Some(event)) = (jsonb::argument(asked, "match"), read(event.datum())) else {
        return Ok(false);
    };
    Ok(flow::event_matches(&asked, &event).unwrap_or(false))
}

/// `automations.event_fires(conditions, event)`.
#[pg_extern(sql = false)]
fn event_fires(conditions: Option<AnyElement>, event: Option<AnyElement>) -> Result<bool, ErrorReport> {
    let Some(conditions) = conditions else {
        return Ok(true);
    };
    let (Ok(conditions), Some(event)) = (
        jsonb::argument(Some(conditions), "conditions"),
        event.and_then(|event| read(event.datum())),
    ) else {
        return Ok(false);
    };
    let config = json!({"event_source": "event", "event_name": "any", "conditions": conditions});
    let listener = flow::Listener::from_config(&config).ok().flatten();
    Ok(listener.is_some_and(|listener| listener.matches(&event)))
}

/// The event as a value; none where Rust refuses what jsonb holds.
fn read(event: pg_sys::Datum) -> Option<Rc<Value>> {
    // SAFETY: a jsonb is a varlena; the copy without compression lives until the end of the call.
    let bytes = unsafe {
        let plain = pg_sys::pg_detoast_datum_packed(event.cast_mut_ptr());
        pgrx::varlena_to_byte_slice(plain).to_vec()
    };
    let known = LAST.with_borrow(|last| match last {
        Some((text, value)) if *text == bytes => Some(value.clone()),
        _ => None,
    });
    if known.is_some() {
        return known;
    }
    let value = Rc::new(jsonb::parse(&jsonb::text_of(event), "event").ok()?);
    LAST.replace(Some((bytes, value.clone())));
    Some(value)
}
