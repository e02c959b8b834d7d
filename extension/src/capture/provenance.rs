//! Provenance (D12): which execution's write this is, and how long the chain of automations already is.

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::prelude::*;
use uuid::Uuid;

/// What is copied to everything that this transaction causes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The execution whose write this is; none for a person's or the application's.
    pub caused_by: Option<Uuid>,
    /// The depth of what is caused: 0 for what nobody's automation caused.
    pub depth: i16,
}

impl Provenance {
    /// Of this transaction. The settings count only in a session of the daemon, whose login is an explicit member of
    /// automations_daemon: anybody can set them, and a superuser is a member of everything.
    pub fn current() -> Provenance {
        // SAFETY: catalogue look-ups; role names and settings end with zero.
        unsafe {
            let daemon = pg_sys::get_role_oid(c"automations_daemon".as_ptr(), true);
            if daemon == pg_sys::InvalidOid
                || !pg_sys::is_member_of_role_nosuper(pg_sys::GetSessionUserId(), daemon)
            {
                return Provenance::default();
            }
        }
        let Some(caused_by) = setting(c"automations.execution_id").and_then(|id| id.parse().ok()) else {
            return Provenance::default();
        };
        let depth = setting(c"automations.depth")
            .and_then(|depth| depth.parse::<i16>().ok())
            .unwrap_or(0);
        Provenance {
            caused_by: Some(caused_by),
            depth: depth.max(0).saturating_add(1),
        }
    }
}

/// `automations.provenance()`: one row.
#[pg_extern(sql = false)]
fn provenance() -> TableIterator<'static, (name!(execution_id, Option<pgrx::Uuid>), name!(depth, i16))> {
    let here = Provenance::current();
    let caused_by = here.caused_by.map(crate::ids::to_postgres);
    TableIterator::once((caused_by, here.depth))
}

fn setting(name: &CStr) -> Option<String> {
    // SAFETY: null where there is no such setting, else a string of the server that is copied at once.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())
    }
}
