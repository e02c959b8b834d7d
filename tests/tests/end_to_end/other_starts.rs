//! What starts an execution besides row changes, `run()` and webhooks: emitted events, a replayed occasion, a row that a
//! back end inserts as it did before, a notification that it sends itself.

use end_to_end::hook::Hook;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, http, waiting};
use serde_json::{Value, json};
use std::collections::HashSet;
use tokio_postgres::types::Json;
use uuid::Uuid;

fn echo(trigger: &str) -> Graph {
    Graph::from(trigger)
        .set("said", "said", json!("{{ trigger }}"))
        .edge("start", "said")
}

async fn listening(database: &Database, account: &Account, name: &str, config: Value) -> Uuid {
    let mut settings = json!({"event_source": "event"});
    settings
        .as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    account
        .automation(database, name, "event", settings, &echo("trigger-event"))
        .await
}

#[tokio::test]
async fn what_one_automation_emits_starts_those_that_listen_and_a_circle_of_them_ends() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let paid = listening(&database, &account, "paid", json!({"event_name": "paid"})).await;
    let large = json!({"event_name": "paid", "conditions": {"expression": "payload.amount > 100"}});
    let large = listening(&database, &account, "large", large).await;
    let ping = |name: &str, hears: &str, says: &str| {
        let graph = Graph::from("trigger-event")
            .node("say", "action-emit", json!({"event": says, "payload": {}}))
            .edge("start", "say");
        let config = json!({"event_source": "event", "event_name": hears});
        (name.to_owned(), config, graph)
    };
    let mut circle = Vec::new();
    for (name, config, graph) in [ping("ping", "ping", "pong"), ping("pong", "pong", "ping")] {
        circle.push(
            account
                .automation(&database, &name, "event", config, &graph)
                .await,
        );
    }
    let emits = Graph::from("trigger-manual")
        .node(
            "say",
            "action-emit",
            json!({"event": "paid", "payload": {"amount": "{{ trigger.amount }}"}}),
        )
        .edge("start", "say");
    let emits = account.manual(&database, "emits", &emits).await;
    let daemon = Daemon::start(&database).await;

    let cause = database.start(emits, json!({"amount": 7})).await;
    let heard = database.only(paid).await.completed();
    assert_eq!(heard.variables["said"]["payload"], json!({"amount": 7}));
    assert_eq!(heard.variables["said"]["source"], "automation");
    assert_eq!(heard.caused_by, Some(cause));
    database.emit(account.user, "paid", json!({"amount": 700})).await;
    database.all_ended(paid, 2).await;
    assert_eq!(database.all_ended(large, 1).await.len(), 1);

    database.emit(account.user, "ping", json!({})).await;
    waiting::until("the circle to be cut", || async {
        let cut = "SELECT count(*) FROM public.automation_executions WHERE error_code = 'loop_depth'";
        (database.count(cut).await == 1).then_some(())
    })
    .await;
    let rounds = database.executions(circle[0]).await.len() + database.executions(circle[1]).await.len();
    assert!((2..=10).contains(&rounds), "{rounds} rounds");
    daemon.stop().await;
}

#[tokio::test]
async fn an_event_starts_once_whatever_becomes_of_the_daemons() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = listening(&database, &account, "counts", json!({"event_name": "n"})).await;
    for round in 0..3 {
        // short leases: what a daemon had claimed when it was killed comes back with them
        let options = || DaemonOptions::default().flag("--lease", "3s");
        let first = Daemon::start_with(&database, options()).await;
        let second = Daemon::start_with(&database, options()).await;
        for n in 0..40 {
            database
                .emit(account.user, "n", json!({"n": round * 40 + n}))
                .await;
        }
        first.kill().await;
        second.kill().await;
    }
    let daemon = Daemon::start(&database).await;
    let ended = database.all_ended(automation, 120).await;
    let numbers: HashSet<u64> = ended
        .iter()
        .map(|one| one.variables["said"]["payload"]["n"].as_u64().unwrap())
        .collect();
    assert_eq!((ended.len(), numbers.len()), (120, 120));
    daemon.stop().await;
}

