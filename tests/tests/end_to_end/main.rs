//! End to end: a real PostgreSQL, a real automationd, and what a user of both may rely on. One program, so
//! that it links once; one file per topic; a test's name is the sentence that it proves.

mod application_triggers;
mod attacks;
mod broken_graphs;
mod bulk;
mod cancelling;
mod command_line;
mod copies;
mod delays;
mod error_limit;
mod execution_timeouts;
mod graph_table;
mod graphs;
mod http_endpoints;
mod http_node;
mod isolation;
mod leases;
mod load;
mod locks;
mod loops;
mod pg_cron;
mod provenance;
mod restarts;
mod retries;
mod retrying;
mod rows;
mod sample_application;
mod several_daemons;
mod statistics;
mod test_mode;
mod throwaway_cluster;
mod tls;
mod wake;
mod wide_rows;
