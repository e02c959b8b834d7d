//! A pool of connections. There are two: queue functions have one, database nodes the other ([`crate::queue::Queue`]).

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};

use super::connect::Connector;

/// How long a caller waits for a free connection, and for a new one: below the lease, so that a full server is an
/// error that can be retried and not a lost claim.
const PATIENCE: Duration = Duration::from_secs(10);

/// A pool of at most `size` connections; opens none by itself. Statements are prepared once per connection.
pub fn pool(connector: Connector, size: usize) -> Result<Pool, deadpool_postgres::BuildError> {
    let config = connector.config().clone();
    // Fast: a connection is looked at, not asked. Session state is never changed (only SET LOCAL), so there is
    // nothing to reset, and a dead connection answers its next statement with an error that is retried.
    let settings = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    Pool::builder(Manager::from_connect(config, connector, settings))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .build()
}