#[tokio::test]
async fn an_automation_that_somebody_has_locked_keeps_back_no_events_of_others() {
    let database = Database::fresh().await;
    let (account, other) = (Account::new(&database).await, Account::new(&database).await);
    let locked = listening(&database, &account, "locked", json!({"event_name": "e"})).await;
    let free = listening(&database, &other, "free", json!({"event_name": "e"})).await;
    let daemon = Daemon::start(&database).await;
    let mut tenant = database.superuser().await;
    let holding = tenant.transaction().await.unwrap();
    let hold = "SELECT FROM public.automations WHERE id = $1 FOR UPDATE";
    holding.execute(hold, &[&locked]).await.unwrap();
    database.emit(account.user, "e", json!({})).await;
    database.emit(other.user, "e", json!({})).await;
    database.only(free).await.completed();
    assert!(database.executions(locked).await.is_empty());
    holding.rollback().await.unwrap();
    database.only(locked).await.completed();
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_kept_is_replayed_into_another_automation_as_it_came() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let keeps = json!({"event_source": "lead", "event_type": "INSERT", "keep": true});
    let on_lead = account
        .automation(&database, "keeps", "event", keeps, &echo("trigger-event"))
        .await;
    let settings = json!({"path": "in", "keep": true});
    let hook = Hook::new(&database, &account, settings, &echo("trigger-webhook")).await;
    let again = account.manual(&database, "again", &echo("trigger-manual")).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let lead = account.lead(&database, "Ada").await;
    let first = database.only(on_lead).await.completed();
    let json = [("Content-Type", "application/json")];
    let called = http::send(address, "POST", &hook.path, &json, b"{\"order\": 7}").await;
    assert_eq!(called.status, 202);

    let tenant = database.as_tenant(account.user).await;
    let replay =
        "SELECT automations.replay((SELECT id FROM public.automation_events WHERE source = $1), $2, $3)";
    let change: Uuid = tenant
        .query_one(replay, &[&"capture", &again, &false])
        .await
        .unwrap()
        .get(0);
    let change = database.ended(change).await.completed();
    assert_eq!(change.variables["said"], first.variables["said"]);
    assert_eq!(change.lead_id, Some(lead));
    let call: Uuid = tenant
        .query_one(replay, &[&"webhook", &again, &true])
        .await
        .unwrap()
        .get(0);
    let call = database.ended(call).await.completed();
    assert_eq!(call.variables["said"]["body"], json!({"order": 7}));
    // a replay is kept by nobody, and is no occasion of its own
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.automation_events")
            .await,
        2
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_back_end_written_for_the_base_schema_inserts_a_pending_row_and_it_runs() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.manual(&database, "old", &echo("trigger-manual")).await;
    let daemon = Daemon::start(&database).await;
    let service = database.superuser().await;
    service.batch_execute("SET ROLE service_role").await.unwrap();
    // no more columns than the base schema had
    let insert =
        "INSERT INTO public.automation_executions (automation_id, trigger_type, trigger_data, triggered_by)
                  VALUES ($1, 'manual', $2, $3) RETURNING id";
    let somebody = Uuid::now_v7();
    let id: Uuid = service
        .query_one(insert, &[&automation, &Json(json!({"order": 7})), &somebody])
        .await
        .unwrap()
        .get(0);
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.variables["said"], json!({"order": 7}));
    // as the base schema says, tenants start nothing so
    let tenant = database.as_tenant(account.user).await;
    let refused = tenant
        .query_one(insert, &[&automation, &Json(json!({})), &account.user])
        .await;
    assert_eq!(refused.unwrap_err().code().unwrap().code(), "42501");
    daemon.stop().await;
}

#[tokio::test]
async fn a_notification_starts_one_execution_where_the_operator_wants_that_and_else_none() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.manual(&database, "told", &echo("trigger-manual")).await;
    let paused = account.manual(&database, "paused", &echo("trigger-manual")).await;
    database
        .run("UPDATE public.automations SET status = 'paused' WHERE name = 'paused'")
        .await;
    let notify = async |payload: String| {
        let notify = "SELECT pg_notify('automation_trigger', $1)";
        database.owner.execute(notify, &[&payload]).await.unwrap();
    };
    let told = |automation: Uuid, n: i32| {
        json!({"automation_id": automation, "trigger_data": {"n": n, "text": "a\u{0}b"}}).to_string()
    };
    let deaf = Daemon::start(&database).await;
    deaf.says(&["listening"]).await;
    notify(told(automation, 0)).await;
    deaf.says(&["a payload on automation_trigger is ignored"]).await;
    deaf.stop().await;

    let accepting = || {
        let flags = vec!["--accept-notify-payloads".to_owned()];
        let options = DaemonOptions {
            flags,
            ..DaemonOptions::default()
        };
        Daemon::start_with(&database, options)
    };
    let (first, second) = (accepting().await, accepting().await);
    for daemon in [&first, &second] {
        daemon.says(&["listening"]).await;
    }
    for payload in [
        "rubbish".to_owned(),
        "{}".to_owned(),
        told(Uuid::now_v7(), 0),
        told(paused, 0),
    ] {
        notify(payload).await;
    }
    for n in 1..=20 {
        notify(told(automation, n)).await;
    }
    let ended = database.all_ended(automation, 20).await;
    let numbers: HashSet<i64> = ended
        .iter()
        .map(|one| one.variables["said"]["n"].as_i64().unwrap())
        .collect();
    assert_eq!((ended.len(), numbers.len()), (20, 20));
    assert_eq!(ended[0].variables["said"]["text"], "a\u{fffd}b");
    assert!(database.executions(paused).await.is_empty());

    // whoever led stops, and the other one does it at once
    first.stop().await;
    notify(told(automation, 21)).await;
    assert_eq!(database.all_ended(automation, 21).await.len(), 21);
    second.stop().await;
    assert_eq!(
        database.count("SELECT count(*) FROM automations.leaders").await,
        0
    );
}
