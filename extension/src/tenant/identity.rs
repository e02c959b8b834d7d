//! Who acts: `become_tenant`, `next_of_tenant`, `last_of_tenant`, `leave_tenant`. Settings of the transaction are set without a query, because
//! to set up a statement takes longer than all of them: an execution with a database node begins and ends with these. The second
//! is an argument of what a node asks, and that is one of the third, so that each saves a statement.
//!
//! Which role is the tenant's, and whether it may be, is asked by a query (`tenant_role()`) and remembered until a role or a
//! membership changes, as PostgreSQL remembers what a role is a member of.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};
use std::ops::ControlFlow;
use std::sync::Once;

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid};

use crate::acting::set_for_transaction;
use crate::ids::from_postgres;
use crate::newest;
use crate::plans::{Plan, plan};
use crate::refusal::Refusal;
use crate::tables::settings;

thread_local! {
    static TENANT_ROLE: Plan = const { Plan::new() };
    static FOUND: RefCell<Option<Found>> = const { RefCell::new(None) };
    /// How often roles or memberships have changed.
    static HEARD: Cell<u64> = const { Cell::new(0) };
}

/// A role that may be the tenant's.
struct Found {
    /// As the setting says it, as JSON.
    said: String,
    name: String,
    /// As of which change of roles.
    heard: u64,
}

/// `automations.become_tenant(account_id, execution_id, depth, lock_timeout_ms, statement_timeout_ms)`.
#[pg_extern(sql = false)]
fn become_tenant(
    account_id: Option<Uuid>,
    execution_id: Option<Uuid>,
    depth: Option<i16>,
    lock_timeout_ms: Option<i64>,
    statement_timeout_ms: Option<i64>,
) -> Result<String, ErrorReport> {
    let role = tenant_role()?;
    act_for(
        &role,
        account_id,
        execution_id,
        depth,
        lock_timeout_ms,
        statement_timeout_ms,
    )?;
    set(c"role", &role)?;
    Ok(role)
}

/// `automations.next_of_tenant(tenant_role, account_id, execution_id, depth, lock_timeout_ms, statement_timeout_ms)`.
#[pg_extern(sql = false)]
fn next_of_tenant(
    tenant_role: Option<&str>,
    account_id: Option<Uuid>,
    execution_id: Option<Uuid>,
    depth: Option<i16>,
    lock_timeout_ms: Option<i64>,
    statement_timeout_ms: Option<i64>,
) -> Result<Option<Uuid>, ErrorReport> {
    let role = settled_as(tenant_role)?;
    act_for(
        role,
        account_id,
        execution_id,
        depth,
        lock_timeout_ms,
        statement_timeout_ms,
    )?;
    Ok(account_id)
}

/// `automations.leave_tenant(tenant_role)`.
#[pg_extern(sql = false)]
fn leave_tenant(tenant_role: Option<&str>) -> Result<(), ErrorReport> {
    settled_as(tenant_role)?;
    set(c"role", "automations_daemon")?;
    Ok(())
}

/// `automations.last_of_tenant(tenant_role, came_to)`.
#[pg_extern(sql = false)]
fn last_of_tenant(
    tenant_role: Option<&str>,
    came_to: Option<AnyElement>,
) -> Result<Option<AnyElement>, ErrorReport> {
    leave_tenant(tenant_role)?;
    Ok(came_to)
}

/// Runs the triggers that were deferred: as the tenant, and in the name of the node that caused them and not of the next. What is deferred
/// from now on is run with its statement.
fn settled_as(tenant_role: Option<&str>) -> Result<&str, Refusal> {
    must_be(tenant_role)?;
    let mut immediate = pg_sys::ConstraintsSetStmt {
        type_: pg_sys::NodeTag::T_ConstraintsSetStmt,
        constraints: std::ptr::null_mut(), // all of them
        deferred: false,
    };
    // SAFETY: what SET CONSTRAINTS ALL IMMEDIATE does in a function.
    unsafe { pg_sys::AfterTriggerSetState(&mut immediate) };
    must_be(tenant_role)
}

