//! Parking in groups, as executions are ended: what is ready when a call leaves goes with it. One that is alone, or that
//! a group passed over, is parked by its own walk.

use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::queue::{Claim, Queue};

/// Executions in one call.
const GROUP: usize = 64;
/// One with more than this to store goes alone: what a group stores is one JSON value.
const MOST_BYTES: usize = 1 << 20;

struct Job {
    claim: Claim,
    park: Box<RawValue>,
    parked: oneshot::Sender<bool>,
}

/// Takes executions that only wait for time to pass. Cheap to clone; the task ends when the last one is dropped.
#[derive(Clone)]
pub struct Parker {
    jobs: mpsc::Sender<Job>,
}

impl Parker {
    /// Starts the task.
    pub fn start(queue: Queue) -> Parker {
        let (jobs, waiting) = mpsc::channel(GROUP);
        tokio::spawn(serve(queue, waiting));
        Parker { jobs }
    }

    /// True: it is parked, together with others. False: park it alone, nothing is known of it.
    pub async fn park(&self, claim: Claim, park: Box<RawValue>) -> bool {
        if park.get().len() > MOST_BYTES {
            return false;
        }
        let (parked, answer) = oneshot::channel();
        let job = Job { claim, park, parked };
        self.jobs.send(job).await.is_ok() && answer.await.unwrap_or(false)
    }
}

async fn serve(queue: Queue, mut waiting: mpsc::Receiver<Job>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let jobs = std::mem::take(&mut group);
        if jobs.len() == 1 {
            for job in jobs {
                let _ = job.parked.send(false);
            }
            continue;
        }
        let claims: Vec<Claim> = jobs.iter().map(|job| job.claim).collect();
        let parks: Vec<&RawValue> = jobs.iter().map(|job| &*job.park).collect();
        let done = queue.park_many(&claims, &parks).await;
        if let Err(error) = &done {
            // what one of them is refused for, or the database is away for: each finds out by itself
            tracing::debug!(%error, "parked one by one");
        }
        let done = done.unwrap_or_default();
        for job in jobs {
            let _ = job.parked.send(done.contains(&job.claim.id));
        }
    }
}
