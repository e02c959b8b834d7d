//! Ways to end what is in the queue: by whichever way, and only without a query.

use crate::tests::stage::ask;
use pgrx::spi;

/// The result of one that completed.
pub const COMPLETED: &str = r#"[{"status": "completed", "nodes_executed": [{"node_id": "n"}]}]"#;

/// Puts a lease on all that is in the queue.
pub const LEASE: &str = "UPDATE automations.queue SET lease_token = '11111111-1111-4111-8111-111111111111',
                             lease_until = clock_timestamp() + interval '1 hour'";

/// All that is in the queue, in its order.
const QUEUED: &str = "(SELECT array_agg(q.account_id ORDER BY q.id) a, array_agg(q.id ORDER BY q.id) i,
                              array_agg(q.lease_token ORDER BY q.id) t FROM automations.queue q) g";

/// Ends all that is in the queue with the results of a list, one after the other: how many were ended.
pub fn end(results: &str) -> Result<String, spi::Error> {
    ask(&[
        "SELECT count(w) FROM ",
        QUEUED,
        ", automations.finish(g.a, g.i, g.t, '",
        results,
        "') w",
    ]
    .concat())
}

/// The same without a query.
pub fn end_without(results: &str) -> Result<String, spi::Error> {
    ask(&[
        "SELECT cardinality(automations.end_captured(g.a, g.i, g.t, '",
        results,
        "')) FROM ",
        QUEUED,
    ]
    .concat())
}
