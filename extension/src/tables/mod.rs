//! Tables of ours that are read and written without a query: parsing, planning and starting a statement costs several times
//! what reading or storing a row does. Only where they are as `install()` makes them, and nobody is waited for; else whoever
//! asks does it by a query.
//!
//! | room | does |
//! |---|---|
//! | [`queue`] | what `automations.queue` is like |
//! | [`history`] | what the partitions of `public.automation_executions` are like |
//! | [`altered`] | hears when that is not true any more |
//! | [`storing`] | puts rows into one of them, and into its indexes |

mod altered;
pub mod history;
pub mod queue;
pub mod storing;

use std::ffi::CStr;

use pgrx::{PgTupleDesc, pg_sys};

/// A column by its name, and its type.
pub type Column = (&'static CStr, pg_sys::Oid);

/// Where each of these columns stands, from 0; none where one is missing or of another type.
#[must_use]
pub fn places<const N: usize>(description: &PgTupleDesc<'_>, columns: &[Column; N]) -> Option<[usize; N]> {
    let mut places = [0; N];
    for (place, (name, kind)) in places.iter_mut().zip(columns) {
        *place = description.iter().position(|attribute| {
            // SAFETY: a name ends with zero.
            let found = unsafe { CStr::from_ptr(attribute.attname.data.as_ptr()) };
            !attribute.attisdropped && found == *name && attribute.atttypid == *kind
        })?;
    }
    Some(places)
}

/// A lock as a statement that writes takes it, where nobody has to be waited for; it stays until the transaction ends.
#[must_use]
pub fn lock(table: pg_sys::Oid) -> bool {
    // SAFETY: the oid of a table, which may have gone: then what was known of it is not true any more.
    unsafe { pg_sys::ConditionalLockRelationOid(table, pg_sys::RowExclusiveLock as i32) }
}
