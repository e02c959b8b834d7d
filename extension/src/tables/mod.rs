//! Tables of ours that are read and written without a query: parsing, planning and starting a statement costs several times
//! what reading or storing a row does. Only where they are as `install()` makes them, and nobody is waited for; else whoever
//! asks does it by a query.
//!
//! | room | does |
//! |---|---|
//! | [`queue`] | what `automations.queue` is like for whoever captures |
//! | [`queue_rows`] | its rows, for whoever claims and ends |
//! | [`plain`] | what the relation cache says of a table |
//! | [`history`] | what the partitions of `public.automation_executions` are like |
//! | [`small`] | reads a small one from end to end |
//! | [`altered`] | hears when that is not true any more |
//! | [`storing`] | puts rows into one of them, and into its indexes |

/// A struct that says where each column of a table stands, from 0: `of` finds them by their names and types, and nothing
/// where one is missing.
macro_rules! columns {
    ($(#[$about:meta])* $name:ident { $($column:ident: $kind:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy)]
        #[allow(missing_docs)] // the columns say it
        pub struct $name { $(pub $column: usize),+ }

        impl $name {
            fn of(description: &pgrx::PgTupleDesc<'_>) -> Option<$name> {
                let place = |name: &str, kind| {
                    let name = std::ffi::CString::new(name).ok()?;
                    super::place(description, &name, kind)
                };
                Some($name { $($column: place(stringify!($column), pg_sys::$kind)?),+ })
            }
        }
    };
}

mod altered;
pub mod history;
mod plain;
pub mod queue;
pub mod queue_rows;
pub mod settings;
pub mod small;
pub mod storing;

use std::ffi::CStr;

use pgrx::{PgTupleDesc, pg_sys};
use uuid::Uuid;

use crate::catalogue::table;

/// A column by its name, and its type.
pub type Column = (&'static CStr, pg_sys::Oid);

/// Where each of these columns stands, from 0; none where one is missing or of another type.
#[must_use]
pub fn places<const N: usize>(description: &PgTupleDesc<'_>, columns: &[Column; N]) -> Option<[usize; N]> {
    let mut places = [0; N];
    for (found, (name, kind)) in places.iter_mut().zip(columns) {
        *found = place(description, name, *kind)?;
    }
    Some(places)
}

fn place(description: &PgTupleDesc<'_>, name: &CStr, kind: pg_sys::Oid) -> Option<usize> {
    description.iter().position(|attribute| {
        // SAFETY: a name ends with zero.
        let found = unsafe { CStr::from_ptr(attribute.attname.data.as_ptr()) };
        !attribute.attisdropped && found == name && attribute.atttypid == kind
    })
}

/// A lock as a statement that writes takes it, where nobody has to be waited for; it stays until the transaction ends.
#[must_use]
pub fn lock(table: pg_sys::Oid) -> bool {
    lock_as(table, pg_sys::RowExclusiveLock)
}

/// The same, in any mode.
fn lock_as(table: pg_sys::Oid, mode: u32) -> bool {
    let mode = i32::try_from(mode).unwrap_or(pg_sys::RowExclusiveLock as i32);
    // SAFETY: the oid of a table, which may have gone: then what was known of it is not true any more.
    unsafe { pg_sys::ConditionalLockRelationOid(table, mode) }
}

/// Locks what `install()` locks first, as whoever is about to read settings and hold automations, where nobody has to be waited
/// for. Before anything else is locked: so nobody waits for `install()` with a lock that it waits for.
#[must_use]
pub fn lock_first() -> bool {
    let settings =
        table(c"automations", c"settings").is_some_and(|table| lock_as(table, pg_sys::AccessShareLock));
    settings && table(c"public", c"automations").is_some_and(|table| lock_as(table, pg_sys::RowShareLock))
}

/// Opens a table that is locked; none if it has gone, or whoever asks has not each of these rights on all of its rows: what is done
/// without a query asks for no others than a query would.
#[must_use]
fn opened(table: pg_sys::Oid, rights: &[u32]) -> Option<pg_sys::Relation> {
    // SAFETY: the table is locked. Its entry in the cache of rights is asked for only when it is there.
    unsafe {
        let relation = pg_sys::try_table_open(table, pg_sys::NoLock as i32);
        if relation.is_null() {
            return None;
        }
        let has = |right: &u32| {
            let answer = pg_sys::pg_class_aclcheck(table, pg_sys::GetUserId(), pg_sys::AclMode::from(*right));
            answer == pg_sys::AclResult::ACLCHECK_OK
        };
        if rights.iter().all(has) && plain::is_open(relation) {
            return Some(relation);
        }
        pg_sys::table_close(relation, pg_sys::NoLock as i32);
        None
    }
}

/// What stands in a column of a row, from 0; none for null.
///
/// # Safety
/// The columns of the slot were read up to this one.
unsafe fn value(slot: *mut pg_sys::TupleTableSlot, column: usize) -> Option<pg_sys::Datum> {
    // SAFETY: as the caller says.
    unsafe { (!*(*slot).tts_isnull.add(column)).then(|| *(*slot).tts_values.add(column)) }
}

/// The id that a datum points to.
///
/// # Safety
/// It is a uuid.
#[must_use]
pub unsafe fn uuid(datum: pg_sys::Datum) -> Uuid {
    // SAFETY: sixteen bytes, as they are.
    unsafe { Uuid::from_bytes(*datum.cast_mut_ptr::<[u8; 16]>()) }
}
