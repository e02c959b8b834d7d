//! Acting as the owner of the tables, as the foreign-key triggers of Postgres do.
//!
//! `SECURITY DEFINER` is wrong both ways for functions of an extension (DESIGN D4): they belong to a superuser, and a
//! table owner could become one through a trigger of his own. So our functions run as their caller and switch to the
//! owner of `automations.queue` for statements that *we* wrote, with a search path that nobody else chose: with the
//! caller's, an operator of his would run with the owner's rights.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::catalogue;
use crate::refusal::Refusal;

/// The role that owns the tables.
///
/// # Errors
/// [`Refusal::NotInstalled`] where `install()` has not run.
pub fn table_owner() -> Result<pg_sys::Oid, Refusal> {
    let queue = catalogue::table(c"automations", c"queue");
    queue.and_then(owner_of).ok_or(Refusal::NotInstalled)
}

/// The owner of a relation, none if there is no such relation.
#[must_use]
pub fn owner_of(relation: pg_sys::Oid) -> Option<pg_sys::Oid> {
    catalogue::class(relation, |class| class.relowner)
}

/// Does `work` as the owner of the tables.
///
/// # Errors
/// [`Refusal::NotInstalled`], and what `work` refuses.
pub fn as_table_owner<R>(work: impl FnOnce() -> Result<R, Refusal>) -> Result<R, Refusal> {
    let _acting = Acting::begin(table_owner()?, AS_OWNER, &[]);
    work()
}

/// Does `work` as `role`, past forced row level security of its own tables, with a fixed search path and `settings`
/// on top. Everything is put back at the end; after an error the abort of the (sub)transaction puts it back.
///
/// A deferred trigger of `role` is refused in it: before Postgres 18 it runs at the commit, as whoever began the
/// transaction, so that the owner of the tables became the superuser who installed, or the owner of another table that
/// is watched (both seen). Not so for [`as_table_owner`], because executions may have deferrable foreign keys.
///
/// # Errors
/// What `work` refuses.
pub fn as_role<R>(
    role: pg_sys::Oid,
    settings: &[(&CStr, &CStr)],
    work: impl FnOnce() -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    let _acting = Acting::begin(role, AS_OWNER | pg_sys::SECURITY_RESTRICTED_OPERATION, settings);
    work()
}

/// What nobody else chose.
const SEARCH_PATH: &CStr = c"pg_catalog, pg_temp";

/// As the foreign-key triggers do it.
const AS_OWNER: u32 = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_NOFORCE_RLS;

/// The identity and settings to go back to.
struct Acting {
    user: pg_sys::Oid,
    context: i32,
    nest: i32,
}

impl Acting {
    fn begin(role: pg_sys::Oid, limits: u32, settings: &[(&CStr, &CStr)]) -> Acting {
        let mut acting = Acting {
            user: pg_sys::InvalidOid,
            context: 0,
            nest: 0,
        };
        // SAFETY: what ri_PerformCheck() of Postgres does, in its order.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut acting.user, &mut acting.context);
            acting.nest = pg_sys::NewGUCNestLevel();
            // most of our functions have it already, and to set it has the path looked up anew, here and at the end
            if CStr::from_ptr(pg_sys::namespace_search_path) != SEARCH_PATH {
                set_here(c"search_path", SEARCH_PATH);
            }
            for (name, value) in settings {
                set_here(name, value);
            }
            pg_sys::SetUserIdAndSecContext(role, acting.context | limits as i32);
        }
        acting
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        // SAFETY: sets two variables, cannot fail.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) };
        if !std::thread::panicking() {
            // SAFETY: the level that begin() opened. After an error the abort restores the settings instead.
            unsafe { pg_sys::AtEOXact_GUC(true, self.nest) };
        }
    }
}

/// Sets a setting until the end of the transaction, as `set_config()` does. Whoever acts may set it, or this is an ERROR.
pub(crate) fn set_for_transaction(name: &CStr, value: &CStr) {
    set_by(pg_sys::GucAction::GUC_ACTION_LOCAL, name, value);
}

/// Sets a setting until the current nest level ends, as the SET clause of a function does.
pub(crate) fn set_here(name: &CStr, value: &CStr) {
    set_by(pg_sys::GucAction::GUC_ACTION_SAVE, name, value);
}

fn set_by(action: pg_sys::GucAction::Type, name: &CStr, value: &CStr) {
    // SAFETY: both strings end with zero; to save, a nest level is open.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            action,
            true,
            0,
            false,
        );
    }
}
