//! Capture.
use pgrx::prelude::*;
use pgrx::{AnyElement, AllocatedByPostgres, PgTrigger, pg_sys};
/// x
#[pg_trigger(sql = false)]
fn capture<'a>(_t: &'a PgTrigger<'a>) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, crate::refusal::Refusal> { Ok(None) }
#[pg_extern(sql = false)]
fn fire_row(_source: &str, _tab: pg_sys::Oid, _op: &str, _old: Option<AnyElement>, _new: Option<AnyElement>) {}
