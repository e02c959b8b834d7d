//! Statements that are planned once for a backend and never freed: at its exit, and while an error is on its way, nobody
//! could free them safely. PostgreSQL plans them again where what they depend on has changed.

use std::cell::OnceCell;
use std::thread::LocalKey;

use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient};

use crate::refusal::Refusal;

/// Where a plan is kept.
pub type Plan = OnceCell<&'static OwnedPreparedStatement>;

/// The plan of a statement that reads, made at its first use.
pub fn plan(
    cell: &'static LocalKey<Plan>,
    client: &SpiClient<'_>,
    text: &str,
    types: &[PgOid],
) -> Result<&'static OwnedPreparedStatement, Refusal> {
    kept(cell, || Ok(client.prepare(text, types)?.keep()))
}

/// The plan of a statement that may lock or write rows, made at its first use.
pub fn writing_plan(
    cell: &'static LocalKey<Plan>,
    client: &SpiClient<'_>,
    text: &str,
    types: &[PgOid],
) -> Result<&'static OwnedPreparedStatement, Refusal> {
    kept(cell, || Ok(client.prepare_mut(text, types)?.keep()))
}

fn kept(
    cell: &'static LocalKey<Plan>,
    make: impl FnOnce() -> Result<OwnedPreparedStatement, Refusal>,
) -> Result<&'static OwnedPreparedStatement, Refusal> {
    cell.with(|cell| match cell.get() {
        Some(plan) => Ok(*plan),
        None => {
            let made: &'static OwnedPreparedStatement = Box::leak(Box::new(make()?));
            Ok(*cell.get_or_init(|| made))
        }
    })
}
