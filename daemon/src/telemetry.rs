//! What operators see: log lines, each with the execution it belongs to, and metrics named `automationd_*`.

use std::io::IsTerminal;
use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::settings::LogFormat;

/// Buckets of every histogram, in seconds: from a database call to the limit of an HTTP node.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0,
];

/// Without `RUST_LOG`: what other libraries say about connections, this program says in its own words.
const QUIET: &str = "info,tokio_postgres=warn,deadpool.postgres=error,rmcp=off";

/// Sends log lines to standard error; levels by `RUST_LOG` (`info` without it). Panics become lines too.
pub fn logs(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(QUIET));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(FmtSpan::NONE)
        .with_target(false);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%at, "a task panicked; what it held is taken up again");
    }));
}

/// Installs the recorder; the handle renders what `/metrics` answers.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .install_recorder()?;
    describe_counter!(
        "automationd_executions_claimed_total",
        "Executions that this daemon claimed"
    );
    describe_counter!(
        "automationd_executions_finished_total",
        "Executions that ended here, by status"
    );
    describe_counter!(
        "automationd_executions_parked_total",
        "Executions that were parked"
    );
    describe_gauge!(
        "automationd_executions_in_flight",
        "Executions in hand, with those that wait for a slot"
    );
    describe_counter!(
        "automationd_statements_cancelled_total",
        "Statements of database nodes that were given up and cancelled in the server"
    );
    describe_counter!(
        "automationd_shared_transactions_undone_total",
        "Transactions of several database nodes that came to nothing; each of their nodes ran again alone"
    );
    describe_counter!(
        "automationd_steps_retried_total",
        "Failed attempts of steps that are followed by another, by node type"
    );
    describe_counter!(
        "automationd_steps_total",
        "Steps that ended, by node type and status"
    );
    describe_histogram!(
        "automationd_step_seconds",
        Unit::Seconds,
        "How long steps took, by node type"
    );
    describe_histogram!(
        "automationd_claim_seconds",
        Unit::Seconds,
        "How long claim calls took"
    );
    describe_histogram!(
        "automationd_finish_seconds",
        Unit::Seconds,
        "How long finish calls took"
    );
    describe_counter!(
        "automationd_leases_lost_total",
        "Claims that were lost to another daemon or a cancel"
    );
    describe_counter!(
        "automationd_leases_rescued_total",
        "Lapsed leases of dead daemons that were taken back"
    );
    describe_counter!("automationd_wakeups_total", "Looks at the queue, by cause");
    describe_counter!(
        "automationd_database_errors_total",
        "Calls that the database did not answer as wanted"
    );
    describe_gauge!(
        "automationd_listener_connected",
        "1 while notifications arrive, 0 while only polling"
    );
    describe_counter!(
        "automationd_hook_answers_total",
        "Calls of webhooks that came in whole, by the status of their answer"
    );
    describe_histogram!(
        "automationd_hook_group",
        "How many calls of webhooks were written together"
    );
    describe_counter!(
        "automationd_schedules_fired_total",
        "Executions that schedules started"
    );
    describe_counter!(
        "automationd_schedules_left_out_total",
        "Times that were left out because the last execution was not final"
    );
    describe_counter!(
        "automationd_mcp_calls_total",
        "Calls of tools by agents, by what came of them"
    );
    describe_counter!(
        "automationd_api_keys_refused_total",
        "Requests of agents that were refused because of their key, by why"
    );
    describe_counter!(
        "automationd_notified_total",
        "Payloads on automation_trigger, where they are accepted, by what became of them"
    );
    describe_gauge!("automationd_ready", "1 while executions are claimed");
    describe_counter!(
        "automationd_announcements_dropped_total",
        "Status notifications that were not sent"
    );
    Ok(handle)
}

/// How often the recorder tidies its histograms.
pub const UPKEEP: Duration = Duration::from_secs(60);
