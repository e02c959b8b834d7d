//! Which making of a function stands in the catalogue: `CREATE OR REPLACE` makes another stamp, as PL/pgSQL sees by the same
//! two fields that it has to compile one again.

use std::ffi::CStr;

use pgrx::pg_sys;

/// One making of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    xmin: u32,
    block: (u16, u16),
    offset: u16,
}

impl Stamp {
    /// Of the function of schema `automations` with this name and these arguments; none if there is none.
    #[must_use]
    pub fn of_function(name: &CStr, arguments: &[pg_sys::Oid]) -> Option<Stamp> {
        // SAFETY: an entry of the cache that is pinned.
        entry(name, arguments, |entry| unsafe {
            let place = (*entry).t_self;
            Stamp {
                xmin: (*(*entry).t_data).t_choice.t_heap.t_xmin.into_inner(),
                block: (place.ip_blkid.bi_hi, place.ip_blkid.bi_lo),
                offset: place.ip_posid,
            }
        })
    }
}

/// The function of schema `automations` with this name and these arguments; none if there is none.
#[must_use]
pub fn function(name: &CStr, arguments: &[pg_sys::Oid]) -> Option<pg_sys::Oid> {
    // SAFETY: an entry of the cache that is pinned.
    entry(name, arguments, |entry| unsafe {
        (*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_proc>(entry)).oid
    })
}

fn entry<R>(name: &CStr, arguments: &[pg_sys::Oid], read: impl FnOnce(pg_sys::HeapTuple) -> R) -> Option<R> {
    let count = i32::try_from(arguments.len()).ok()?;
    // SAFETY: catalogue look-ups inside a transaction; the entry is read while it is pinned and then released.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"automations".as_ptr(), true);
        let entry = pg_sys::SearchSysCache3(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            pg_sys::Datum::from(name.as_ptr()),
            pg_sys::Datum::from(pg_sys::buildoidvector(arguments.as_ptr(), count)),
            pg_sys::Datum::from(schema),
        );
        if entry.is_null() {
            return None;
        }
        let found = read(entry);
        pg_sys::ReleaseSysCache(entry);
        Some(found)
    }
}
