//! A pool of connections. There are two: queue functions have one, database nodes the other ([`crate::queue::Queue`]).

use std::time::Duration;

use deadpool_postgres::{
    BuildError, ClientWrapper, Hook, Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime,
};

use super::connect::Connector;

/// How long a caller waits for a free connection, and for a new one: below the lease, so that a full server is an
/// error that can be retried and not a lost claim.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection is kept that nobody uses: it costs the server a process, and the buffers of its largest call.
const IDLE: Duration = Duration::from_secs(15);

/// How what is longer than a fourth of a page is compressed: a server of before, or one that was built without it, says
/// no, and goes on with pglz, which takes several times as long. Database nodes write what is long too, with the end of an
/// execution; what they write into the application's rows is compressed so as well.
const COMPRESSION: &str = "SET default_toast_compression = lz4";

/// A pool of at most `size` connections; opens none by itself. Statements are prepared once per connection.
pub fn pool(connector: Connector, size: usize) -> Result<Pool, BuildError> {
    let compress = Hook::async_fn(|client: &mut ClientWrapper, _| {
        Box::pin(async move {
            if let Err(error) = client.batch_execute(COMPRESSION).await {
                tracing::debug!(%error, "this server compresses with pglz");
            }
            Ok(())
        })
    });
    let config = connector.config().clone();
    // Fast: a connection is looked at, not asked. Session state is never changed afterwards (only SET LOCAL), so there
    // is nothing to reset, and a dead connection answers its next statement with an error that is retried.
    let settings = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    Pool::builder(Manager::from_connect(config, connector, settings))
        .max_size(size)
        .queue_mode(QueueMode::Lifo) // the one that was used last has its plans, and the others may go
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .post_create(compress)
        .build()
}

/// Closes connections that nobody has used for a while; the one that was used last stays for whoever comes next.
pub fn close_unused(pool: &Pool) {
    let (unused, mut seen) = (pool.status().available, 0);
    pool.retain(|_, metrics| {
        seen += 1;
        metrics.last_used() < IDLE || seen == unused
    });
}
