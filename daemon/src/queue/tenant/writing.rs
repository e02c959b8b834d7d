//! The end of a shared transaction: what its nodes have handed in are its last statements, and the COMMIT is sent behind them.

use std::pin::pin;
use std::sync::atomic::Ordering;

use futures_util::{join, try_join};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::Committed;
use super::commit::{FINISH, RECORD};
use super::shared::{Begun, Shared};
use crate::queue::sent::Sent;
use crate::queue::{Claim, columns};

/// What a node hands in.
pub struct Handed {
    pub(super) claim: Claim,
    pub(super) what: What,
    pub(super) answer: oneshot::Sender<Committed>,
}

/// As what it is written.
pub enum What {
    /// A list of records.
    Steps(Box<RawValue>),
    /// A result.
    End(Box<RawValue>),
}

impl What {
    pub(super) fn bytes(&self) -> usize {
        let (What::Steps(json) | What::End(json)) = self;
        json.get().len()
    }
}

impl Shared {
    /// Steps back, writes all of it and commits.
    pub(super) async fn written(&self, begun: &Begun, handed: &[Handed]) -> Committed {
        let (mut recorded, mut ended) = (Group::default(), Group::default());
        for one in handed {
            match &one.what {
                What::Steps(steps) => recorded.add(one.claim, steps),
                What::End(result) => ended.add(one.claim, result),
            }
        }
        let transaction = &begun.transaction;
        let Some(client) = &transaction.client else {
            return Committed::Apart;
        };
        let both = pin!(async { try_join!(client.prepare_cached(RECORD), client.prepare_cached(FINISH)) });
        let prepared = transaction.answered(both).await;
        let (record, finish) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Committed::No(error.into()),
        };
        transaction.committing.store(true, Ordering::Relaxed);
        let role: [&(dyn ToSql + Sync); 1] = [&&*begun.role];
        let all = pin!(async {
            join!(
                client.query_one(&begun.leave_tenant, &role),
                recorded.write(client, &record),
                ended.write(client, &finish),
                client.batch_execute("COMMIT"),
            )
        });
        let written = pin!(transaction.switch.write(all));
        let (left, recorded, ended, committed) = transaction.answered(written).await;
        transaction.over.store(committed.is_ok(), Ordering::Relaxed);
        let is_uncounted = |row: &Option<Row>| {
            row.as_ref()
                .is_some_and(|row| matches!(row.try_get(0), Ok(Some(true))))
        };
        if committed.is_ok() && ended.as_ref().is_ok_and(is_uncounted) {
            self.queue.sharing.count_later(&self.queue);
        }
        Committed::of(left.and(recorded).and(ended).map(drop), committed)
    }
}

/// What is written with one statement.
#[derive(Default)]
struct Group<'a> {
    claims: Vec<Claim>,
    what: Vec<&'a RawValue>,
}

impl<'a> Group<'a> {
    fn add(&mut self, claim: Claim, what: &'a RawValue) {
        self.claims.push(claim);
        self.what.push(what);
    }

    /// Asks nothing where there is nothing to write.
    async fn write(self, client: &Client, statement: &Statement) -> Result<Option<Row>, Error> {
        if self.claims.is_empty() {
            return Ok(None);
        }
        let (accounts, ids, tokens) = columns(&self.claims);
        let row = client
            .query_one(statement, &[&accounts, &ids, &tokens, &Sent(self.what)])
            .await?;
        Ok(Some(row))
    }
}
