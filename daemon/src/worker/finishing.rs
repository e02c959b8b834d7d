//! Ending executions in groups: what is ready when a call leaves goes with it, and what comes meanwhile waits for
//! the next. One that is alone leaves at once; under load a commit carries many (DESIGN D7: 14,300 a second in
//! batches against 3,543 one at a time).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::backoff::Backoff;
use crate::engine::ending::Ending;
use crate::gathering::{Gathering, within};
use crate::leases::Hold;
use crate::queue::error::Tried;
use crate::queue::{Claim, Queue, QueueError};

/// Executions in one call, and as many that wait for the next: these hold no slots any more, only their results.
const GROUP: usize = 256;
/// Calls at once: while one is on its way to the disk and back, the next is worked on.
const CALLS: u32 = 2;
/// So many results are worth a call beside one that is away; fewer wait for its end.
const BESIDE: usize = 128;
/// So long after a result of an account that has few executions beside another's many there is one call at a time: two take
/// all that a small machine has, and whoever is beside them waits at each step.
const GIVE_WAY: Duration = Duration::from_secs(1);
/// Bytes in one call, unless one result alone is larger: far below what Postgres takes as one JSON value (256 MiB).
const GROUP_BYTES: usize = 16 << 20;
/// KiB of results that have given their slots back. One for which there is no room keeps its slot until it is written, so
/// that slow writes hold up the claims and do not fill the memory.
const TAKEN_KIB: u32 = 64 << 10;
/// What each counts for at least: so many that somebody's lock keeps from being written are too many leases to extend.
const LEAST_KIB: u32 = 64;

/// What became of a result.
#[derive(Debug)]
pub enum Finished {
    /// It is written.
    Written,
    /// The lease is lost and nothing was written.
    Lost,
    /// The database will refuse this result each time.
    Refused {
        /// The `error_code` that it should have instead.
        code: &'static str,
        /// The sentence of the database.
        why: String,
    },
}

struct Job {
    hold: Arc<Hold>,
    result: Box<RawValue>,
    answer: oneshot::Sender<Finished>,
    /// Its part of what may wait here without a slot.
    _room: Option<OwnedSemaphorePermit>,
    /// Before it is tried again where somebody has locked its row for a moment.
    pauses: Backoff,
    /// What is said about it carries its id.
    span: tracing::Span,
}

/// Takes results. Cheap to clone; the task ends when the last one is dropped.
#[derive(Clone)]
pub struct Finisher {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    gives_way: Arc<Mutex<Option<Instant>>>,
}

impl Finisher {
    /// Starts the task; without `gathering` a result waits for no company. There is one for all ordinary executions: one
    /// makes larger groups.
    pub fn start(queue: &Queue, gathering: Option<Gathering>) -> Finisher {
        let (jobs, waiting) = mpsc::channel(GROUP);
        let gives_way = Arc::default();
        tokio::spawn(serve(
            queue.clone(),
            waiting,
            jobs.downgrade(),
            gathering,
            Arc::clone(&gives_way),
        ));
        let room = Arc::new(Semaphore::new(TAKEN_KIB as usize));
        Finisher {
            jobs,
            room,
            gives_way,
        }
    }

