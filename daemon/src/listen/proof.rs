//! When a listener heard a notification of its own last, and who sends the next one: a poll carries it along, and where
//! none does the listener sends it itself. So an idle daemon asks for both with one statement.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use uuid::Uuid;

/// How often a listener proves itself, at least: at most as often as the queue is polled.
pub const EVERY: Duration = Duration::from_secs(10);
/// How long its own notification may take.
pub const WITHIN: Duration = Duration::from_secs(5);
/// A poll carries it when this has passed: below the usual poll interval, so that each usual poll does.
const CARRIED_AFTER: Duration = Duration::from_secs(4);

/// What a listener has to do, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nobody has sent a proof: it sends one itself.
    SendAt(Instant),
    /// One is on its way; not heard by then, the listener is deaf.
    HearBy(Instant),
}

/// Shared by the listener and whoever polls. Cheap to clone.
#[derive(Clone, Default)]
pub struct Proof(Arc<Inner>);

#[derive(Default)]
struct Inner {
    listening: Mutex<Option<Listening>>,
    carried: Notify,
}

struct Listening {
    token: String,
    heard: Instant,
    sent: Option<Instant>,
}

impl Proof {
    /// A connection listens from now on; returns what it has to hear.
    pub fn begin(&self, now: Instant) -> String {
        let token = Uuid::now_v7().simple().to_string();
        *self.lock() = Some(Listening {
            token: token.clone(),
            heard: now,
            sent: None,
        });
        token
    }

    /// Nobody listens any more.
    pub fn end(&self) {
        *self.lock() = None;
    }

    /// What a poll shall notify; none where nobody listens, or one was heard or sent just now.
    pub fn wanted(&self, now: Instant) -> Option<String> {
        let listening = self.lock();
        let one = listening.as_ref()?;
        let old = now.saturating_duration_since(one.heard) >= CARRIED_AFTER;
        (old && one.sent.is_none()).then(|| one.token.clone())
    }

    /// A poll that began at `since` has notified it, and is back.
    pub fn carried(&self, since: Instant, now: Instant) {
        if let Some(one) = self.lock().as_mut().filter(|one| one.heard < since) {
            one.sent = Some(now);
            self.0.carried.notify_one();
        }
    }

    /// Waits until a poll has carried one.
    pub async fn carried_one(&self) {
        self.0.carried.notified().await;
    }

    /// A notification came; true if it is the proof.
    pub fn hears(&self, payload: &str, now: Instant) -> bool {
        let mut listening = self.lock();
        let one = listening.as_mut().filter(|one| one.token == payload);
        one.map(|one| (one.heard, one.sent) = (now, None)).is_some()
    }

    /// What is due next; `every`: how often it is proved at least.
    pub fn due(&self, every: Duration) -> Option<Due> {
        let listening = self.lock();
        let one = listening.as_ref()?;
        Some(match one.sent {
            Some(sent) => Due::HearBy(sent + WITHIN),
            None => Due::SendAt(one.heard + every),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Listening>> {
        self.0.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_usual_poll_carries_the_proof_and_the_listener_sends_none_of_its_own() {
        let (proof, start) = (Proof::default(), Instant::now());
        let poll = Duration::from_secs(5);
        assert_eq!(proof.wanted(start), None, "nobody listens");
        let token = proof.begin(start);
        let mut sent_by_polls = 0;
        for tick in 1..=12 {
            let now = start + poll * tick;
            let own = proof.due(EVERY);
            assert!(
                matches!(own, Some(Due::SendAt(at)) if at > now),
                "{own:?} at {tick}"
            );
            let carried = proof.wanted(now).expect("a token");
            proof.carried(now, now);
            assert_eq!(proof.due(EVERY), Some(Due::HearBy(now + WITHIN)));
            assert!(proof.hears(&carried, now + Duration::from_millis(1)));
            sent_by_polls += 1;
        }
        assert_eq!(sent_by_polls, 12);
        assert!(proof.hears(&token, start + poll * 13));
        proof.end();
        assert_eq!(proof.due(EVERY), None);
    }

    #[test]
    fn a_proof_that_is_heard_before_the_poll_is_back_is_not_waited_for_again() {
        let (proof, start) = (Proof::default(), Instant::now());
        let token = proof.begin(start);
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!(proof.hears(&token, at(5_001)));
        proof.carried(at(5_000), at(5_002));
        assert_eq!(proof.due(EVERY), Some(Due::SendAt(at(15_001))));
        assert_eq!(proof.wanted(at(6_000)), None);
        assert!(!proof.hears("of another connection", at(7_000)));
    }

    #[test]
    fn one_that_is_on_its_way_is_not_sent_twice() {
        let (proof, start) = (Proof::default(), Instant::now());
        proof.begin(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(proof.wanted(at(5)).is_some());
        proof.carried(at(5), at(6));
        assert_eq!(proof.wanted(at(10)), None);
        assert_eq!(proof.due(EVERY), Some(Due::HearBy(at(6) + WITHIN)));
    }
}
