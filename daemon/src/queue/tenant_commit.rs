//! The end of a database node's transaction: its record, or the result of the execution that ends with it, is the last
//! statement, and the COMMIT is sent behind it.

use std::sync::atomic::Ordering;

use futures_util::join;
use serde_json::value::RawValue;
use tokio_postgres::types::{Json, ToSql};

use super::error::QueueError;
use super::tenant::TenantTransaction;
use super::{Claim, record};
use crate::engine::record::Record;

const RECORD: &str = "SELECT automations.record_with_effect($1, $2, $3, $4)::text";
const FINISH: &str = "SELECT automations.finish_with_effect($1, $2, $3, $4)::text";

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
    /// Nobody knows.
    Unknown(QueueError),
}

impl TenantTransaction {
    /// Writes step records under the lease, and commits: the one write of this transaction.
    pub async fn commit(self, claim: Claim, steps: &[Record]) -> Committed {
        let steps = Json(steps);
        self.last(RECORD, &record::parameters(&claim, &steps)).await
    }

    /// Ends the execution under its lease, and commits. [`Committed::Lost`] is also said where somebody has locked it.
    pub async fn finish(self, claim: Claim, result: &RawValue) -> Committed {
        let result = Json(result);
        self.last(FINISH, &[&claim.account_id, &claim.id, &claim.token, &result])
            .await
    }

    async fn last(mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Committed {
        let Some(client) = &self.client else {
            return Committed::Lost;
        };
        let statement = match self.answered(client.prepare_cached(sql)).await {
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
        let all = async {
            join!(
                begin,
                client.query_one(&statement, parameters),
                client.batch_execute("COMMIT")
            )
        };
        let (begun, written, committed) = self.answered(self.switch.write(all)).await;
        let over = committed.is_ok();
        let outcome = match begun.and(written) {
            Ok(_) => match committed {
                Ok(()) => Committed::Yes,
                Err(error) => Committed::Unknown(error.into()),
            },
            Err(error) => match error.as_db_error().map(|error| error.code().code()) {
                Some(LEASE_LOST) => Committed::Lost,
                Some(RECORDED) => Committed::Unknown(error.into()),
                Some(_) => Committed::No(error.into()),
                None => Committed::Unknown(error.into()),
            },
        };
        if over {
            self.client = None;
        }
        outcome
    }
}
