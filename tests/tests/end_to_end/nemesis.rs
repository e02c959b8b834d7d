//! Whatever is done to the daemons and to their line to the database, the oracle finds nothing: kill -9 again and
//! again, a stop beyond the lease in the middle of a loop or of a wait, answers of the database that are lost.

use std::collections::BTreeMap;

use end_to_end::proxy::Faults;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Proxy, Receiver, oracle, waiting};
use serde_json::json;
use uuid::Uuid;

const DONE: &str = "SELECT count(*) FROM public.automation_executions
                     WHERE status IN ('completed', 'failed', 'cancelled')";

fn options(receiver: &Receiver) -> DaemonOptions {
    let quiet = DaemonOptions {
        log: "warn,automationd=info".to_owned(),
        ..DaemonOptions::default()
    };
    quiet
        .flag("--allow-hosts", &receiver.host())
        .flag("--lease", "4s")
        .flag("--poll-interval", "100ms")
        .flag("--connections", "6")
}

/// Tells the world, writes a row, counts in the lead; four steps with the trigger.
async fn for_each_lead(database: &Database, receiver: &Receiver) -> (Account, Uuid) {
    let account = Account::new(database).await;
    let send =
        json!({"method": "POST", "url": receiver.url("/lead"), "body": {"lead": "{{ trigger.new.id }}"}});
    let booking = json!({"title": "{{ trigger.new.id }}", "startTime": "2030-01-07T09:00:00Z"});
    let graph = Graph::from("trigger-event")
        .node("send", "action-http", send)
        .node("book", "action-create-booking", booking)
        .node(
            "count",
            "action-update-lead",
            json!({"updates": {"score": "{{ lead.score + 1 }}"}}),
        )
        .chain(&["start", "send", "book", "count"]);
    let automation = account.on_new_lead(database, "each", &graph).await;
    (account, automation)
}

async fn leads(database: &Database, account: &Account, count: i32) {
    let insert = "INSERT INTO public.leads (user_id, name) SELECT $1, 'n' || n FROM generate_series(1, $2) n";
    database
        .owner
        .execute(insert, &[&account.user, &count])
        .await
        .unwrap();
}

/// Each lead was booked and counted once, and the world heard of it under one key.
async fn exactly_once(database: &Database, receiver: &Receiver, count: i64) {
    oracle::must_hold(database).await;
    let thing = |request: &end_to_end::receiver::Request| request.body.clone();
    let wrong = oracle::misdirected(database, receiver, thing).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    let booked =
        "SELECT count(*) FROM (SELECT title FROM public.bookings GROUP BY title HAVING count(*) = 1) b";
    let counted = "SELECT count(*) FROM public.leads WHERE name LIKE 'n%' AND score = 1";
    assert_eq!(database.count(booked).await, count, "bookings");
    assert_eq!(
        database.count("SELECT count(*) FROM public.bookings").await,
        count
    );
    assert_eq!(database.count(counted).await, count, "scores");
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for request in receiver.requests() {
        *told.entry(request.body).or_default() += 1;
    }
    assert_eq!(told.len() as i64, count);
}

#[tokio::test]
async fn executions_of_four_steps_survive_kill_9_of_one_daemon_or_the_other_again_and_again() {
    let database = Database::fresh().await;
    let receiver = Receiver::start().await;
    let (account, automation) = for_each_lead(&database, &receiver).await;
    let mut daemons = Vec::new();
    for _ in 0..2 {
        daemons.push(Daemon::start_with(&database, options(&receiver).flag("--concurrency", "16")).await);
    }
    leads(&database, &account, 300).await;

    for kill in 0..12 {
        // they get on between the kills, however slow the machine is
        let wanted = 20 * (kill + 1);
        waiting::until(&format!("{wanted} executions to end"), || async {
            (database.count(DONE).await >= wanted).then_some(())
        })
        .await;
        daemons.remove(0).kill().await;
        daemons.push(Daemon::start_with(&database, options(&receiver).flag("--concurrency", "16")).await);
    }

    let all = database.all_ended(automation, 300).await;
    assert!(all.iter().all(|one| one.status == "completed"));
    database.idle().await;
    exactly_once(&database, &receiver, 300).await;
}

#[tokio::test]
async fn lost_answers_of_the_database_leave_nothing_undone_and_nothing_done_twice() {
    let database = Database::fresh().await;
    let receiver = Receiver::start().await;
    let (account, automation) = for_each_lead(&database, &receiver).await;
    let faults = Faults {
        commits: 4,
        statements: 60,
    };
    let proxy = Proxy::start(faults).await;
    let through = DaemonOptions {
        database_url: Some(proxy.url(&database.name, "daemon_login")),
        ..options(&receiver)
    };
    let daemon = Daemon::spawn(&database.name, through);
    leads(&database, &account, 160).await;

    let all = database.all_ended(automation, 160).await;
    let bad: Vec<_> = all.iter().filter(|one| one.status != "completed").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    database.idle().await;
    assert!(proxy.dropped() > 20, "only {} answers were lost", proxy.dropped());
    drop(daemon);
    exactly_once(&database, &receiver, 160).await;
}

/// Everything that is stored about executions, as one text.
const STORED: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT 'execution ' || e::text AS line FROM public.automation_executions e
    UNION ALL SELECT 'step ' || s::text FROM automations.steps s
    UNION ALL SELECT 'booking ' || b::text FROM public.bookings b
    UNION ALL SELECT 'queue ' || q::text FROM automations.queue q) lines";

#[tokio::test]
async fn a_daemon_that_was_stopped_in_the_middle_of_a_loop_writes_and_sends_nothing_when_it_wakes() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let send = |path: &str| json!({"method": "POST", "url": receiver.url(path), "timeout": 60_000});
    let booking = json!({"title": "{{ item }}", "startTime": "2030-01-07T09:00:00Z"});
    let graph = Graph::from("trigger-manual")
        .node(
            "each",
            "logic-loop",
            json!({"arrayExpression": "[1, 2, 3, 4]", "concurrency": 2}),
        )
        .node("pause", "logic-delay", json!({"duration": 0.05}))
        .node("send", "action-http", send("/item/{{ item }}"))
        .node("book", "action-create-booking", booking)
        .node("end", "action-http", send("/end"))
        .edge("start", "each")
        .edge_from("each", "loop", "pause")
        .chain(&["pause", "send", "book", "each"])
        .edge_from("each", "done", "end");
    let automation = account.manual(&database, "zombie", &graph).await;
    let zombie = Daemon::start_with(&database, options(&receiver)).await;
    receiver.hold();
    let id = database.start(automation, json!({})).await;
    receiver.have(2).await;

    zombie.signal("STOP").await;
    let heir = Daemon::start_with(&database, options(&receiver)).await;
    receiver.have(4).await;
    receiver.let_go();
    database.ended(id).await.completed();
    database.idle().await;
    heir.stop().await;
    let (before, asked) = (
        database.value::<String>(STORED, &[]).await,
        receiver.requests().len(),
    );
    zombie.signal("CONT").await;

    zombie.says(&["lease is lost"]).await;
    zombie.stop().await;
    assert_eq!(database.value::<String>(STORED, &[]).await, before);
    assert_eq!(receiver.requests().len(), asked);
    assert_eq!(database.count("SELECT count(*) FROM public.bookings").await, 4);
    let by_path = |request: &end_to_end::receiver::Request| request.path.clone();
    assert!(
        oracle::misdirected(&database, &receiver, by_path)
            .await
            .is_empty()
    );
    oracle::must_hold(&database).await;
}
