//! A walk: one claimed execution from its claim to its end, to being parked, or to the loss of its lease.
//!
//! The walk itself is the only one that changes the story. Runs of nodes are futures beside it; what they give is
//! taken in one at a time, so that the order of completion in memory and in the records is the same.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::StepId;
use futures_util::future::{AbortHandle, Aborted, BoxFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::Engine;
use super::act::Acted;
use super::commit::Tries;
use super::deadline::deadline;
use super::ending::Ending;
use super::execution::Execution;
use super::insist::{Insisted, insist};
use super::names::Rows;
use super::record::Unrecorded;
use super::replay::{Before, Parked};
use super::story::{Begun, Story};
use super::taking_up::take_up;
use crate::definitions::Definition;
use crate::leases::Hold;
use crate::queue::Queue;
use crate::queue::claim::Claimed;
use crate::queue::record::Sure;

/// How long an execution that this daemon cannot read is left to others, and the pause before.
const LEFT_FOR: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// When a walk that has written nothing yet is shown to people: its execution has no row before its first durable write
/// (DESIGN D2), which for most is the one that ends it.
const SHOWN_AFTER: Duration = Duration::from_millis(800);

/// What became of a walk.
pub enum Walked {
    /// It has ended; the result is to be written.
    Ended(Box<Ending>),
    /// It has ended so, and the result is written.
    Written(&'static str),
    /// It only waits, and is a row; `None`: until it is resumed.
    Parked(Option<Duration>),
    /// The lease is lost: nothing was or will be written.
    Lost,
}

/// Why a walk stops before its story ends.
pub(super) enum Halt {
    /// The lease is lost.
    Lost,
    /// It cannot go on.
    Failed(Box<Ending>),
    /// A newer daemon wrote it in this format.
    Newer(i16),
    /// It has ended so, and the result is written.
    Ended(&'static str),
    /// What was told of its last step is not so: begin again with what is recorded.
    Anew,
}

impl Halt {
    pub(super) fn failed(code: &'static str, message: String) -> Halt {
        Halt::Failed(Box::new(Ending::failed(code, message, None)))
    }
}

type Running = FuturesUnordered<BoxFuture<'static, Result<Box<Acted>, Aborted>>>;

/// One walk.
pub(super) struct Walk<'a> {
    pub(super) engine: Arc<Engine>,
    pub(super) execution: Arc<Execution>,
    pub(super) definition: Arc<Definition>,
    pub(super) hold: &'a Hold,
    pub(super) story: Story,
    /// When it has to have ended.
    pub(super) deadline: Option<Instant>,
    /// Begun and not looked at yet.
    pub(super) ready: VecDeque<Begun>,
    /// Known from before the claim.
    pub(super) before: HashMap<StepId, Before>,
    pub(super) running: Running,
    pub(super) aborts: HashMap<StepId, AbortHandle>,
    pub(super) parked: HashMap<StepId, Parked>,
    /// When the database was last asked what has come of what is waited for outside, and that it is to be asked now.
    pub(super) looked: Instant,
    pub(super) look: bool,
    /// Parked and not recorded as such yet.
    pub(super) newly_parked: Vec<StepId>,
    pub(super) rows: Arc<OnceCell<Arc<Rows>>>,
    /// Of database nodes that are not committed yet.
    pub(super) tries: HashMap<StepId, Tries>,
    /// Records that go with the next durable write.
    pub(super) unrecorded: Unrecorded,
    /// Nobody can see this execution yet, and somebody should from then on.
    pub(super) show_at: Option<Instant>,
    /// Its queue row has said once what is about to act.
    pub(super) is_kept: bool,
    /// Told when everybody can see it.
    pub(super) shown: &'a (dyn Fn() + Send + Sync),
    /// The result may be written with the last step.
    pub(super) together: bool,
    /// How sure the next record has to be.
    pub(super) sure: Sure,
}

/// Walks a claimed execution. `shown` is called when a write has made the row of one that had none and goes on.
pub async fn walk(
    engine: Arc<Engine>,
    claimed: Claimed,
    hold: &Hold,
    shown: &(dyn Fn() + Send + Sync),
) -> Walked {
    let queue = engine.queue.clone();
    let mut result = once(&engine, &claimed, claimed.has_steps, true, hold, shown).await;
    if matches!(result, Err(Halt::Anew)) {
        result = once(&engine, &claimed, true, false, hold, shown).await;
    }
    match result {
        Ok(walked) => walked,
        Err(Halt::Ended(status)) => Walked::Written(status),
        Err(Halt::Lost | Halt::Anew) => Walked::Lost,
        Err(Halt::Failed(ending)) => Walked::Ended(ending),
        Err(Halt::Newer(format)) => leave(&queue, hold, format).await,
    }
}

/// Walks it; `together`: its result may be written with its last step.
async fn once(
    engine: &Arc<Engine>,
    claimed: &Claimed,
    has_steps: bool,
    together: bool,
    hold: &Hold,
    shown: &(dyn Fn() + Send + Sync),
) -> Result<Walked, Halt> {
    let mut walk = Walk::begin(engine.clone(), claimed, has_steps, hold, shown).await?;
    walk.together = together;
    match walk.go().await {
        Err(Halt::Failed(ending)) => {
            let steps = walk.unrecorded.take_with_end();
            Err(Halt::Failed(Box::new(ending.with(&walk.story, steps))))
        }
        other => other,
    }
}

/// Leaves an execution to a daemon that knows its format: nothing of it is touched.
async fn leave(queue: &Queue, hold: &Hold, format: i16) -> Walked {
    tracing::warn!(
        format,
        "a newer daemon wrote this execution; it is left to one that knows its format"
    );
    // what wakes it sooner must not make it go round between daemons that do not know it
    tokio::select! {
        () = hold.lost() => return Walked::Lost,
        () = tokio::time::sleep(PAUSE) => {}
    }
    let park = || queue.park(hold.claim(), Some(LEFT_FOR), &[], None, None);
    match insist(hold, park).await {
        Insisted::Answer(true) => Walked::Parked(Some(LEFT_FOR)),
        Insisted::Answer(false) | Insisted::Refused(_) | Insisted::Lost => Walked::Lost,
    }
}

impl<'a> Walk<'a> {
    /// Definition, trigger data and, for one that is taken up again, what is recorded of it.
    async fn begin(
        engine: Arc<Engine>,
        claimed: &Claimed,
        has_steps: bool,
        hold: &'a Hold,
        shown: &'a (dyn Fn() + Send + Sync),
    ) -> Result<Walk<'a>, Halt> {
        let show_at = (!claimed.has_execution).then(|| Instant::now() + SHOWN_AFTER);
        let get = || {
            engine
                .definitions
                .get(claimed.automation_id, claimed.version, &claimed.trigger_type)
        };
        let definition = match insist(hold, get).await {
            Insisted::Answer(Ok(definition)) => definition,
            Insisted::Answer(Err(invalid)) => {
                let node = invalid.node_id.as_deref().map(Arc::from);
                return Err(Halt::Failed(Box::new(Ending::failed(
                    "invalid_graph",
                    invalid.message,
                    node,
                ))));
            }
            Insisted::Refused(error) => return Err(Halt::failed("invalid_graph", error.to_string())),
            Insisted::Lost => return Err(Halt::Lost),
        };
        let deadline = deadline(&definition, claimed.age);
        let text = claimed.trigger_data.as_deref().unwrap_or("null");
        let trigger: Arc<Value> = match serde_json::from_str(text) {
            Ok(trigger) => Arc::new(trigger),
            Err(error) => {
                let message = format!("the trigger data cannot be read: {error}");
                return Err(Halt::failed("too_large", message));
            }
        };
        let execution = Arc::new(Execution::new(claimed, definition.agent_id, trigger.clone()));
        let (story, ready, before) = take_up(&engine, &execution, &definition, hold, has_steps).await?;
        let mut walk = Walk {
            engine,
            execution,
            definition,
            hold,
            story,
            deadline,
            ready: ready.into(),
            before,
            running: FuturesUnordered::new(),
            aborts: HashMap::new(),
            parked: HashMap::new(),
            looked: Instant::now(),
            look: false,
            newly_parked: Vec::new(),
            rows: Arc::default(),
            tries: HashMap::new(),
            unrecorded: Unrecorded::default(),
            show_at,
            is_kept: false,
            shown,
            together: false,
            sure: Sure::OnDisk,
        };
        walk.forget_cancelled();
        Ok(walk)
    }

    async fn go(&mut self) -> Result<Walked, Halt> {
        loop {
            self.start_ready().await?;
            if self.may_make_row() {
                if self.unrecorded.is_full() || self.is_to_be_shown() {
                    self.record().await?;
                }
            } else if self.is_to_be_shown() {
                self.try_to_record().await?;
            }
            if let Some(end) = self.story.end() {
                let ending = Ending::of(
                    &self.story,
                    end,
                    &self.engine.services.limits,
                    self.unrecorded.take_with_end(),
                );
                return Ok(Walked::Ended(Box::new(ending)));
            }
            self.in_time()?;
            if self.is_to_look() {
                self.look_outside().await?;
                continue;
            }
            if self.wake_due()? {
                continue;
            }
            if self.running.is_empty() {
                return self.park().await;
            }
            // what is ready at once is taken before anything is written for the sake of waiting
            match self.running.next().now_or_never().flatten() {
                Some(ended) => self.take(ended).await?,
                None => self.wait().await?,
            }
            tokio::task::consume_budget().await;
            if self.hold.is_lost() {
                return Err(Halt::Lost);
            }
        }
    }

    /// Writes what must not be lost, then waits for a run, a wake-up or the loss of the lease.
    async fn wait(&mut self) -> Result<(), Halt> {
        let precious = self.unrecorded.precious().filter(|_| self.may_make_row());
        let carried = precious.filter(|until| self.is_carried(*until));
        if precious.is_some() && carried.is_none() {
            self.record().await?;
            if self.look {
                return Ok(());
            }
        }
        let looking = self.next_look();
        let wake = self
            .next_wake()
            .into_iter()
            .chain(looking)
            .chain(self.show_at)
            .chain(carried)
            .min();
        let wake = wake.map(tokio::time::Instant::from_std);
        let ended = tokio::select! {
            biased;
            () = self.hold.lost() => return Err(Halt::Lost),
            ended = self.running.next() => ended,
            () = self.hold.hinted(), if looking.is_some() => {
                self.look = true;
                None
            }
            () = tokio::time::sleep_until(wake.unwrap_or_else(tokio::time::Instant::now)), if wake.is_some() => None,
        };
        match ended {
            Some(ended) => self.take(ended).await,
            None => Ok(()),
        }
    }
}
