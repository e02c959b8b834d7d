//! Loops over many items stream: what the daemon holds and what the database keeps stays within the limits, also when
//! such an execution is taken up again in the middle.

use std::time::Duration;

use end_to_end::{Account, Daemon, DaemonOptions, Database, Execution, Graph, waiting};
use serde_json::json;
use uuid::Uuid;

const ITEMS: usize = 100_000;
/// The whole daemon, in KiB.
const MOST_MEMORY: u64 = 150_000_000 >> 10;
/// A hundred thousand steps take their time by nature.
const LONG: Duration = Duration::from_secs(600);

/// One node for each item of the trigger's list.
fn graph() -> Graph {
    Graph::from("trigger-manual")
        .node(
            "each",
            "logic-loop",
            json!({"arrayExpression": "trigger.list", "maxIterations": ITEMS}),
        )
        .set("keep", "kept", json!("{{ item }}"))
        .edge("start", "each")
        .edge_from("each", "loop", "keep")
}

fn many_steps() -> DaemonOptions {
    DaemonOptions {
        log: "info".to_owned(),
        ..DaemonOptions::default()
    }
    .flag("--max-steps", "1000000")
    .flag("--lease", "10s")
    .flag("--poll-interval", "300ms")
}

async fn begin(database: &Database, graph: &Graph) -> Uuid {
    let account = Account::new(database).await;
    let automation = account.manual(database, "many items", graph).await;
    let list: Vec<usize> = (0..ITEMS).collect();
    database.start(automation, json!({"list": list})).await
}

async fn ended(database: &Database, id: Uuid) -> Execution {
    waiting::until_within(LONG, "the end of a long loop", || async {
        database.execution(id).await.filter(Execution::is_final)
    })
    .await
}

async fn steps(database: &Database) -> usize {
    let count = database
        .count("SELECT count(*) FROM automations.recorded_steps")
        .await;
    usize::try_from(count).unwrap()
}

fn all_of_it(execution: &Execution) {
    let results = execution.output.as_array().unwrap();
    assert_eq!(results.len(), ITEMS);
    assert_eq!(results.last(), Some(&json!({"kept": ITEMS - 1})));
    assert_eq!(execution.variables, json!({"kept": ITEMS - 1}));
    // what people read is bounded, and says what it leaves out
    let left_out = execution.nodes.iter().filter_map(|node| node["cut"].as_u64());
    assert_eq!(left_out.sum::<u64>(), (ITEMS + 2 - 10_000) as u64);
    assert_eq!(execution.nodes.len(), 10_000 + 1);
}

#[tokio::test]
async fn a_loop_over_100_000_items_streams() {
    let database = Database::fresh().await;
    let daemon = Daemon::start_with(&database, many_steps()).await;
    let idle = daemon.resident_kib();
    let id = begin(&database, &graph()).await;
    let execution = ended(&database, id).await.completed();
    let peak = daemon.peak_kib();
    println!("resident: {idle} KiB idle, {peak} KiB at most");
    all_of_it(&execution);
    assert_eq!(steps(&database).await, ITEMS + 2);
    assert!(peak < MOST_MEMORY, "{peak} KiB");
}

#[tokio::test]
async fn a_long_loop_that_is_taken_up_again_in_the_middle_streams_too_and_repeats_nothing() {
    let database = Database::fresh().await;
    let daemon = Daemon::start_with(&database, many_steps()).await;
    let id = begin(&database, &graph()).await;
    waiting::until_within(LONG, "half of the steps", || async {
        let place = format!(r#"[["each",1,{}]]"#, ITEMS / 2);
        let at = "SELECT count(*) FROM automations.recorded_steps \
            WHERE execution_id = $1 AND node_id = 'keep' AND place = $2 AND run = 1";
        let there: i64 = database.value(at, &[&id, &place]).await;
        (there > 0).then_some(())
    })
    .await;
    daemon.kill().await;
    let before = steps(&database).await;

    let next = Daemon::start_with(&database, many_steps()).await;

    let execution = ended(&database, id).await.completed();
    let peak = next.peak_kib();
    println!("resident: {peak} KiB at most, {before} steps were recorded before");
    all_of_it(&execution);
    assert_eq!(steps(&database).await, ITEMS + 2);
    assert!(peak < MOST_MEMORY, "{peak} KiB");
}

#[tokio::test]
async fn with_the_default_limits_a_loop_over_100_000_items_ends_at_the_step_budget() {
    let database = Database::fresh().await;
    let _daemon = Daemon::start(&database).await;
    let id = begin(&database, &graph()).await;
    let execution = ended(&database, id).await.failed("step_budget");
    let why = execution.error.as_deref().unwrap_or_default();
    assert!(why.contains("keep (9998 times)"), "{why}");
    assert_eq!(execution.error_node.as_deref(), Some("keep"));
    assert!(steps(&database).await <= 10_000);
}
