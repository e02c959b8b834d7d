//! Random graphs through the real engine: what it recorded is what the slow reference does when it is told the same
//! choices in the same order, and what the position does when the records are folded. Also when daemons die meanwhile.
//!
//! GENERATED_GRAPHS=n runs the seeds below n instead of the usual ones.

mod drawn;
mod people;
mod told;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use end_to_end::receiver::{Reply, Request};
use end_to_end::{Account, Daemon, DaemonOptions, Database, Receiver, waiting};
use serde_json::json;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::build::Drawn;
use crate::random::hash;

/// Seeds of `make test`.
const SEEDS: u64 = 160;

fn seeds() -> u64 {
    let given = std::env::var("GENERATED_GRAPHS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(SEEDS)
}

/// A graph that waits for a daemon.
struct Started {
    seed: u64,
    drawn: Drawn,
    execution: Uuid,
}

/// All graphs of these seeds, each started once.
async fn start(database: &Database, receiver: &Receiver, seeds: std::ops::Range<u64>) -> Vec<Started> {
    let account = Account::new(database).await;
    let mut started = Vec::new();
    for seed in seeds {
        let Some(drawn) = drawn::graph(seed, &receiver.url("")) else {
            continue;
        };
        let automation: Uuid = database
            .value(
                "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, nodes, edges)
                 VALUES ($1, $2, $3, 'active', true, 'manual', $4, $5) RETURNING id",
                &[
                    &account.user,
                    &account.agent,
                    &format!("seed {seed}"),
                    &Json(drawn.nodes()),
                    &Json(drawn.edges()),
                ],
            )
            .await;
        let execution = database.start(automation, json!({})).await;
        started.push(Started {
            seed,
            drawn,
            execution,
        });
    }
    started
}

/// Answers after a while that is another for each request, so that branches end in any order; one in four fails.
async fn world() -> Receiver {
    let asked: Arc<Mutex<HashMap<String, u64>>> = Arc::default();
    Receiver::answering_in_time(move |request: Request| {
        let asked = asked.clone();
        async move {
            let key = request.header("idempotency-key").unwrap_or_default();
            tokio::time::sleep(Duration::from_millis((hash(key) >> 16) % 12)).await;
            let mut asked = asked.lock().unwrap();
            let times = asked.entry(request.path.clone()).or_default();
            *times += 1;
            match (hash(&format!("{} {times}", request.path)) >> 16).is_multiple_of(4) {
                true => Reply::status(500),
                false => Reply::json(json!({"ok": true})),
            }
        }
    })
    .await
}

fn options(receiver: &Receiver) -> DaemonOptions {
    let quiet = DaemonOptions {
        log: "warn,automationd=info".to_owned(),
        ..DaemonOptions::default()
    };
    quiet
        .flag("--allow-hosts", &receiver.host())
        .flag("--max-steps", &drawn::BUDGET.to_string())
        .flag("--poll-interval", "100ms")
        .flag("--concurrency", "16")
}

/// Compares all of them, when they have ended.
async fn compare(database: &Database, started: &[Started]) {
    let people = people::decide(database).await;
    let open = "SELECT count(*) FROM public.automation_executions
                 WHERE status NOT IN ('completed', 'failed', 'cancelled')";
    waiting::until_within(waiting::DEADLINE * 4, "all graphs to end", || async {
        (database.count(open).await == 0).then_some(())
    })
    .await;
    drop(people);
    let (mut wrong, mut ends) = (Vec::new(), HashMap::<String, u32>::new());
    for one in started {
        let execution = database.execution(one.execution).await.expect("an execution");
        let status = match execution.error_code.as_deref() {
            Some("step_budget") => "budget",
            _ => &execution.status,
        };
        *ends.entry(status.to_owned()).or_default() += 1;
        let deviations = told::deviations(database, &one.drawn, one.execution, status).await;
        if !deviations.is_empty() {
            let error = (execution.error_code, execution.error_node, execution.error);
            wrong.push(format!(
                "seed {}: {}\n{error:?}\n{:?}",
                one.seed,
                deviations.join("\n"),
                one.drawn
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        started.len(),
        wrong.join("\n\n")
    );
    assert!(
        ends.contains_key("completed") && ends.contains_key("failed"),
        "{ends:?}"
    );
}

#[tokio::test]
async fn what_the_engine_records_of_random_graphs_is_what_the_reference_and_the_fold_say() {
    let database = Database::fresh().await;
    let receiver = world().await;
    let started = start(&database, &receiver, 0..seeds()).await;
    assert!(started.len() as u64 > seeds() / 3, "only {}", started.len());
    let daemon = Daemon::start_with(&database, options(&receiver)).await;
    compare(&database, &started).await;
    daemon.stop().await;
}

#[tokio::test]
async fn two_daemons_that_die_in_the_middle_change_nothing_in_that() {
    let database = Database::fresh().await;
    let receiver = world().await;
    let first = 10_000;
    let started = start(&database, &receiver, first..first + seeds() / 2).await;
    // two at most: the third in a row that a step does not survive would end its execution
    for at in ["9:after", "23:before"] {
        let mut daemon = Daemon::spawn(&database.name, options(&receiver).flag("--abort-at-write", at));
        assert!(!daemon.ended().await.success());
        database.abandoned().await;
    }
    let daemon = Daemon::start_with(&database, options(&receiver)).await;
    compare(&database, &started).await;
    daemon.stop().await;
}
