//! How the daemon is, for `/readyz`, for logs and for metrics: one value that changes and says so once.

use std::sync::Arc;

use tokio::sync::watch;

/// How it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not connected yet.
    Starting,
    /// Something stands in the way; the sentence says what, and what to do.
    Waiting(String),
    /// Executions are claimed.
    Claiming,
    /// Nothing new is taken.
    Stopping,
}

/// Both halves of readiness: the database and the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether executions are claimed.
    pub state: State,
    /// Whether notifications arrive; without them there is polling.
    pub listening: bool,
}

/// Shared by everybody who knows something.
#[derive(Clone)]
pub struct Health {
    status: Arc<watch::Sender<Status>>,
}

impl Default for Health {
    fn default() -> Health {
        let status = Status {
            state: State::Starting,
            listening: false,
        };
        Health {
            status: Arc::new(watch::Sender::new(status)),
        }
    }
}

impl Health {
    /// As it is now.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until executions are claimed.
    pub async fn claiming(&self) {
        let mut changes = self.status.subscribe();
        let claims = |status: &Status| status.state == State::Claiming;
        // an error would mean that nobody is left to change it, and then this waits for nobody
        let _ = changes.wait_for(claims).await;
    }

    /// It has changed, perhaps.
    pub fn set(&self, state: State) {
        self.status.send_if_modified(|status| {
            if status.state == state || status.state == State::Stopping {
                return false;
            }
            match &state {
                State::Claiming => tracing::info!("ready: claiming executions"),
                State::Waiting(why) => tracing::warn!(%why, "not ready"),
                State::Starting | State::Stopping => {}
            }
            metrics::gauge!("automationd_ready").set(f64::from(u8::from(state == State::Claiming)));
            status.state = state;
            true
        });
    }

    /// Whether notifications arrive.
    pub fn listening(&self, listening: bool) {
        metrics::gauge!("automationd_listener_connected").set(f64::from(u8::from(listening)));
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.listening, listening) != listening);
    }
}
