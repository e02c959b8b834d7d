//! What a daemon claims ahead of its slots while executions end quickly, and then has no slot for, is not kept from others.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, waiting::until};
use serde_json::json;
use tokio_postgres::types::ToSql;

/// Of sixteen two are kept for other accounts.
const SLOTS: usize = 14;
const QUICK: i32 = 600;
const SLOW: i32 = 60;

#[tokio::test]
async fn what_was_claimed_ahead_and_finds_no_slot_goes_to_another_daemon() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    receiver.hold();
    let slow = json!({"rules": [{"field": "trigger.new.name", "operator": "equals", "value": "slow"}]});
    let graph = Graph::from("trigger-event")
        .node("slow", "logic-condition", slow)
        .node("ask", "action-http", json!({"url": receiver.url("/")}))
        .edge("start", "slow")
        .edge_from("slow", "true", "ask");
    let automation = account.on_new_lead(&database, "ask", &graph).await;
    for (name, count) in [("quick", QUICK), ("slow", SLOW)] {
        let leads =
            "INSERT INTO public.leads (user_id, name) SELECT $1, $2 FROM generate_series(1, $3::integer)";
        let parameters: [&(dyn ToSql + Sync); 3] = [&account.user, &name, &count];
        database.owner.execute(leads, &parameters).await.unwrap();
    }
    let options = DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--concurrency", "16");

    let _first = Daemon::start_with(&database, options.clone()).await;
    receiver.have(SLOTS).await;
    held(&database, SLOTS).await;
    let _second = Daemon::start_with(&database, options).await;
    receiver.have(2 * SLOTS).await;
    held(&database, 2 * SLOTS).await;

    receiver.let_go();
    let all = database.all_ended(automation, (QUICK + SLOW) as usize).await;
    assert!(all.iter().all(|execution| execution.status == "completed"));
    assert_eq!(receiver.requests().len(), SLOW as usize);
}

/// Until daemons hold so many and no more.
async fn held(database: &Database, count: usize) {
    until("as many are held as there are slots", || async {
        let held = "SELECT count(*) FROM automations.queue WHERE lease_token IS NOT NULL";
        (database.count(held).await == count as i64).then_some(())
    })
    .await;
}
