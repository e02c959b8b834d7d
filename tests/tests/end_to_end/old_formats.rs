//! Executions that a daemon before format 2 had begun are carried to their end by this one; those that a newer daemon
//! wrote are left to it. The fixtures are rows as that daemon wrote them: no `began_after`, no `format`.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Receiver, waiting};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use uuid::Uuid;

/// What format 1 wrote of a step, and nothing that came later.
const STEP: &str = "node_id, place, run, attempt, node_type, label, status, ordinal, outcome, input, output, error, \
    variables, warnings, idempotency_key, wake_at, started_at, completed_at, duration_ms";

/// Puts the rows of a fixture into the database, as the execution of a new automation.
async fn put(database: &Database, fixture: &Value, trigger: Value) -> Uuid {
    let account = Account::new(database).await;
    let automation: Uuid = database
        .value(
            "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, nodes, edges)
             VALUES ($1, $2, 'old', 'active', true, 'manual', $3, $4) RETURNING id",
            &[
                &account.user,
                &account.agent,
                &Json(&fixture["nodes"]),
                &Json(&fixture["edges"]),
            ],
        )
        .await;
    let administrator = database.superuser().await;
    let parked = fixture["parked"] == true;
    let status = if parked { "waiting" } else { "running" };
    let id: Uuid = administrator
        .query_one(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, trigger_data, status)
             VALUES ($1, 'manual', $2, $3) RETURNING id",
            &[&automation, &Json(trigger), &status],
        )
        .await
        .unwrap()
        .get(0);
    let steps = format!(
        "INSERT INTO automations.steps (execution_id, account_id, {STEP})
         SELECT $1, $2, {STEP} FROM jsonb_populate_recordset(NULL::automations.steps, $3)"
    );
    let rows = Json(&fixture["steps"]);
    administrator
        .execute(&steps, &[&id, &account.user, &rows])
        .await
        .unwrap();
    let place = if parked {
        "INSERT INTO automations.parked (execution_id, account_id, automation_id, version, trigger_type, wake_at)
         SELECT $1, $2, $3, v.version, 'manual', now()
         FROM public.automation_versions v WHERE v.automation_id = $3"
    } else {
        "INSERT INTO automations.queue (id, account_id, automation_id, version, trigger_type, has_execution)
         SELECT $1, $2, $3, v.version, 'manual', true
         FROM public.automation_versions v WHERE v.automation_id = $3"
    };
    administrator
        .execute(place, &[&id, &account.user, &automation])
        .await
        .unwrap();
    id
}

/// Carries a fixture to its end and compares that with what it says.
async fn goes_on(fixture: &str) {
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let database = Database::fresh().await;
    let receiver = Receiver::start().await;
    let trigger = json!({"name": "Ada", "url": receiver.url("/")});
    let id = put(&database, &fixture, trigger).await;

    let _daemon = Daemon::start_reaching(&database, &receiver).await;

    let execution = database.ended(id).await.completed();
    let expected = &fixture["expect"];
    assert_eq!(json!(execution.ran()), expected["ran"]);
    assert_eq!(execution.variables, expected["variables"]);
    assert_eq!(json!(receiver.requests().len()), expected["requests"]);
    for (node, attempt) in expected["attempt"].as_object().into_iter().flatten() {
        assert_eq!(execution.node(node)["attempt"], *attempt, "{node}");
    }
    // what was recorded before is as it was, and what came now is of today's format
    let old = fixture["steps"].as_array().unwrap().iter();
    let kept = old.filter(|step| step["completed_at"].is_string()).count();
    let first = "SELECT count(*) FROM automations.steps WHERE format = 1 AND began_after IS NULL";
    assert_eq!(usize::try_from(database.count(first).await).unwrap(), kept);
    let rest =
        "SELECT count(*) FROM automations.steps WHERE format <> 1 AND (format <> 2 OR began_after IS NULL)";
    assert_eq!(database.count(rest).await, 0);
}

#[tokio::test]
async fn a_step_that_had_started_runs_again() {
    goes_on(include_str!("../fixtures/format_1/started_step.json")).await;
}

#[tokio::test]
async fn a_parked_delay_goes_on() {
    goes_on(include_str!("../fixtures/format_1/parked_delay.json")).await;
}

#[tokio::test]
async fn a_parked_attempt_is_tried_again() {
    goes_on(include_str!("../fixtures/format_1/parked_retry.json")).await;
}

#[tokio::test]
async fn a_join_waits_for_the_branch_that_has_not_come() {
    goes_on(include_str!("../fixtures/format_1/half_a_join.json")).await;
}

#[tokio::test]
async fn a_cycle_goes_on_in_its_round() {
    goes_on(include_str!("../fixtures/format_1/half_done.json")).await;
}

#[tokio::test]
async fn an_execution_that_a_newer_daemon_wrote_is_left_to_it() {
    let fixture = include_str!("../fixtures/format_1/half_a_join.json");
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let database = Database::fresh().await;
    let id = put(&database, &fixture, json!({"name": "Ada"})).await;
    let newer = "UPDATE automations.steps SET format = 9 WHERE execution_id = $1 AND node_id = 'right'";
    let administrator = database.superuser().await;
    administrator.execute(newer, &[&id]).await.unwrap();
    let daemon = Daemon::start_with(&database, DaemonOptions::default()).await;

    daemon.says(&["newer daemon", "format=9"]).await;
    let left = "SELECT count(*) FROM automations.parked WHERE wake_at > now()";
    waiting::until("it to be left to another daemon", || async {
        (database.count(left).await == 1).then_some(())
    })
    .await;
    let execution = database.execution(id).await.unwrap();
    assert_eq!((execution.status.as_str(), execution.error), ("waiting", None));
    let steps = "SELECT count(*) FROM automations.steps";
    assert_eq!(database.count(steps).await, 3);

    // a daemon that knows the format goes on
    let known = "UPDATE automations.steps SET format = 2 WHERE execution_id = $1 AND node_id = 'right'";
    administrator.execute(known, &[&id]).await.unwrap();
    database
        .run("UPDATE automations.parked SET wake_at = now()")
        .await;
    let _next = Daemon::start(&database).await;
    database.ended(id).await.completed();
}
