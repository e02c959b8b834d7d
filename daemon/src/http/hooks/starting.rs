//! Starting executions in groups, as results are written (`worker/finishing.rs`): what is ready when a call leaves goes
//! with it. One that is alone leaves at once; under load a commit carries many. Nothing is answered with success before
//! its execution is on disk.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::gathering::within;
use crate::queue::error::Verdict;
use crate::queue::start_webhooks::Begun;
use crate::queue::{Queue, QueueError};

/// Calls in one transaction.
const GROUP: usize = 128;
/// Bytes in one transaction, unless one call alone is larger.
const GROUP_BYTES: usize = 8 << 20;
/// Calls that wait; more are told to come again.
const WAITING: usize = 2_048;
/// How often a call is tried whose transaction lost against another one.
const TRIES: u32 = 5;

/// What starts an execution.
#[derive(Serialize)]
pub struct Start<'s> {
    /// Of which automation.
    pub automation_id: Uuid,
    /// As it was when the call was allowed.
    pub version: i32,
    /// By which the occasion is known.
    pub key: Option<String>,
    /// The trigger data.
    pub input: &'s Map<String, Value>,
    /// Whether it is kept as an event.
    pub keep: bool,
}

/// What became of a call.
#[derive(Debug)]
pub enum Started {
    /// Its execution is on disk, now or from before.
    Execution(Uuid),
    /// The webhook has changed since the call was allowed, or is gone.
    Changed,
    /// The database refuses it: with this SQLSTATE.
    Refused(Option<String>),
    /// Not now: the database is away, or too much waits.
    Busy,
}

struct Job {
    start: Box<RawValue>,
    answer: oneshot::Sender<Started>,
}

/// Takes calls; the task ends when it is dropped.
pub struct Starter {
    jobs: mpsc::Sender<Job>,
}

impl Starter {
    /// Starts the task: one call at a time, because more of them would only make smaller groups.
    pub fn start(queue: &Queue) -> Starter {
        let (jobs, waiting) = mpsc::channel(WAITING);
        tokio::spawn(serve(queue.clone(), waiting));
        Starter { jobs }
    }

    /// Starts an execution, together with others; returns when it is on disk or will not be.
    pub async fn begin(&self, start: &Start<'_>) -> Started {
        let Ok(start) = to_raw_value(start) else {
            return Started::Refused(None);
        };
        let (answer, answered) = oneshot::channel();
        if self.jobs.try_send(Job { start, answer }).is_err() {
            return Started::Busy;
        }
        answered.await.unwrap_or(Started::Busy)
    }
}

async fn serve(queue: Queue, mut waiting: mpsc::Receiver<Job>) {
    let mut ready: Vec<Job> = Vec::new();
    while waiting.recv_many(&mut ready, GROUP).await > 0 {
        for mut group in within(std::mem::take(&mut ready), GROUP_BYTES, |job| {
            job.start.get().len()
        }) {
            // who does not wait any more is not started: he will ask again
            group.retain(|job| !job.answer.is_closed());
            if !group.is_empty() {
                write(&queue, group).await;
            }
        }
    }
}

/// Writes a group; where one call spoils it for the others, each alone.
async fn write(queue: &Queue, group: Vec<Job>) {
    match call(queue, &group).await {
        Ok(begun) => {
            metrics::histogram!("automationd_hook_group")
                .record(u32::try_from(group.len()).unwrap_or(u32::MAX));
            let mut begun = begun.into_iter();
            for job in group {
                // as many answers as calls; a missing one is nobody's execution
                drop(job.answer.send(match begun.next() {
                    Some(Begun::Execution(id)) => Started::Execution(id),
                    Some(Begun::Changed) => Started::Changed,
                    Some(Begun::Locked) | None => Started::Busy,
                }));
            }
        }
        Err(error) if group.len() > 1 && (error.is_locked() || error.verdict() == Verdict::Refused) => {
            tracing::info!(%error, "a call failed together with others; trying each alone");
            for job in group {
                Box::pin(write(queue, vec![job])).await;
            }
        }
        Err(error) => {
            metrics::counter!("automationd_database_errors_total").increment(1);
            tracing::warn!(%error, calls = group.len(), "calls of webhooks could not be written");
            for job in group {
                let state = error.sqlstate().map(str::to_owned);
                let refused = error.verdict() == Verdict::Refused;
                drop(job.answer.send(if refused {
                    Started::Refused(state)
                } else {
                    Started::Busy
                }));
            }
        }
    }
}

/// One call, tried again where it lost against another transaction; not where it waited for a lock, because others wait.
async fn call(queue: &Queue, group: &[Job]) -> Result<Vec<Begun>, QueueError> {
    let starts: Vec<&RawValue> = group.iter().map(|job| &*job.start).collect();
    for _ in 1..TRIES {
        match queue.start_webhooks(&starts).await {
            Err(error) if matches!(error.sqlstate(), Some("40001" | "40P01")) => {
                tracing::debug!(%error, "trying the calls again");
            }
            said => return said,
        }
    }
    queue.start_webhooks(&starts).await
}
