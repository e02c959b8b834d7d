//! What a daemon claims ahead of its slots while executions end quickly, and then has no slot for, is not kept from others.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, waiting::until};
use serde_json::json;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// Of sixteen two are kept for other accounts.
const SLOTS: usize = 14;
const QUICK: i32 = 600;
const SLOW: i32 = 60;

/// Leads of one account, `QUICK` of which ask nobody; the others wait for a held receiver.
async fn flood(database: &Database, receiver: &Receiver, slow: i32) -> Uuid {
    receiver.hold();
    let account = Account::new(database).await;
    let is_slow = json!({"rules": [{"field": "trigger.new.name", "operator": "equals", "value": "slow"}]});
    let ask = json!({"url": receiver.url("/"), "timeout": 600_000});
    let graph = Graph::from("trigger-event")
        .node("slow", "logic-condition", is_slow)
        .node("ask", "action-http", ask)
        .edge("start", "slow")
        .edge_from("slow", "true", "ask");
    let automation = account.on_new_lead(database, "ask", &graph).await;
    for (name, count) in [("quick", QUICK), ("slow", slow)] {
        let leads =
            "INSERT INTO public.leads (user_id, name) SELECT $1, $2 FROM generate_series(1, $3::integer)";
        let parameters: [&(dyn ToSql + Sync); 3] = [&account.user, &name, &count];
        database.owner.execute(leads, &parameters).await.unwrap();
    }
    automation
}

fn options(receiver: &Receiver) -> DaemonOptions {
    DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--concurrency", "16")
}

#[tokio::test]
async fn what_was_claimed_ahead_and_finds_no_slot_goes_to_another_daemon() {
    let database = Database::fresh().await;
    let receiver = Receiver::start().await;
    let automation = flood(&database, &receiver, SLOW).await;

    let _first = Daemon::start_with(&database, options(&receiver)).await;
    receiver.have(SLOTS).await;
    held(&database, SLOTS).await;
    let _second = Daemon::start_with(&database, options(&receiver)).await;
    receiver.have(2 * SLOTS).await;
    held(&database, 2 * SLOTS).await;

    receiver.let_go();
    let all = database.all_ended(automation, (QUICK + SLOW) as usize).await;
    assert!(all.iter().all(|execution| execution.status == "completed"));
    assert_eq!(receiver.requests().len(), SLOW as usize);
}

#[tokio::test]
async fn a_newcomer_gets_a_kept_slot_although_what_was_claimed_ahead_took_all_others() {
    let database = Database::fresh().await;
    let receiver = Receiver::start().await;
    let newcomer = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "seen", json!(true))
        .edge("start", "note");
    let single = newcomer.on_new_lead(&database, "single", &graph).await;
    flood(&database, &receiver, SLOTS as i32).await;
    let options = options(&receiver).flag("--poll-interval", "10m");
    let _daemon = Daemon::start_with(&database, options).await;
    receiver.have(SLOTS).await;
    held(&database, SLOTS).await; // nothing is left to claim, and no slot is free

    newcomer.lead(&database, "Ada").await;

    database.only(single).await.completed();
    receiver.let_go();
}

/// Until daemons hold so many and no more.
async fn held(database: &Database, count: usize) {
    until("as many are held as there are slots", || async {
        let held = "SELECT count(*) FROM automations.queue WHERE lease_token IS NOT NULL";
        (database.count(held).await == count as i64).then_some(())
    })
    .await;
}
