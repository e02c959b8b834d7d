//! The wake-up as one value: whoever knows that there may be work says so here, and the claim loop waits here.
//! Many wake-ups before the loop looks are one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Wake {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    called: Notify,
    beside: Notify,
    alarm: Mutex<Option<Instant>>,
    moved: Notify,
}

impl Wake {
    /// There may be work now.
    pub fn call(&self) {
        self.inner.called.notify_one();
        self.inner.beside.notify_one();
    }

    /// The claim loop looks once more; who claims beside it need not.
    pub fn look(&self) {
        self.inner.called.notify_one();
    }

    /// Waits until somebody called; a call before the wait counts.
    pub async fn called(&self) {
        self.inner.called.notified().await;
    }

    /// The same for whoever claims beside the claim loop.
    pub async fn called_beside(&self) {
        self.inner.beside.notified().await;
    }

    /// Something parked is due then; an earlier alarm stays.
    pub fn alarm(&self, at: Instant) {
        let mut alarm = self.inner.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.is_none_or(|set| at < set) {
            *alarm = Some(at);
            self.inner.moved.notify_one();
        }
    }

    /// True once when the alarm's time has come.
    pub fn rings(&self, now: Instant) -> bool {
        let mut alarm = self.inner.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        alarm.take_if(|at| *at <= now).is_some()
    }

    /// Waits for the alarm, wherever it is moved meanwhile.
    pub async fn rung(&self) {
        loop {
            let alarm = *self.inner.alarm.lock().unwrap_or_else(PoisonError::into_inner);
            tokio::select! {
                () = self.inner.moved.notified() => {}
                () = sleep_until(alarm) => return,
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_call_before_the_wait_counts_and_many_are_one() {
        let wake = Wake::default();
        wake.call();
        wake.call();
        wake.called().await;
        let mut second = Box::pin(wake.called());
        assert!(futures_util::poll!(&mut second).is_pending());
    }

    #[tokio::test]
    async fn an_earlier_alarm_rings_for_who_waits_already() {
        let (wake, now) = (Wake::default(), Instant::now());
        wake.alarm(now + Duration::from_secs(3_600));
        let mut waiting = Box::pin(wake.rung());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        wake.alarm(now);
        waiting.await;
        assert!(wake.rings(Instant::now()));
        assert!(!wake.rings(Instant::now()));
    }
}
