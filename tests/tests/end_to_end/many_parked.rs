//! A parked execution costs a row and nothing else: what an idle daemon asks, and the memory that it has, do not depend
//! on how many there are. Counted in statements, as the server logs them, not in time.

use std::collections::BTreeMap;

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, cluster, template, waiting};
use serde_json::json;

const PARKED: i32 = 100_000;

/// Statements of one look at the queue, by the function that they call and how often.
type Look = BTreeMap<String, usize>;

/// The statements that the daemon sent since this line of the server's log, look by look; the first and the last one
/// may be torn. What it does now and then besides is left out.
fn looks(database: &Database, from: usize) -> Vec<Look> {
    let log = std::fs::read(cluster::folder().join("server.log")).expect("the server's log");
    let log = String::from_utf8_lossy(&log[from..]).into_owned();
    let mine = format!(" {} {} LOG: ", database.name, template::DAEMON);
    let mut looks = vec![Look::new()];
    for line in log.lines().filter(|line| line.contains(&mine)) {
        let called = line.split("automations.").nth(1).unwrap_or("something else");
        let name: String = called
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect();
        if ["replay_missed", "fold_uncounted", "maintain"].contains(&name.as_str()) {
            continue;
        }
        if name == "look" {
            looks.push(Look::new());
        }
        if let Some(look) = looks.last_mut() {
            *look.entry(name).or_default() += 1;
        }
    }
    looks.remove(0);
    looks.pop();
    looks
}

/// What the looks consist of once nothing is left to be done: ten in a row that are the same.
async fn look(database: &Database) -> Look {
    let log = cluster::folder().join("server.log");
    let from = std::fs::metadata(log).expect("the server's log").len();
    let from = usize::try_from(from).expect("its length");
    waiting::until("ten looks at the queue that are the same", || async {
        let mut last = looks(database, from).into_iter().rev().take(10);
        let look = last.next()?;
        (last.by_ref().filter(|other| *other == look).count() == 9).then_some(look)
    })
    .await
}

/// What a daemon asks that has nothing to do.
fn only_a_look() -> Look {
    Look::from([("look".to_owned(), 1)])
}

/// Logs each statement of daemons that start from now on.
async fn log_statements(database: &Database) {
    let logged = format!(
        "ALTER ROLE {} IN DATABASE {} SET log_statement = 'all'",
        template::DAEMON,
        database.name
    );
    database.superuser().await.batch_execute(&logged).await.unwrap();
}

#[tokio::test]
async fn an_idle_daemon_that_listens_asks_one_statement_for_each_poll_and_its_listener_none() {
    let database = Database::fresh().await;
    log_statements(&database).await;
    let options = DaemonOptions::default().flag("--poll-interval", "500ms");
    let daemon = Daemon::start_with(&database, options).await;
    daemon.says(&["listening"]).await;
    // polls carry the listener's proof: within these ten looks at least once
    assert_eq!(look(&database).await, only_a_look());
}

#[tokio::test]
async fn what_an_idle_daemon_asks_and_holds_does_not_depend_on_how_many_are_parked() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .node(
            "wait",
            "logic-wait",
            json!({"for": "event", "event": "paid", "match": {"n": "{{ trigger.n }}"}}),
        )
        .edge("start", "wait");
    let automation = account.manual(&database, "parked", &graph).await;
    log_statements(&database).await;
    let options = DaemonOptions::default()
        .flag("--poll-interval", "100ms")
        .flag("--listen-database-url", "none");
    let daemon = Daemon::start_with(&database, options).await;
    let real = database.start(automation, json!({"n": -1})).await;
    database.becomes(real, "waiting").await;
    let (before, had) = (look(&database).await, daemon.resident_kib());

    // as many copies of what the engine has just parked
    database
        .owner
        .execute(
            "WITH copy AS MATERIALIZED (SELECT automations.uuid_v7() AS id, n FROM generate_series(1, $2::integer) n),
                  parked AS (
                      INSERT INTO automations.parked (execution_id, account_id, automation_id, version, trigger_type,
                                                      depth, test_mode, attempt, wake_at)
                      SELECT c.id, p.account_id, p.automation_id, p.version, p.trigger_type, p.depth, p.test_mode,
                             p.attempt, CASE WHEN c.n % 2 = 0 THEN now() + interval '1 day' END
                      FROM copy c, automations.parked p WHERE p.execution_id = $1)
             INSERT INTO automations.waits (execution_id, step_key, account_id, kind, event, match, wake_at)
             SELECT c.id, c.id, w.account_id, w.kind, w.event || c.n, w.match,
                    CASE WHEN c.n % 2 = 0 THEN now() + interval '1 day' END
             FROM copy c, automations.waits w WHERE w.execution_id = $1",
            &[&real, &PARKED],
        )
        .await
        .unwrap();
    assert_eq!(
        database.count("SELECT count(*) FROM automations.parked").await,
        i64::from(PARKED) + 1
    );

    let (after, has) = (look(&database).await, daemon.resident_kib());

    assert_eq!(after, before);
    assert!(has < had + 8 * 1_024, "{has} KiB instead of {had}");
    assert_eq!(before, only_a_look());

    // and one of them is woken among all others
    database.emit(account.user, "paid", json!({"n": -1})).await;
    database.ended(real).await.completed();
}
