//! Limits in flight, with a receiver that holds its answers back and daemons that share the work.

use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::json;
use uuid::Uuid;

/// The most executions of an automation that were in its HTTP node at once, by their recorded times.
async fn most_at_once(database: &Database, automations: &[Uuid]) -> i64 {
    database
        .value(
            "WITH send AS (
                SELECT s.started_at, s.completed_at FROM automations.recorded_steps s
                JOIN public.automation_executions e ON e.id = s.execution_id
                WHERE s.node_id = 'send' AND e.automation_id = ANY ($1))
             SELECT max((SELECT count(*) FROM send o
                          WHERE o.started_at <= s.started_at AND o.completed_at > s.started_at)) FROM send s",
            &[&automations],
        )
        .await
}

fn sending(receiver: &Receiver) -> Graph {
    Graph::from("trigger-event")
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/")}),
        )
        .edge("start", "send")
}

async fn leads(database: &Database, account: Account, count: i32) {
    database
        .owner
        .execute(
            "INSERT INTO public.leads (user_id, name) SELECT $1, 'x' FROM generate_series(1, $2::integer)",
            &[&account.user, &count],
        )
        .await
        .unwrap();
}

/// Something else runs from beginning to end: whoever claims has looked at the queue meanwhile.
async fn something_else_runs(database: &Database, account: Account, times: usize) {
    let other = account
        .manual(
            database,
            "other",
            &Graph::from("trigger-manual").set("set", "a", json!(1)),
        )
        .await;
    for _ in 0..times {
        let id = database.start(other, json!({})).await;
        database.ended(id).await.completed();
    }
}

#[tokio::test]
async fn not_more_of_an_automation_run_at_once_than_it_may_on_however_many_daemons() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    receiver.hold();
    let automation = account
        .on_new_lead(&database, "limited", &sending(&receiver))
        .await;
    database
        .run("UPDATE public.automations SET options = '{\"max_in_flight\": 3}' WHERE name = 'limited'")
        .await;
    let _first = Daemon::start_reaching(&database, &receiver).await;
    let _second = Daemon::start_reaching(&database, &receiver).await;

    leads(&database, account, 30).await;
    receiver.have(3).await;
    something_else_runs(&database, account, 5).await;
    assert_eq!(receiver.requests().len(), 3);
    receiver.let_go();

    let all = database.all_ended(automation, 30).await;
    assert!(all.iter().all(|execution| execution.status == "completed"));
    assert_eq!(receiver.requests().len(), 30);
    assert!(most_at_once(&database, &[automation]).await <= 3);
    assert_eq!(
        database.count("SELECT count(*) FROM automations.in_flight").await,
        0
    );
}

#[tokio::test]
async fn the_limit_of_an_account_holds_for_all_that_it_runs_and_for_nobody_else() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let other = Account::new(&database).await;
    let receiver = Receiver::start().await;
    receiver.hold();
    let one = account.on_new_lead(&database, "one", &sending(&receiver)).await;
    let two = account.on_new_lead(&database, "two", &sending(&receiver)).await;
    let free = other.on_new_lead(&database, "free", &sending(&receiver)).await;
    database
        .owner
        .execute(
            "INSERT INTO public.automation_accounts (account_id, max_in_flight) VALUES ($1, 2)",
            &[&account.user],
        )
        .await
        .unwrap();
    let _daemon = Daemon::start_reaching(&database, &receiver).await;

    leads(&database, account, 10).await;
    receiver.have(2).await;
    leads(&database, other, 5).await;
    receiver.have(7).await;
    something_else_runs(&database, other, 5).await;
    assert_eq!(receiver.requests().len(), 7);
    receiver.let_go();

    database.all_ended(one, 10).await;
    database.all_ended(two, 10).await;
    database.all_ended(free, 5).await;
    assert!(most_at_once(&database, &[one, two]).await <= 2);
}

#[tokio::test]
async fn what_waits_holds_no_slot() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .node("wait", "logic-delay", json!({"duration": 1, "unit": "hours"}))
        .edge("start", "wait");
    let automation = account.manual(&database, "waits", &graph).await;
    database
        .run("UPDATE public.automations SET options = '{\"max_in_flight\": 1}' WHERE name = 'waits'")
        .await;
    let _daemon = Daemon::start(&database).await;
    for _ in 0..3 {
        let id = database.start(automation, json!({})).await;
        database.becomes(id, "waiting").await;
    }
}

#[tokio::test]
async fn what_a_killed_daemon_held_comes_back_with_its_lease() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    receiver.hold();
    let automation = account
        .on_new_lead(&database, "limited", &sending(&receiver))
        .await;
    database
        .run("UPDATE public.automations SET options = '{\"max_in_flight\": 1}' WHERE name = 'limited'")
        .await;
    let options = end_to_end::DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--lease", "6s")
        .flag("--poll-interval", "1s");
    let first = Daemon::start_with(&database, options.clone()).await;
    leads(&database, account, 3).await;
    receiver.have(1).await;
    first.kill().await;
    receiver.let_go();
    let _second = Daemon::start_with(&database, options).await;
    database.all_ended(automation, 3).await;
    assert_eq!(receiver.requests().len(), 4);
}

#[tokio::test]
async fn cancelling_what_runs_lets_the_next_one_in() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    receiver.hold();
    let automation = account
        .on_new_lead(&database, "limited", &sending(&receiver))
        .await;
    database
        .run("UPDATE public.automations SET options = '{\"max_in_flight\": 1}' WHERE name = 'limited'")
        .await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    leads(&database, account, 2).await;
    receiver.have(1).await;
    let running = database.one_that_is("running").await;
    assert!(
        database
            .value::<bool>("SELECT automations.cancel($1)", &[&running])
            .await
    );
    receiver.have(2).await;
    receiver.let_go();
    let all = database.all_ended(automation, 2).await;
    let mut statuses: Vec<_> = all.iter().map(|execution| execution.status.as_str()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["cancelled", "completed"]);
}
