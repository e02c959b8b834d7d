//! A node's part in a shared transaction: it acts behind those that act in it already, and hands in what is to be written
//! with it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::oneshot;

use super::nodes::Asked;
use super::shared::Shared;
use super::writing::{Handed, What};
use super::{Committed, Tenant, TenantError};
use crate::engine::record::Record;
use crate::queue::Claim;

/// Bytes that all nodes of a transaction may hand in, as JSON: one with more goes alone.
const MOST_BYTES: usize = 8 << 20;

/// A node's part in it. Dropped before all is written, it takes the transaction with it.
pub struct Member(pub(super) Arc<Shared>);

impl Member {
    /// Acts for the execution of this tenant, behind whoever acts in it already.
    pub async fn act(&self, tenant: &Tenant, asked: Asked<'_>) -> Result<Option<String>, TenantError> {
        let acted = async {
            let Some(begun) = self.0.begun.wait().await else {
                return Err(TenantError::closed());
            };
            let transaction = &begun.transaction;
            let statement = transaction.prepared(asked.asking.behind_others).await?;
            let role = &*begun.role;
            let mut parameters = asked.parameters.to_vec();
            parameters.push(&role);
            parameters.extend(tenant.parameters());
            let acted = pin!(transaction.prepared_row(&statement, &parameters));
            let acted = sent_in_time(&begun.sending, acted).await;
            Ok(acted.ok_or_else(TenantError::closed)??.try_get(0)?)
        };
        let acted = tokio::select! {
            biased;
            () = self.0.broken.cancelled() => Err(TenantError::closed()),
            acted = acted => acted,
        };
        acted.inspect_err(|_| self.0.broken.cancel())
    }

    /// Hands in the records of steps; returns when all of the transaction is written, or will never be.
    pub async fn record(self, claim: Claim, steps: &[Record]) -> Committed {
        match to_raw_value(steps) {
            Ok(steps) => self.hand_in(claim, What::Steps(steps)).await,
            Err(_) => Committed::Apart,
        }
    }

    /// Hands in the result of its execution; returns as [`Member::record`].
    pub async fn end(self, claim: Claim, result: &RawValue) -> Committed {
        self.hand_in(claim, What::End(result.to_owned())).await
    }

    async fn hand_in(self, claim: Claim, what: What) -> Committed {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.0.lock();
            state.bytes += what.bytes();
            if self.0.broken.is_cancelled() || state.bytes > MOST_BYTES {
                self.0.broken.cancel();
                return Committed::Apart;
            }
            state.handed.push(Handed { claim, what, answer });
        }
        self.0.handed_in.notify_one();
        answered.await.unwrap_or_else(|_| {
            Committed::Unknown("the task of a shared transaction has ended before its answer".to_owned())
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !self.0.lock().is_written {
            self.0.broken.cancel();
        }
    }
}

/// Polls it first with this lock held, so that what it sends at once is sent before the end. None: too late, nothing was sent.
async fn sent_in_time<F: Future>(sending: &Mutex<bool>, mut all: Pin<&mut F>) -> Option<F::Output> {
    let first = poll_fn(|context| {
        let is_over = sending.lock().unwrap_or_else(PoisonError::into_inner);
        Poll::Ready((!*is_over).then(|| all.as_mut().poll(context)))
    });
    match first.await? {
        Poll::Ready(done) => Some(done),
        Poll::Pending => Some(all.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_while_it_is_rolled_back_is_not_sent() {
        let (sending, sent) = (Mutex::new(false), Mutex::new(0));
        let send = || async {
            *sent.lock().unwrap() += 1;
            tokio::task::yield_now().await; // the answer
            7
        };
        assert_eq!(sent_in_time(&sending, pin!(send())).await, Some(7));
        *sending.lock().unwrap() = true;
        assert_eq!(sent_in_time(&sending, pin!(send())).await, None);
        assert_eq!(*sent.lock().unwrap(), 1);
    }
}
