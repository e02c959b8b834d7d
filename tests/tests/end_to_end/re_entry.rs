//! Re-entry: one lead, many changes, and as many executions as the automation lets in.

use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::json;
use uuid::Uuid;

async fn enters(database: &Database, account: Account, rule: &str, receiver: &Receiver) -> Uuid {
    let graph = Graph::from("trigger-event")
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/")}),
        )
        .edge("start", "send");
    let config = json!({"event_source": "lead", "event_type": "UPDATE", "re_entry": rule});
    account
        .automation(database, "enters", "event", config, &graph)
        .await
}

async fn change(database: &Database, lead: Uuid) {
    database
        .owner
        .execute(
            "UPDATE public.leads SET score = coalesce(score, 0) + 1 WHERE id = $1",
            &[&lead],
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn after_finish_drops_what_comes_while_it_runs_and_lets_in_what_comes_after() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    receiver.hold();
    let automation = enters(&database, account, "after_finish", &receiver).await;
    let lead = account.lead(&database, "Ada").await;
    let another = account.lead(&database, "Grace").await;
    let _first = Daemon::start_reaching(&database, &receiver).await;
    let _second = Daemon::start_reaching(&database, &receiver).await;

    change(&database, lead).await;
    receiver.have(1).await;
    for _ in 0..5 {
        change(&database, lead).await;
    }
    change(&database, another).await;
    receiver.have(2).await;
    // whoever claimed the other lead has decided about what was in front of it
    let left = "SELECT count(*) FROM automations.pending";
    end_to_end::waiting::until("what came meanwhile is dropped", || async {
        (database.count(left).await == 0).then_some(())
    })
    .await;
    receiver.let_go();
    database.all_ended(automation, 2).await;
    change(&database, lead).await;
    database.all_ended(automation, 3).await;
    assert_eq!(receiver.requests().len(), 3);
}

#[tokio::test]
async fn never_lets_each_record_in_once_though_many_changes_come_at_once_to_two_daemons() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = enters(&database, account, "never", &receiver).await;
    for name in ["a", "b", "c", "d", "e"] {
        account.lead(&database, name).await;
    }
    let _first = Daemon::start_reaching(&database, &receiver).await;
    let _second = Daemon::start_reaching(&database, &receiver).await;
    for _ in 0..20 {
        database
            .run("UPDATE public.leads SET score = coalesce(score, 0) + 1")
            .await;
    }
    database.idle().await;
    let all = database.executions(automation).await;
    assert_eq!(all.len(), 5);
    database
        .run("DELETE FROM public.automation_executions; UPDATE public.leads SET score = 0")
        .await;
    database.idle().await;
    assert_eq!(database.executions(automation).await.len(), 0);
    assert_eq!(receiver.requests().len(), 5);
}