/// The owner in the request's claims as PostgREST sets them, the execution that acts, and how long the tenant's next
/// statements may wait and take.
fn act_for(
    role: &str,
    account_id: Option<Uuid>,
    execution_id: Option<Uuid>,
    depth: Option<i16>,
    lock_timeout_ms: Option<i64>,
    statement_timeout_ms: Option<i64>,
) -> Result<(), Refusal> {
    let account = from_postgres(account_id.ok_or(Refusal::Null("account_id"))?);
    let execution = from_postgres(execution_id.ok_or(Refusal::Null("execution_id"))?);
    let depth = depth.ok_or(Refusal::Null("depth"))?;
    let lock_timeout_ms = lock_timeout_ms.ok_or(Refusal::Null("lock_timeout_ms"))?;
    let statement_timeout_ms = statement_timeout_ms.ok_or(Refusal::Null("statement_timeout_ms"))?;
    // as jsonb prints it: what the application compares with may be text
    let role = serde_json::Value::from(role);
    let claims = format!("{{\"sub\": \"{account}\", \"role\": {role}}}");
    set(c"request.jwt.claims", &claims)?;
    set(c"automations.execution_id", &execution.to_string())?;
    set(c"automations.depth", &depth.to_string())?;
    set(c"lock_timeout", &lock_timeout_ms.to_string())?;
    set(c"statement_timeout", &statement_timeout_ms.to_string())
}

/// A trigger of the application that changed the role (`set_config('role', 'none')` gives back the daemon's login) would have
/// the rest of the transaction run with rights that it must not have: it fails instead.
fn must_be(tenant_role: Option<&str>) -> Result<&str, Refusal> {
    let tenant_role = tenant_role.ok_or(Refusal::Null("tenant_role"))?;
    // SAFETY: whoever acts is a role that is there, or this is an ERROR; the name is made in this context.
    let current = unsafe { CStr::from_ptr(pg_sys::GetUserNameFromId(pg_sys::GetUserId(), false)) };
    if current.to_bytes() == tenant_role.as_bytes() {
        return Ok(tenant_role);
    }
    Err(Refusal::RoleChanged {
        to: quoted(current),
        from: quoted(&CString::new(tenant_role)?),
    })
}

/// A name as it is written in SQL.
fn quoted(name: &CStr) -> String {
    // SAFETY: gives the name, or a copy in this context.
    let quoted = unsafe { CStr::from_ptr(pg_sys::quote_identifier(name.as_ptr())) };
    quoted.to_string_lossy().into_owned()
}

fn set(name: &CStr, value: &str) -> Result<(), Refusal> {
    set_for_transaction(name, &CString::new(value)?);
    Ok(())
}

/// The tenant role, which may be one.
fn tenant_role() -> Result<String, Refusal> {
    listen();
    let said = said();
    // a lock that this transaction has already lets nothing in
    // SAFETY: inside a transaction.
    unsafe { pg_sys::AcceptInvalidationMessages() };
    let heard = HEARD.get();
    let is_known = |found: &&Found| found.heard == heard && Some(&found.said) == said.as_ref();
    if let Some(name) =
        FOUND.with_borrow(|found| found.as_ref().filter(is_known).map(|found| found.name.clone()))
    {
        return Ok(name);
    }
    let role = newest::seeing(|| {
        Spi::connect(|client| {
            let plan = plan(&TENANT_ROLE, client, "SELECT automations.tenant_role()", &[])?;
            let role = client.select(plan, Some(1), &[])?.first().get::<String>(1)?;
            role.ok_or(Refusal::NotInstalled)
        })
    })?;
    // what was found by a snapshot that may be older than the last change counts for this one time
    if let Some(said) = said
        && serde_json::from_str::<String>(&said).is_ok_and(|said| said == role)
        && newest::is_seen()
        && heard == HEARD.get()
    {
        FOUND.set(Some(Found {
            said,
            name: role.clone(),
            heard,
        }));
    }
    Ok(role)
}

/// What the settings say that it is, as JSON; none where that cannot be read here.
fn said() -> Option<String> {
    let mut said = None;
    // SAFETY: called by a statement.
    unsafe {
        settings::read(&["tenant_role"], |_, value| {
            said = Some(value);
            ControlFlow::Break(())
        })
    };
    said
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for cache in [
            pg_sys::SysCacheIdentifier::AUTHOID,
            pg_sys::SysCacheIdentifier::AUTHMEMROLEMEM,
        ] {
            // SAFETY: there is room for a few of them, and they stay as long as the backend does.
            unsafe {
                pg_sys::CacheRegisterSyscacheCallback(
                    cache as i32,
                    Some(role_changed),
                    pg_sys::Datum::null(),
                );
            }
        }
    });
}

/// Called by PostgreSQL wherever it hears of changes: counts, and does nothing else.
#[pg_guard]
unsafe extern "C-unwind" fn role_changed(_argument: pg_sys::Datum, _cache: i32, _hash: u32) {
    HEARD.set(HEARD.get().wrapping_add(1));
}
