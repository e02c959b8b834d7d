//! Stopping: one signal that everybody hears, and a second one for who cannot wait.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// "Please stop", once said never taken back. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    asked: CancellationToken,
}

impl Stop {
    /// Hears SIGTERM and SIGINT: the first asks everybody to stop, the second ends the process at once.
    pub fn on_signals() -> std::io::Result<Stop> {
        let stop = Stop::default();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let asked = stop.asked.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                if asked.is_cancelled() {
                    tracing::warn!(signal = name, "a second signal: stopping at once");
                    std::process::exit(1);
                }
                tracing::info!(signal = name, "stopping: taking nothing new, finishing what runs");
                asked.cancel();
            }
        });
        Ok(stop)
    }

    /// True once asked.
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until asked.
    pub async fn asked(&self) {
        self.asked.cancelled().await;
    }
}
