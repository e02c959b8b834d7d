//! Ending executions in groups: what is ready when a call leaves goes with it, and what comes meanwhile waits for
//! the next. One that is alone leaves at once; under load a commit carries many (DESIGN D7: 14,300 a second in
//! batches against 3,543 one at a time).

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::backoff::Backoff;
use crate::leases::Hold;
use crate::queue::error::Verdict;
use crate::queue::{Claim, Queue, QueueError};

/// Executions in one call. Their results are in memory meanwhile.
const GROUP: usize = 64;
/// Calls at a time: while one waits for the disk the next is on its way.
const CALLS: usize = 2;

/// What became of a result.
#[derive(Debug)]
pub enum Finished {
    /// It is written.
    Written,
    /// The lease is lost and nothing was written.
    Lost,
    /// The database will refuse this result each time; the sentence says why.
    Refused(String),
}

struct Job {
    hold: Arc<Hold>,
    result: Value,
    answer: oneshot::Sender<Finished>,
}

/// Takes results. Cheap to clone; the tasks end when the last one is dropped.
#[derive(Clone)]
pub struct Finisher {
    jobs: mpsc::Sender<Job>,
}

impl Finisher {
    /// Starts the tasks.
    pub fn start(queue: &Queue) -> Finisher {
        let (jobs, waiting) = mpsc::channel(GROUP * CALLS);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..CALLS {
            tokio::spawn(serve(queue.clone(), waiting.clone()));
        }
        Finisher { jobs }
    }

    /// Writes a result, together with others that are ready; returns when it is on disk or never will be.
    pub async fn finish(&self, hold: &Arc<Hold>, result: Value) -> Finished {
        let (answer, answered) = oneshot::channel();
        if self
            .jobs
            .send(Job {
                hold: hold.clone(),
                result,
                answer,
            })
            .await
            .is_err()
        {
            return Finished::Lost;
        }
        answered.await.unwrap_or(Finished::Lost)
    }
}

async fn serve(queue: Queue, waiting: Arc<Mutex<mpsc::Receiver<Job>>>) {
    loop {
        let mut group = Vec::new();
        if waiting.lock().await.recv_many(&mut group, GROUP).await == 0 {
            return;
        }
        write(&queue, group).await;
    }
}

/// Writes a group; what the group could not write is tried alone.
async fn write(queue: &Queue, group: Vec<Job>) {
    let alone = group.len() == 1;
    let mut left = match call(queue, group).await {
        Ok(left) => left,
        Err((mut jobs, error)) if alone => {
            if let Some(job) = jobs.pop() {
                drop(job.answer.send(Finished::Refused(error.to_string())));
            }
            return;
        }
        Err((jobs, _)) => jobs, // one of them spoils it for the others
    };
    if alone {
        // asked alone it would have waited for a lock: absent means lost
        for job in left {
            drop(job.answer.send(Finished::Lost));
        }
        return;
    }
    while let Some(job) = left.pop() {
        Box::pin(write(queue, vec![job])).await;
    }
}

/// One call, repeated while the database is away; returns the jobs that were not written.
async fn call(queue: &Queue, mut jobs: Vec<Job>) -> Result<Vec<Job>, (Vec<Job>, QueueError)> {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        for lost in jobs.extract_if(.., |job| job.hold.is_lost()) {
            drop(lost.answer.send(Finished::Lost));
        }
        if jobs.is_empty() {
            return Ok(jobs);
        }
        let claims: Vec<Claim> = jobs.iter().map(|job| job.hold.claim()).collect();
        let results: Vec<&Value> = jobs.iter().map(|job| &job.result).collect();
        let since = Instant::now();
        match queue.finish(&claims, &results).await {
            Ok(written) => {
                metrics::histogram!("automationd_finish_seconds").record(since.elapsed().as_secs_f64());
                for job in jobs.extract_if(.., |job| written.contains(&job.hold.claim().id)) {
                    drop(job.answer.send(Finished::Written));
                }
                return Ok(jobs);
            }
            Err(error) if error.verdict() == Verdict::Refused => return Err((jobs, error)),
            Err(error) => {
                metrics::counter!("automationd_database_errors_total").increment(1);
                tracing::warn!(%error, executions = jobs.len(), "results could not be written; trying again");
                backoff.wait().await;
            }
        }
    }
}