    /// Somebody passes this line.
    pub fn give_way(&self) {
        let until = Instant::now() + GIVE_WAY;
        *self.gives_way.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Whether somebody has lately passed this line.
    pub fn gives_way(&self) -> bool {
        lasts(&self.gives_way)
    }

    /// Writes a result, together with others that are ready; returns when it is on disk or never will be. `slot` is
    /// dropped as soon as the result is in the line and there is room for it: nothing is in flight any more but a row to
    /// be written.
    pub async fn finish<S>(&self, hold: &Arc<Hold>, ending: Ending, slot: S) -> Finished {
        let result = match to_raw_value(&ending) {
            Ok(result) => result,
            Err(error) => {
                return Finished::Refused {
                    code: "node_failed",
                    why: error.to_string(),
                };
            }
        };
        drop(ending);
        let kib = u32::try_from(result.get().len() >> 10).unwrap_or(u32::MAX);
        let needs = kib.clamp(LEAST_KIB, TAKEN_KIB);
        let room = self.room.clone().try_acquire_many_owned(needs).ok();
        let has_room = room.is_some();
        let (answer, answered) = oneshot::channel();
        if self
            .jobs
            .send(Job {
                hold: hold.clone(),
                result,
                answer,
                _room: room,
                pauses: Backoff::new(Duration::from_millis(20), Duration::from_secs(1)),
                span: tracing::Span::current(),
            })
            .await
            .is_err()
        {
            return Finished::Lost;
        }
        let _kept = (!has_room).then_some(slot);
        answered.await.unwrap_or(Finished::Lost)
    }
}

async fn serve(
    queue: Queue,
    mut waiting: mpsc::Receiver<Job>,
    line: mpsc::WeakSender<Job>,
    gathering: Option<Gathering>,
    gives_way: Arc<Mutex<Option<Instant>>>,
) {
    let calls = Arc::new(Semaphore::new(CALLS as usize));
    let uncounted = Arc::new(AtomicBool::default());
    let mut ready = Vec::new();
    let mut is_away = false;
    loop {
        let more = tokio::select! {
            biased;
            more = waiting.recv_many(&mut ready, GROUP) => more,
            _ = calls.acquire_many(CALLS), if is_away => {
                is_away = false;
                if uncounted.swap(false, Ordering::Relaxed) {
                    queue.count_what_waited().await;
                }
                continue;
            }
        };
        if more == 0 {
            return;
        }
        if let Some(gathering) = &gathering {
            gathering.gather(&mut waiting, &mut ready, GROUP).await;
        }
        let worth = match lasts(&gives_way) {
            true => usize::MAX,
            false => BESIDE,
        };
        gather_beside(&calls, &mut waiting, &mut ready, worth).await;
        for group in within(std::mem::take(&mut ready), GROUP_BYTES, |job| {
            job.result.get().len()
        }) {
            let Ok(call) = calls.clone().acquire_owned().await else {
                return; // nobody closes it
            };
            is_away = true;
            let (queue, line, uncounted) = (queue.clone(), line.clone(), uncounted.clone());
            tokio::spawn(async move {
                write(&queue, group, &line, &uncounted).await;
                drop(call);
            });
        }
    }
}

fn lasts(until: &Mutex<Option<Instant>>) -> bool {
    let until = *until.lock().unwrap_or_else(PoisonError::into_inner);
    until.is_some_and(|until| Instant::now() < until)
}

/// While a call is away, the next gathers until it is worth being sent beside it.
async fn gather_beside(
    calls: &Semaphore,
    waiting: &mut mpsc::Receiver<Job>,
    ready: &mut Vec<Job>,
    worth: usize,
) {
    while ready.len() < worth {
        let room = GROUP.saturating_sub(ready.len());
        tokio::select! {
            biased;
            _ = calls.acquire_many(CALLS) => return,
            more = waiting.recv_many(ready, room), if room > 0 => if more == 0 { return },
        }
    }
}

/// Writes a group; what the group could not write is tried alone.
async fn write(queue: &Queue, group: Vec<Job>, line: &mpsc::WeakSender<Job>, uncounted: &AtomicBool) {
    let alone = group.len() == 1;
    let mut left = match call(queue, group, uncounted).await {
        Ok(left) => left,
        Err((mut jobs, error)) if alone => {
            if let Some(job) = jobs.pop() {
                if error.is_locked() {
                    again(job, line.clone());
                    return;
                }
                let (code, why) = (error.refusal(), error.to_string());
                drop(job.answer.send(Finished::Refused { code, why }));
            }
            return;
        }
        Err((jobs, error)) => {
            for job in &jobs {
                job.span.in_scope(|| {
                    tracing::info!(%error, "refused together with other results; trying alone");
                });
            }
            jobs // one of them spoils it for the others
        }
    };
    if alone {
        // asked alone nothing is passed over: absent means that the lease is gone
        for job in left {
            drop(job.answer.send(Finished::Lost));
        }
        return;
    }
    while let Some(job) = left.pop() {
        Box::pin(write(queue, vec![job], line, uncounted)).await;
    }
}

/// Somebody has locked its row, its own heartbeat for example: back into the line after a pause, while the others go on.
fn again(mut job: Job, line: mpsc::WeakSender<Job>) {
    job.span
        .in_scope(|| tracing::debug!("somebody has locked its row; trying again in a moment"));
    tokio::spawn(async move {
        let hold = job.hold.clone();
        tokio::select! {
            () = hold.lost() => {}
            () = job.pauses.wait() => {}
        }
        match line.upgrade() {
            Some(line) if !hold.is_lost() => drop(line.send(job).await),
            _ => drop(job.answer.send(Finished::Lost)),
        }
    });
}

/// One call, repeated while the database is away; returns the jobs that were not written.
async fn call(
    queue: &Queue,
    mut jobs: Vec<Job>,
    uncounted: &AtomicBool,
) -> Result<Vec<Job>, (Vec<Job>, QueueError)> {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    let mut tried = Tried::default();
    loop {
        for lost in jobs.extract_if(.., |job| job.hold.is_lost()) {
            drop(lost.answer.send(Finished::Lost));
        }
        if jobs.is_empty() {
            return Ok(jobs);
        }
        let claims: Vec<Claim> = jobs.iter().map(|job| job.hold.claim()).collect();
        let results: Vec<&RawValue> = jobs.iter().map(|job| &*job.result).collect();
        let since = Instant::now();
        match queue.finish(&claims, &results).await {
            Ok(written) => {
                metrics::histogram!("automationd_finish_seconds").record(since.elapsed().as_secs_f64());
                uncounted.fetch_or(written.uncounted, Ordering::Relaxed);
                for job in jobs.extract_if(.., |job| written.ids.contains(&job.hold.claim().id)) {
                    drop(job.answer.send(Finished::Written));
                }
                return Ok(jobs);
            }
            Err(error) if error.is_locked() || tried.is_refused(&error) => return Err((jobs, error)),
            Err(error) => {
                metrics::counter!("automationd_database_errors_total").increment(1);
                for job in &jobs {
                    job.span.in_scope(|| {
                        tracing::warn!(%error, "the result could not be written; trying again");
                    });
                }
                backoff.wait().await;
            }
        }
    }
}
