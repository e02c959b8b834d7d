//! Many calls at once, and daemons that die meanwhile: what was answered with success is an execution, exactly one.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use end_to_end::hook::{self, Hook};
use end_to_end::{Account, Daemon, Database, Graph, http, waiting};
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn the_same_id_a_hundred_times_at_once_is_one_execution() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let called = Hook::new(
        &database,
        &account,
        hook::github("git"),
        &Graph::from("trigger-webhook"),
    )
    .await;
    let mut first = Daemon::start(&database).await;
    let mut second = Daemon::start(&database).await;
    let addresses = [first.address().await, second.address().await];
    let calls = (0..100).map(|at| called.delivery(addresses[at % 2], "the-same", b"{}"));
    let ids: HashSet<Uuid> = join_all(calls).await.iter().map(hook::execution).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.automation_executions")
            .await,
        1
    );
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_thousand_calls_over_thirty_two_connections_are_a_thousand_executions() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let settings = json!({"path": "busy"});
    let called = Hook::new(&database, &account, settings, &Graph::from("trigger-webhook")).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let clients = (0..32).map(|_| async {
        let mut connection = http::Connection::to(address).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..32 {
            let answer = connection
                .send("POST", &called.path, &[JSON], b"{\"n\": 1}")
                .await;
            ids.push(hook::execution(&answer.unwrap()));
        }
        ids
    });
    let began = std::time::Instant::now();
    let ids: HashSet<Uuid> = join_all(clients).await.into_iter().flatten().collect();
    println!("{} calls in {:?}", ids.len(), began.elapsed());
    assert_eq!(ids.len(), 1024);
    waiting::until("all of them completed", || async {
        let done = "SELECT count(*) FROM public.automation_executions WHERE status = 'completed'";
        (database.count(done).await == 1024).then_some(())
    })
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_call_of_a_locked_automation_is_told_to_come_again_and_delays_no_other() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let locked = Hook::new(
        &database,
        &account,
        json!({"path": "locked"}),
        &Graph::from("trigger-webhook"),
    )
    .await;
    let other = Account::new(&database).await;
    let free = Hook::new(
        &database,
        &other,
        json!({"path": "free"}),
        &Graph::from("trigger-webhook"),
    )
    .await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let mut tenant = database.superuser().await;
    let holding = tenant.transaction().await.unwrap();
    let hold = "SELECT FROM public.automations WHERE id = $1 FOR UPDATE";
    holding.execute(hold, &[&locked.automation]).await.unwrap();
    let call = async |hook: &Hook| {
        http::send(address, "POST", &hook.path, &[JSON], b"{}")
            .await
            .status
    };
    let calls = join_all((0..20).map(|at| call(if at % 2 == 0 { &locked } else { &free })));
    let said: HashSet<(usize, u16)> = calls
        .await
        .into_iter()
        .enumerate()
        .map(|(at, status)| (at % 2, status))
        .collect();
    assert_eq!(said, HashSet::from([(0, 503), (1, 202)]));
    holding.rollback().await.unwrap();
    assert_eq!(call(&locked).await, 202);
    daemon.stop().await;
}

/// As many as the system lets this process and the daemon have open; both have the same limit.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    soft.unwrap_or(1_024)
}

#[tokio::test]
async fn thousands_of_connections_that_say_nothing_keep_nobody_out() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let settings = json!({"path": "quiet"});
    let called = Hook::new(&database, &account, settings, &Graph::from("trigger-webhook")).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let mut silent = Vec::new();
    let many = open_files().saturating_sub(200).clamp(500, 10_000);
    for number in 0..many {
        silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
        if number % (many / 5) == 0 || number + 1 == many {
            let answer = http::send(address, "POST", &called.path, &[JSON], b"{}").await;
            assert_eq!(
                answer.status, 202,
                "with {number} silent connections: {}",
                answer.body
            );
        }
    }
    assert!(
        http::get(address, "/readyz")
            .await
            .is_some_and(|answer| answer.status == 200)
    );
    drop(silent);
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_answered_is_an_execution_whenever_the_daemon_dies() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let called = Hook::new(
        &database,
        &account,
        hook::github("git"),
        &Graph::from("trigger-webhook"),
    )
    .await;
    let called = Arc::new(called);
    let mut answered: Vec<(String, Uuid)> = Vec::new();
    let mut asked = 0;
    for round in 0..4 {
        let mut daemon = Daemon::start(&database).await;
        let address = daemon.address().await;
        let so_far = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..16)
            .map(|client| {
                tokio::spawn(call_until_it_dies(
                    called.clone(),
                    address,
                    format!("{round}-{client}"),
                    so_far.clone(),
                ))
            })
            .collect();
        waiting::until("some calls were answered", || async {
            (so_far.load(Ordering::Relaxed) >= 100 + 37 * round).then_some(())
        })
        .await;
        daemon.kill().await;
        for client in clients {
            let (answers, tried) = client.await.unwrap();
            asked += tried;
            answered.extend(answers);
        }
    }
    let ids: HashSet<Uuid> = answered.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids.len(), answered.len(), "one execution for each delivery");
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let there: i64 = database
        .value(
            "SELECT count(*) FROM public.automation_executions WHERE id = ANY ($1)",
            &[&ids],
        )
        .await;
    assert_eq!(
        usize::try_from(there).unwrap(),
        ids.len(),
        "acked and not on disk"
    );
    // what was asked again gives what there is: nothing twice
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    for (delivery, id) in answered.iter().step_by(17) {
        assert_eq!(
            hook::execution(&called.delivery(address, delivery, b"{}").await),
            *id
        );
    }
    let all = database
        .count("SELECT count(*) FROM public.automation_executions")
        .await;
    assert!(
        (there..=asked).contains(&all),
        "{there} answered, {all} there, {asked} asked"
    );
    daemon.stop().await;
}

async fn call_until_it_dies(
    called: Arc<Hook>,
    address: SocketAddr,
    name: String,
    so_far: Arc<AtomicUsize>,
) -> (Vec<(String, Uuid)>, i64) {
    let mut answered = Vec::new();
    let mut tried = 0;
    let signature = hook::signed(b"{}");
    let Some(mut connection) = http::Connection::to(address).await else {
        return (answered, tried);
    };
    loop {
        let delivery = format!("{name}-{tried}");
        tried += 1;
        let headers = [
            JSON,
            ("X-Hub-Signature-256", &signature),
            ("X-GitHub-Delivery", &delivery),
        ];
        match connection.send("POST", &called.path, &headers, b"{}").await {
            Some(answer) => answered.push((delivery, hook::execution(&answer))),
            None => return (answered, tried),
        }
        so_far.fetch_add(1, Ordering::Relaxed);
    }
}
