//! Look-ups in the caches of the catalogue, inside a transaction.

use std::ffi::CStr;

use pgrx::pg_sys;

/// A table by its name.
#[must_use]
pub fn table(schema: &CStr, name: &CStr) -> Option<pg_sys::Oid> {
    // SAFETY: both names end with zero; of a schema that is not there there is no table.
    let table = unsafe {
        let schema = pg_sys::get_namespace_oid(schema.as_ptr(), true);
        pg_sys::get_relname_relid(name.as_ptr(), schema)
    };
    (table != pg_sys::InvalidOid).then_some(table)
}

/// What `pg_class` says of a relation; none if there is no such relation.
pub fn class<R>(relation: pg_sys::Oid, read: impl FnOnce(&pg_sys::FormData_pg_class) -> R) -> Option<R> {
    // SAFETY: an entry of the cache is read while it is pinned and then released.
    unsafe {
        let entry = pg_sys::SearchSysCache1(
            pg_sys::SysCacheIdentifier::RELOID as i32,
            pg_sys::Datum::from(relation),
        );
        if entry.is_null() {
            return None;
        }
        let found = read(&*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_class>(
            entry,
        ));
        pg_sys::ReleaseSysCache(entry);
        Some(found)
    }
}

/// The row of `pg_proc` of the function of schema `automations` with this name and these arguments; none if there is none.
pub fn function<R>(
    name: &CStr,
    arguments: &[pg_sys::Oid],
    read: impl FnOnce(pg_sys::HeapTuple) -> R,
) -> Option<R> {
    let count = i32::try_from(arguments.len()).ok()?;
    // SAFETY: an entry of the cache is read while it is pinned and then released.
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
