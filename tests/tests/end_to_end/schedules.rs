//! Schedules: each time once, whoever fires it and whoever dies meanwhile. Nobody waits for a clock here: rows are moved
//! into the past, as they stand after a while in which no daemon ran. `start_at` and `end_at` say exactly which times there
//! are, whatever the time is.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, oracle, waiting};
use serde_json::{Value, json};
use uuid::Uuid;

fn options() -> DaemonOptions {
    DaemonOptions::default().flag("--poll-interval", "100ms")
}

fn nothing() -> Graph {
    Graph::from("trigger-schedule")
        .set("note", "at", json!("{{ trigger.scheduled_at }}"))
        .chain(&["start", "note"])
}

/// The ten minutes until the one that has just begun.
async fn ten_minutes(database: &Database, more: Value) -> Value {
    let text = "SELECT jsonb_build_object('cron', '* * * * *', 'missed', 'all',
            'start_at', date_trunc('minute', now()) - interval '9 minutes',
            'end_at', date_trunc('minute', now())) || $1";
    database.value(text, &[&tokio_postgres::types::Json(more)]).await
}

/// As if no daemon had run for so long.
async fn outage(database: &Database, length: &str) {
    database
        .owner
        .execute(
            "UPDATE automations.schedules SET next_at = now() - $1::text::interval, due_at = now() - $1::text::interval",
            &[&length],
        )
        .await
        .expect("move the rows");
}

/// So many automations with the same schedule, of a few accounts.
async fn many(database: &Database, count: i32, config: &Value) {
    for _ in 0..4 {
        let account = Account::new(database).await;
        let graph = nothing();
        database
            .owner
            .execute(
                "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, trigger_config,
                     nodes, edges)
                 SELECT $1, $2, 'every minute ' || n, 'active', true, 'schedule', $3, $4, $5 FROM generate_series(1, $6) n",
                &[
                    &account.user,
                    &account.agent,
                    &tokio_postgres::types::Json(config),
                    &tokio_postgres::types::Json(graph.nodes()),
                    &tokio_postgres::types::Json(graph.edges()),
                    &(count / 4),
                ],
            )
            .await
            .expect("save them");
    }
}

/// Executions, and different times of different automations among them.
async fn fires(database: &Database) -> (i64, i64) {
    let count = "SELECT count(*) FROM public.automation_executions";
    let different = "SELECT count(DISTINCT (automation_id, trigger_data -> 'scheduled_at')) FROM public.automation_executions";
    (database.count(count).await, database.count(different).await)
}

