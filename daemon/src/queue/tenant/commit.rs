//! The end of a transaction as the tenant: records of steps, or results of executions that end with them, are the last
//! statements, and the COMMIT is sent behind them.

use std::pin::pin;
use std::sync::atomic::Ordering;

use futures_util::join;
use serde_json::value::RawValue;
use tokio_postgres::types::ToSql;

use super::super::error::QueueError;
use super::super::sent::Sent;
use super::OwnTransaction;
use crate::engine::record::Record;
use crate::queue::Claim;

pub(super) const RECORD: &str =
    "SELECT automations.record_with_effect($1, $2, $3, automations.from_json($4))::text";
pub(super) const FINISH: &str =
    "SELECT automations.finish_with_effect($1, $2, $3, automations.from_json($4))";

/// What both say of a lease that is lost.
const LEASE_LOST: &str = "40000";
/// An earlier try of the step, of which nobody knew, has been committed.
const RECORDED: &str = "40002";

/// What became of a commit.
#[derive(Debug)]
pub enum Committed {
    /// All of it is there.
    Yes,
    /// The lease is lost, and nothing of it is there.
    Lost,
    /// Nothing of it is there.
    No(QueueError),
    /// Nothing of it is there, for a reason that may be another node's: alone it may succeed.
    Apart,
    /// Nobody knows, for this reason.
    Unknown(String),
}

impl Committed {
    /// From the answers to what was written and to the COMMIT behind it.
    pub(super) fn of(
        written: Result<(), tokio_postgres::Error>,
        committed: Result<(), tokio_postgres::Error>,
    ) -> Committed {
        match written {
            Ok(()) => match committed {
                Ok(()) => Committed::Yes,
                Err(error) => Committed::Unknown(QueueError::from(error).to_string()),
            },
            Err(error) => match error.code().map(|code| code.code()) {
                Some(LEASE_LOST) => Committed::Lost,
                Some(RECORDED) | None => Committed::Unknown(QueueError::from(error).to_string()),
                Some(_) => Committed::No(error.into()),
            },
        }
    }
}

impl OwnTransaction {
    /// Writes step records under the lease, and commits: the one write of this transaction.
    pub(super) async fn commit(self, claim: Claim, steps: &[Record]) -> Committed {
        self.last(RECORD, claim, &Sent([steps])).await
    }

    /// Ends the execution under its lease, and commits. [`Committed::Lost`] is also said where somebody has locked it.
    pub(super) async fn finish(self, claim: Claim, result: &RawValue) -> Committed {
        self.last(FINISH, claim, &Sent([result])).await
    }

    async fn last(self, sql: &str, claim: Claim, what: &(dyn ToSql + Sync)) -> Committed {
        let Some(client) = &self.client else {
            return Committed::Lost;
        };
        let statement = match self.answered(pin!(client.prepare_cached(sql))).await {
            Ok(statement) => statement,
            Err(error) => return Committed::No(error.into()),
        };
        let begin = async {
            match self.begun.swap(true, Ordering::Relaxed) {
                true => Ok(()), // by what it did
                false => client.batch_execute("BEGIN").await,
            }
        };
        self.committing.store(true, Ordering::Relaxed);
        let (account, id, token) = (&[claim.account_id][..], &[claim.id][..], &[claim.token][..]);
        let parameters: [&(dyn ToSql + Sync); 4] = [&account, &id, &token, what];
        let all = pin!(async {
            join!(
                begin,
                client.query_one(&statement, &parameters),
                client.batch_execute("COMMIT")
            )
        });
        let (begun, written, committed) = self.answered(pin!(self.switch.write(all))).await;
        self.over.store(committed.is_ok(), Ordering::Relaxed);
        Committed::of(begun.and(written).map(drop), committed)
    }
}
