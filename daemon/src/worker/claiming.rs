//! The claim loop: sleeps until something wakes it, then claims until nothing is left, never more than it can run now or, where
//! executions end quickly, will in a moment (`ahead`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tracing::Instrument;

use super::Worker;
use crate::backoff::Backoff;
use crate::health::State;
use crate::queue::QueueError;
use crate::queue::claim::Claimed;
use crate::stop::Stop;

/// Executions in one claim call at most.
pub(super) const BATCH: usize = 128;

/// How long a claim waits for more slots when all were taken, and for how many at most. Under load only: while slots
/// are free, nothing waits.
const TOGETHER: Duration = Duration::from_millis(10);
const TOGETHER_SLOTS: usize = 64;

/// In which slot an execution runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// One that everybody may take.
    Ordinary,
    /// One that is kept for accounts of which nothing runs here.
    Kept,
}

/// How a round of claiming ended.
enum Round {
    /// Nothing is left.
    Empty,
    /// Everything that may run runs.
    Full,
}

/// What a claim came to.
pub(super) struct Found {
    /// There may be more at once.
    has_more: bool,
    /// It did not look at everything: something may lie before a place that holds until then.
    but_before: Option<Instant>,
}

impl Worker {
    /// Claims until asked to stop.
    pub(super) async fn claim_until(self: &Arc<Self>, stop: &Stop) {
        let mut backoff = pauses();
        let mut tick = Instant::now();
        while !stop.is_asked() {
            self.busy.begin();
            match self.look(&mut tick, stop).await {
                Ok(Round::Empty) => {
                    self.busy.end();
                    backoff = pauses();
                    let cause = tokio::select! {
                        () = stop.asked() => return,
                        () = self.wake.called() => "notification",
                        () = self.wake.rung() => "alarm",
                        () = tokio::time::sleep_until(tick.into()) => "poll",
                    };
                    metrics::counter!("automationd_wakeups_total", "cause" => cause).increment(1);
                }
                Ok(Round::Full) => {
                    tokio::select! {
                        () = stop.asked() => return,
                        () = self.some_slots() => {}
                        () = tokio::time::sleep_until(tick.into()) => {}
                    }
                }
                Err(error) => {
                    metrics::counter!("automationd_database_errors_total").increment(1);
                    self.health
                        .set(State::Waiting(format!("the database cannot be asked: {error}")));
                    tick = Instant::now();
                    tokio::select! {
                        () = stop.asked() => return,
                        () = backoff.wait() => {}
                    }
                }
            }
        }
    }

    /// Waits until a slot is free, and then a moment for more: a claim of one costs nearly as much as one of many.
    async fn some_slots(&self) {
        drop(self.slots.acquire().await);
        let together = u32::try_from(self.together).unwrap_or(u32::MAX);
        drop(tokio::time::timeout(TOGETHER, self.slots.acquire_many(together)).await);
    }

    /// One look at the queue. At a tick everything is looked at, otherwise only what the wake-up was about.
    async fn look(self: &Arc<Self>, tick: &mut Instant, stop: &Stop) -> Result<Round, QueueError> {
        let now = Instant::now();
        if *tick <= now {
            *tick = now + self.poll_interval;
            self.places.expire(now);
            if !self.poll(now).await? {
                return Ok(Round::Empty);
            }
        } else if self.health.status().state != State::Claiming {
            return Ok(Round::Empty); // a wake-up changes nothing about what stands in the way
        } else {
            if self.wake.rings(now) {
                self.unpark().await?;
                self.fire().await?;
            }
            self.delivery.ask();
        }
        self.claim_all(stop).await
    }

    pub(super) async fn unpark(&self) -> Result<(), QueueError> {
        loop {
            let round = self.queue.unpark().await?;
            if !self.has_more_due(round.moved, round.next) {
                return Ok(());
            }
        }
    }

    /// After a round that took so many of what was due: sets the alarm for the next one, or says that there are more at
    /// once, unless somebody else has them in hand.
    pub(super) fn has_more_due(&self, taken: i32, next: Option<Duration>) -> bool {
        match next {
            Some(Duration::ZERO) => return taken > 0,
            Some(next) => self.wake.alarm(Instant::now() + next),
            None => {}
        }
        false
    }

    async fn claim_all(self: &Arc<Self>, stop: &Stop) -> Result<Round, QueueError> {
        // while a flood's executions end as fast as they are claimed, nothing but this ends the loop
        let mut least = 1;
        while !stop.is_asked() {
            let free = self.slots.available_permits();
            if free < least {
                break;
            }
            least = self.together; // a claim of one costs nearly as much as one of many
            let ahead = match self.finisher.gives_way() {
                true => 0, // larger claims take longer, and somebody is beside them
                false => self.pace.soon(),
            };
            let batch = free + ahead;
            let found = self.claim(batch.min(BATCH), Lane::Ordinary).await?;
            if !found.has_more {
                if let Some(end) = found.but_before {
                    self.wake.alarm(end);
                }
                return Ok(Round::Empty);
            }
        }
        Ok(Round::Full)
    }

    /// Claims up to so many and starts them; those beyond the free slots of this lane when there is one.
    pub(super) async fn claim(self: &Arc<Self>, batch: usize, lane: Lane) -> Result<Found, QueueError> {
        let not_of = match lane {
            Lane::Ordinary => Vec::new(),
            Lane::Kept => self.leases.accounts(),
        };
        let since = Instant::now();
        let known = self.places.known(since);
        let told = (known.accounts.as_slice(), known.places.as_slice());
        let claims = self
            .queue
            .claim(batch, self.leases.length(), &not_of, told)
            .await?;
        self.places.learn(&known, &claims.places, since, since.elapsed());
        let claimed = claims.executions;
        if let Some(delay) = claims.look_in {
            self.wake.alarm(Instant::now() + delay);
        }
        metrics::histogram!("automationd_claim_seconds").record(since.elapsed().as_secs_f64());
        metrics::counter!("automationd_executions_claimed_total").increment(claimed.len() as u64);
        for one in claimed {
            self.spawn(one, since, lane);
        }
        Ok(Found {
            has_more: claims.has_more,
            but_before: known.until,
        })
    }

    pub(super) fn slots_of(&self, lane: Lane) -> &Arc<Semaphore> {
        match lane {
            Lane::Ordinary => &self.slots,
            Lane::Kept => &self.kept,
        }
    }

    fn spawn(self: &Arc<Self>, claimed: Claimed, since: Instant, lane: Lane) {
        // of the highest level, so that no RUST_LOG takes the id away from a line that it lets through
        let span = tracing::error_span!("execution", execution_id = %claimed.claim.id);
        let hold = self.leases.hold(claimed.claim, since);
        let permit = self.slots_of(lane).clone().try_acquire_owned().ok();
        let slot = permit.map(|permit| self.pace.slot(permit));
        let work = self.clone().perform(claimed, hold, lane, slot);
        self.running.spawn(work.instrument(span));
    }
}

/// For how many of so many slots a claim waits: half of them, so that the others go on meanwhile.
pub(super) fn together(slots: usize) -> usize {
    (slots / 2).clamp(1, TOGETHER_SLOTS)
}

fn pauses() -> Backoff {
    Backoff::new(Duration::from_millis(200), Duration::from_secs(10))
}
