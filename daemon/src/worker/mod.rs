//! The worker: everything that runs while the daemon does, and the order in which it stops.

mod ahead;
mod announcing;
mod claiming;
mod delivering;
mod finishing;
mod firing;
mod heartbeat;
mod newcomers;
mod performing;
mod places;
mod polling;
mod upkeep;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::announcing::Announcer;
use self::delivering::Delivery;
use self::finishing::Finisher;
use crate::database::connect::Connector;
use crate::engine::Engine;
use crate::gathering::Gathering;
use crate::health::{Health, State};
use crate::leases::Leases;
use crate::listen::proof::Proof;
use crate::queue::{Claim, Queue};
use crate::settings::Settings;
use crate::stop::Stop;
use crate::wake::Wake;

/// Kept of `--stop-timeout` for handing back what could not be finished.
const TO_HAND_BACK: Duration = Duration::from_secs(2);

/// What the claim loop and the executions share.
pub struct Worker {
    queue: Queue,
    engine: Arc<Engine>,
    leases: Arc<Leases>,
    wake: Wake,
    health: Health,
    finisher: Finisher,
    /// For accounts that have few executions here beside others' many: they wait for nobody's group.
    kept_finisher: Finisher,
    announcer: Announcer,
    slots: Arc<Semaphore>,
    pace: ahead::Pace,
    /// Of these, so many are waited for when all are taken.
    together: usize,
    /// The slots that are kept for accounts of which nothing runs here.
    kept: Arc<Semaphore>,
    busy: newcomers::Busy,
    places: places::Places,
    delivery: Delivery,
    running: TaskTracker,
    /// Cancelled when running executions have had their time.
    halt: CancellationToken,
    handed_back: Mutex<Vec<Claim>>,
    /// What was claimed ahead and has waited for a slot in vain.
    without_slot: Mutex<Vec<Claim>>,
    poll_interval: Duration,
    proof: Proof,
    /// The last poll saw something to make up for.
    put_aside: Arc<AtomicBool>,
}

/// What a worker is made of.
pub struct Parts {
    /// The queue.
    pub queue: Queue,
    /// The engine.
    pub engine: Arc<Engine>,
    /// Shared with the listener.
    pub leases: Arc<Leases>,
    /// Shared with the listener.
    pub wake: Wake,
    /// Shared with the listener: polls carry it.
    pub proof: Proof,
    /// Shared with HTTP.
    pub health: Health,
    /// For the heartbeat's own connection.
    pub connector: Connector,
    /// Tidied now and then.
    pub recorder: PrometheusHandle,
}

/// Works until asked to stop; returns when everything is finished or handed back.
pub async fn run(parts: Parts, settings: &Settings, stop: Stop) {
    let Parts {
        queue,
        engine,
        leases,
        wake,
        proof,
        health,
        connector,
        recorder,
    } = parts;
    let slots = settings.concurrency - newcomers::kept(settings.concurrency);
    let (announcer, announcing) = Announcer::start(queue.clone());
    let worker = Arc::new(Worker {
        finisher: Finisher::start(&queue, Some(Gathering::new(leases.clone()))),
        kept_finisher: Finisher::start(&queue, None),
        announcer,
        engine,
        leases: leases.clone(),
        wake,
        health: health.clone(),
        slots: Arc::new(Semaphore::new(slots)),
        pace: ahead::Pace::new(slots),
        together: claiming::together(slots),
        kept: Arc::new(Semaphore::new(newcomers::kept(settings.concurrency))),
        busy: newcomers::Busy::default(),
        places: places::Places::default(),
        delivery: Delivery::default(),
        running: TaskTracker::new(),
        halt: CancellationToken::new(),
        handed_back: Mutex::default(),
        without_slot: Mutex::default(),
        poll_interval: settings.poll_interval,
        proof,
        put_aside: Arc::default(),
        queue: queue.clone(),
    });
    let mut always = JoinSet::new(); // aborted when dropped
    always.spawn(worker.delivery.clone().serve(queue.clone(), worker.wake.clone()));
    always.spawn(heartbeat::beat(connector, leases.clone()));
    always.spawn(heartbeat::fence(leases));
    let put_aside = worker.put_aside.clone();
    always.spawn(upkeep::keep_up(queue, health.clone(), recorder, put_aside));

    let (asked, told) = (stop.clone(), health.clone());
    always.spawn(async move {
        asked.asked().await; // said at once, also while a look at the queue is on its way
        told.set(State::Stopping);
    });
    let beside = tokio::spawn(worker.clone().claim_newcomers_until(stop.clone()));
    worker.claim_until(&stop).await;
    let _ = beside.await; // what it has claimed is in hand, and handed back with the rest
    health.set(State::Stopping);
    worker.wind_down(settings.stop_timeout).await;
    drop(worker); // the announcer ends when nobody can announce any more
    let _ = tokio::time::timeout(TO_HAND_BACK, announcing).await;
    tracing::info!("stopped");
}

impl Worker {
    /// Lets what runs finish, then hands back the rest.
    async fn wind_down(&self, within: Duration) {
        self.running.close();
        let time = within.saturating_sub(TO_HAND_BACK.min(within / 4));
        if tokio::time::timeout(time, self.running.wait()).await.is_ok() {
            let _ = tokio::time::timeout(TO_HAND_BACK / 4, self.queue.given_up()).await;
            return;
        }
        tracing::info!(
            executions = self.running.len(),
            "out of time: handing back what still runs"
        );
        self.halt.cancel();
        let _ = tokio::time::timeout(TO_HAND_BACK / 4, self.running.wait()).await;
        // what is handed back may run again at once: not beside a statement that still holds its rows
        let _ = tokio::time::timeout(TO_HAND_BACK / 4, self.queue.given_up()).await;
        let claims = std::mem::take(&mut *self.handed_back.lock().unwrap_or_else(PoisonError::into_inner));
        if claims.is_empty() {
            return;
        }
        match tokio::time::timeout(TO_HAND_BACK / 2, self.queue.release(&claims)).await {
            Ok(Ok(released)) => tracing::info!(released, "handed back"),
            Ok(Err(error)) => tracing::warn!(%error, "not handed back: the leases run out by themselves"),
            Err(_) => tracing::warn!("not handed back in time: the leases run out by themselves"),
        }
    }

    fn handed_back(&self, claim: Claim) {
        self.handed_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(claim);
    }
}
