//! Which rows of the queue a daemon names.

use uuid::Uuid;

use crate::ids::from_postgres;

/// What a daemon names under its lease: the row, and where in a list stands what is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Its owner.
    pub account: Uuid,
    /// The execution to be.
    pub id: Uuid,
    /// Of the lease.
    pub token: Uuid,
    /// From 0.
    pub place: usize,
}

/// Rows that are named by three arrays, each once, in the order in which everybody locks them.
#[must_use]
pub fn named(
    accounts: &[Option<pgrx::Uuid>],
    ids: &[Option<pgrx::Uuid>],
    tokens: &[Option<pgrx::Uuid>],
) -> Vec<Named> {
    let id = |id: &Option<pgrx::Uuid>| id.map(from_postgres);
    let given = accounts.iter().zip(ids).zip(tokens).enumerate();
    let mut named: Vec<Named> = given
        .filter_map(|(place, ((account, execution), token))| {
            Some(Named {
                account: id(account)?,
                id: id(execution)?,
                token: id(token)?,
                place,
            })
        })
        .collect();
    named.sort_unstable();
    named.dedup_by_key(|one| (one.account, one.id));
    named
}