/// Waits until nothing is due and nothing runs.
async fn settled(database: &Database) {
    waiting::until_within(waiting::DEADLINE * 6, "every schedule to be fired", || async {
        let due = "SELECT (SELECT count(*) FROM automations.schedules WHERE due_at <= now()) + (SELECT count(*) FROM automations.queue)";
        (database.count(due).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_schedule_that_is_due_runs_as_nobodys_user_and_says_which_time_it_is_for() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let _daemon = Daemon::start_with(&database, options()).await;
    let config = ten_minutes(&database, json!({"missed": "once"})).await;
    let automation = account
        .automation(&database, "report", "schedule", config, &nothing())
        .await;

    outage(&database, "3 minutes").await;

    let execution = database.only(automation).await.completed();
    let said: String = database
        .value(
            "SELECT concat_ws(' ', e.trigger_type, e.triggered_by, e.trigger_data ->> 'missed',
                 (e.trigger_data ->> 'scheduled_at')::timestamptz = (a.trigger_config ->> 'end_at')::timestamptz)
               FROM public.automation_executions e JOIN public.automations a ON a.id = e.automation_id WHERE e.id = $1",
            &[&execution.id],
        )
        .await;
    assert!(
        ["schedule 2 t", "schedule 3 t"].contains(&said.as_str()),
        "{said}"
    );
    let at = execution.variables["at"].as_str().expect("a text");
    assert!(at.ends_with(":00Z"), "{at}");
}

#[tokio::test]
async fn two_daemons_fire_ten_times_of_two_hundred_schedules_two_thousand_times() {
    racing(2).await;
}

#[tokio::test]
async fn five_daemons_fire_ten_times_of_two_hundred_schedules_two_thousand_times() {
    racing(5).await;
}

async fn racing(daemons: usize) {
    let database = Database::fresh().await;
    let config = ten_minutes(&database, json!({})).await;
    many(&database, 200, &config).await;
    let mut running = Vec::new();
    for _ in 0..daemons {
        running.push(Daemon::start_with(&database, options()).await);
    }

    outage(&database, "1 hour").await;

    settled(&database).await;
    assert_eq!(fires(&database).await, (2_000, 2_000));
    oracle::must_hold(&database).await;
}

#[tokio::test]
async fn daemons_that_are_killed_while_they_fire_lose_no_time_and_fire_none_twice() {
    let database = Database::fresh().await;
    let config = ten_minutes(&database, json!({})).await;
    many(&database, 200, &config).await;
    outage(&database, "1 hour").await;

    for pause in [0_u64, 20, 60, 150, 400] {
        let one = Daemon::start_with(&database, options()).await;
        let other = Daemon::start_with(&database, options()).await;
        // not a wait for anything: where in its work the kill meets it is to be different each time
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        one.kill().await;
        other.kill().await;
        database.abandoned().await;
        database.run("UPDATE automations.queue SET crashes = 0").await;
    }
    let _last = Daemon::start_with(&database, options()).await;

    settled(&database).await;
    assert_eq!(fires(&database).await, (2_000, 2_000));
}

#[tokio::test]
async fn a_daemon_that_dies_at_any_write_around_a_fire_leaves_each_time_to_be_fired_once() {
    for when in ["before", "during", "after"] {
        for write in 1..=4 {
            let database = Database::fresh().await;
            let config = ten_minutes(&database, json!({})).await;
            many(&database, 8, &config).await;
            outage(&database, "1 hour").await;
            let dying = DaemonOptions::default().flag("--abort-at-write", &format!("{write}:{when}"));
            let mut dying = Daemon::spawn(&database.name, dying);
            assert!(!dying.ended().await.success());
            database.abandoned().await;

            let daemon = Daemon::start_with(&database, options()).await;

            settled(&database).await;
            assert_eq!(fires(&database).await, (80, 80), "{when} write {write}");
            oracle::must_hold(&database).await;
            daemon.kill().await;
        }
    }
}

#[tokio::test]
async fn with_overlap_skip_a_long_job_has_one_execution_at_a_time() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-schedule")
        .node("wait", "logic-delay", json!({"duration": 90, "unit": "seconds"}))
        .chain(&["start", "wait"]);
    let config = json!({"cron": "* * * * *", "overlap": "skip"});
    let automation = account
        .automation(&database, "long", "schedule", config, &graph)
        .await;
    let _daemon = Daemon::start_with(&database, options()).await;
    outage(&database, "2 minutes").await;
    let first = waiting::until("the first to wait", || async {
        database
            .executions(automation)
            .await
            .into_iter()
            .find(|execution| execution.status == "waiting")
    })
    .await;

    outage(&database, "61 seconds").await;
    settled(&database).await;
    assert_eq!(database.executions(automation).await.len(), 1);

    let cancelled: bool = database
        .value("SELECT automations.cancel($1)", &[&first.id])
        .await;
    assert!(cancelled);
    // what was left out stays so; the next time starts again
    database.run("DELETE FROM automations.execution_keys").await;
    outage(&database, "61 seconds").await;
    waiting::until("the next", || async {
        (database.executions(automation).await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn pausing_changing_and_deleting_take_effect_at_once() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let daily = json!({"cron": "@daily"});
    let mut saved = Vec::new();
    for name in ["paused", "changed", "deleted"] {
        saved.push(
            account
                .automation(&database, name, "schedule", daily.clone(), &nothing())
                .await,
        );
    }
    outage(&database, "30 hours").await;
    database
        .run(
            "UPDATE public.automations SET status = 'paused' WHERE name = 'paused';
              UPDATE public.automations SET trigger_config = '{\"cron\": \"@yearly\"}' WHERE name = 'changed';
              DELETE FROM public.automations WHERE name = 'deleted'",
        )
        .await;
    let witness = account
        .automation(&database, "witness", "schedule", daily, &nothing())
        .await;
    database
        .run("UPDATE automations.schedules s SET next_at = now() - interval '30 hours', due_at = now() - interval '30 hours'
               FROM public.automations a WHERE a.id = s.automation_id AND a.name = 'witness'")
        .await;

    let _daemon = Daemon::start_with(&database, options()).await;

    database.only(witness).await.completed();
    for automation in saved {
        assert!(database.executions(automation).await.is_empty());
    }
}

#[tokio::test]
async fn a_restored_copy_fires_nothing_until_it_is_adopted_and_then_makes_up_for_the_gap() {
    let database = Database::copy_of_template().await;
    let account = Account::new(&database).await;
    let automation = account
        .automation(
            &database,
            "nightly",
            "schedule",
            json!({"cron": "0 0 * * *"}),
            &nothing(),
        )
        .await;
    outage(&database, "48 hours").await; // two midnights, at whatever time of the day
    let mut daemon = Daemon::spawn(&database.name, options());
    daemon.not_ready("adopt()").await;
    assert!(database.executions(automation).await.is_empty());

    database.run("SELECT automations.adopt()").await;

    daemon.ready().await;
    let execution = database.only(automation).await.completed();
    assert_eq!(missed(&database, execution.id).await, 2);
}

async fn missed(database: &Database, execution: Uuid) -> i32 {
    let query = "SELECT (trigger_data ->> 'missed')::integer FROM public.automation_executions WHERE id = $1";
    database.value(query, &[&execution]).await
}
