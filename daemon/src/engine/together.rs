//! Writing in groups: what is ready when a call leaves goes with it, and what comes meanwhile goes with the next. What a
//! group passed over, its own walk writes alone, which says why.

use std::collections::HashSet;
use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::gathering::{Gathering, within};
use crate::queue::{Claim, QueueError};

/// Executions in one call.
const GROUP: usize = 64;
/// Bytes in one call: what a group stores is one JSON value. What is larger by itself goes alone.
const MOST_BYTES: usize = 8 << 20;

/// A write of which there is one for many executions.
pub trait Write: Send + Sync + 'static {
    /// What is written of one.
    type What: Send + Sync;

    /// Its size as JSON in bytes.
    fn bytes(what: &Self::What) -> usize;

    /// Whether a group of one is worth a call: else it is left to its walk.
    fn is_worth(group: usize) -> bool;

    /// One call; `what[i]` belongs to `claims[i]`. The ids of those that are written.
    fn write(
        &self,
        claims: &[Claim],
        what: &[&Self::What],
    ) -> impl Future<Output = Result<HashSet<uuid::Uuid>, QueueError>> + Send;
}

struct Job<T> {
    claim: Claim,
    what: T,
    written: oneshot::Sender<bool>,
}

/// Takes what is to be written; the task ends when this is dropped.
pub struct Together<W: Write> {
    jobs: mpsc::Sender<Job<W::What>>,
}

impl<W: Write> Together<W> {
    /// Starts the task.
    pub fn start(write: W, gathering: Gathering) -> Together<W> {
        let (jobs, waiting) = mpsc::channel(GROUP);
        tokio::spawn(serve(write, waiting, gathering));
        Together { jobs }
    }

    /// True: it is written, perhaps with others. False: write it alone, nothing is known of it.
    pub async fn write(&self, claim: Claim, what: W::What) -> bool {
        if W::bytes(&what) > MOST_BYTES {
            return false;
        }
        let (written, answer) = oneshot::channel();
        let job = Job { claim, what, written };
        self.jobs.send(job).await.is_ok() && answer.await.unwrap_or(false)
    }
}

async fn serve<W: Write>(write: W, mut waiting: mpsc::Receiver<Job<W::What>>, gathering: Gathering) {
    let mut ready = Vec::new();
    while waiting.recv_many(&mut ready, GROUP).await > 0 {
        gathering.gather(&mut waiting, &mut ready, GROUP).await;
        for group in within(std::mem::take(&mut ready), MOST_BYTES, |job| W::bytes(&job.what)) {
            let written = match W::is_worth(group.len()) {
                true => call(&write, &group).await,
                false => HashSet::new(),
            };
            for job in group {
                let _ = job.written.send(written.contains(&job.claim.id));
            }
        }
    }
}

async fn call<W: Write>(write: &W, group: &[Job<W::What>]) -> HashSet<uuid::Uuid> {
    let claims: Vec<Claim> = group.iter().map(|job| job.claim).collect();
    let what: Vec<&W::What> = group.iter().map(|job| &job.what).collect();
    match write.write(&claims, &what).await {
        Ok(written) => written,
        Err(error) => {
            // what one of them is refused for, or the database is away for: each finds out by itself
            tracing::debug!(%error, "written one by one");
            HashSet::new()
        }
    }
}
