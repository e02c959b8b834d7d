//! Two daemons share the work; nothing is done twice.

use std::collections::HashSet;

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, http};
use serde_json::json;

#[tokio::test]
async fn two_daemons_do_nothing_twice() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let send =
        json!({"method": "POST", "url": receiver.url("/lead"), "body": {"lead": "{{ trigger.new.id }}"}});
    let graph = Graph::from("trigger-event")
        .node("send", "action-http", send)
        .edge("start", "send");
    let automation = account.on_new_lead(&database, "announce", &graph).await;
    // so few at once that one of them alone could not take all
    let options = DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--concurrency", "16");
    let mut first = Daemon::start_with(&database, options.clone()).await;
    let mut second = Daemon::start_with(&database, options).await;

    for _ in 0..10 {
        database
            .owner
            .execute(
                "INSERT INTO public.leads (user_id, name) SELECT $1, 'x' FROM generate_series(1, 20)",
                &[&account.user],
            )
            .await
            .unwrap();
    }

    let all = database.all_ended(automation, 200).await;
    assert!(all.iter().all(|execution| execution.status == "completed"));
    let requests = receiver.requests();
    let leads: HashSet<String> = requests.iter().map(|request| request.body.clone()).collect();
    assert_eq!((requests.len(), leads.len()), (200, 200));
    let steps: i64 = database
        .count("SELECT count(*) FROM automations.recorded_steps WHERE node_id = 'send'")
        .await;
    assert_eq!(steps, 200);
    let (by_first, by_second) = (claimed(&mut first).await, claimed(&mut second).await);
    assert!(by_first > 0 && by_second > 0, "{by_first} and {by_second}");
    assert_eq!(by_first + by_second, 200);
}

/// How many executions a daemon claimed, by its own count.
async fn claimed(daemon: &mut Daemon) -> u64 {
    let metrics = http::get(daemon.address().await, "/metrics")
        .await
        .expect("its metrics");
    let line = metrics
        .body
        .lines()
        .find(|line| line.starts_with("automationd_executions_claimed_total "));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}
