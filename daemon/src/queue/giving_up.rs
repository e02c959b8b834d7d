//! Transactions of database nodes that are given up: cancelled executions, time limits, a daemon that stops.
//!
//! A statement that runs goes on in the server, with its locks, until it ends by itself, whatever becomes of who asked
//! for it. So it is cancelled there, and its connection serves nobody else: a cancel request that comes late must not
//! meet a statement of another tenant.

use std::future::Future;
use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::TaskTracker;

/// How long the server may take to hear of it, and then to end the statement: what does not is left to the statement's
/// own time limit.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends what was given up, beside everything else. Cheap to clone.
#[derive(Clone)]
pub struct GivingUp {
    tls: MakeRustlsConnect,
    tasks: TaskTracker,
}

impl GivingUp {
    /// With this TLS, if the server wants it, for cancel requests: they go over connections of their own.
    pub fn new(tls: MakeRustlsConnect) -> GivingUp {
        let tasks = TaskTracker::new();
        tasks.close(); // it may be waited for at any time
        GivingUp { tls, tasks }
    }

    /// Rolls back what a connection has open; cancels first what runs on it (`busy`).
    pub(super) fn take(&self, client: Object, busy: bool) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(Object::take(client));
            return;
        };
        let giving_up = self.clone();
        self.tasks.spawn_on(
            async move {
                if !giving_up.roll_back(&client, busy).await {
                    drop(Object::take(client));
                }
            },
            &runtime,
        );
    }

    /// The same at once. False: the connection must serve nobody else.
    pub(super) async fn roll_back(&self, client: &Client, busy: bool) -> bool {
        if busy {
            cancel(client, self.tls.clone()).await;
            metrics::counter!("automationd_statements_cancelled_total").increment(1);
        }
        let rolled_back = tokio::time::timeout(PATIENCE, client.batch_execute("ROLLBACK")).await;
        !busy && matches!(rolled_back, Ok(Ok(())))
    }

    /// Runs what may have to be given up, so that it is waited for.
    pub(super) fn track(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits until all that was given up has ended.
    pub(super) async fn done(&self) {
        self.tasks.wait().await;
    }
}

async fn cancel(client: &Client, tls: MakeRustlsConnect) {
    let asked = client.cancel_token();
    match tokio::time::timeout(PATIENCE, asked.cancel_query(tls)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a statement could not be cancelled; it ends by itself"),
        Err(_) => tracing::warn!("a statement could not be cancelled in time; it ends by itself"),
    }
}
