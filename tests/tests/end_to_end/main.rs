//! End to end: a real PostgreSQL, a real automationd, and what a user of both may rely on. One program, so
//! that it links once; one file per topic; a test's name is the sentence that it proves.

// What random graphs are made of, and what they should do: shared with the tests of the pure crate.
#[allow(dead_code, reason = "each of the two crates uses its part")]
#[path = "../../../flow/tests/graphs/build.rs"]
mod build;
#[allow(dead_code, reason = "each of the two crates uses its part")]
#[path = "../../../flow/tests/graphs/random.rs"]
mod random;
#[allow(dead_code, reason = "each of the two crates uses its part")]
mod slow;
#[allow(dead_code, reason = "each of the two crates uses its part")]
#[path = "../../../flow/tests/graphs/walk.rs"]
mod walk;

mod agents;
mod application_triggers;
mod approvals;
mod attacks;
mod broken_graphs;
mod bulk;
mod cancelled_statements;
mod cancelling;
mod claimed_ahead;
mod clients;
mod command_line;
mod copies;
mod crash_points;
mod debounce;
mod delays;
mod error_limit;
mod events;
mod execution_timeouts;
mod fairness;
mod fences;
mod generated_graphs;
mod graph_table;
mod graphs;
mod http_endpoints;
mod http_node;
mod isolation;
mod kept_statements;
mod kept_steps;
mod last_steps;
mod late_rows;
mod leases;
mod limits;
mod load;
mod locks;
mod long_loops;
mod loop_limits;
mod loops;
mod many_parked;
mod nemesis;
mod old_formats;
mod oracle;
mod other_starts;
mod passed_on;
mod pg_cron;
mod places;
mod priority;
mod provenance;
mod re_entry;
mod readme;
mod remembered;
mod restarts;
mod resume_pages;
mod retries;
mod retrying;
mod rows;
mod sample_application;
mod schedules;
mod schema_upgrade;
mod several_daemons;
mod shared_transactions;
mod standbys;
mod statistics;
mod sub_automation_ends;
mod sub_automations;
mod test_mode;
mod throwaway_cluster;
mod tls;
mod wait_races;
mod waits;
mod waits_beside_others;
mod wake;
mod wake_up_worker;
mod webhook_load;
mod webhooks;
mod wide_rows;
mod without_queries;
