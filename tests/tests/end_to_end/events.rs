//! Emitted events and who waits for them: by name and condition, within the account, each once.

use end_to_end::{Account, Daemon, Database, Graph, waiting};
use serde_json::{Value, json};
use uuid::Uuid;

/// Waits for an event, then keeps it.
fn waiting_for(config: Value) -> Graph {
    let mut wait = json!({"for": "event", "event": "paid"});
    wait.as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    Graph::from("trigger-manual")
        .node("wait", "logic-wait", wait)
        .set("after", "event", json!("{{ nodes['wait'].output }}"))
        .chain(&["start", "wait", "after"])
}

async fn waits(database: &Database, count: i64) {
    waiting::until(&format!("{count} step(s) to wait for an event"), || async {
        let waits = "SELECT count(*) FROM automations.waits WHERE kind = 'event' AND came IS NULL";
        (database.count(waits).await == count).then_some(())
    })
    .await;
}

/// Waits until nothing is left to be delivered.
async fn delivered(database: &Database) {
    waiting::until("all events to be delivered", || async {
        let left = "SELECT count(*) FROM public.automation_events WHERE delivered_at IS NULL";
        (database.count(left).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_wait_takes_the_event_of_its_name_that_matches_and_of_its_account() {
    let database = Database::fresh().await;
    let (account, stranger) = (Account::new(&database).await, Account::new(&database).await);
    let graph = waiting_for(json!({"match": {"order": {"id": "{{ trigger.order }}"}}}));
    let automation = account.manual(&database, "waits", &graph).await;
    let _daemon = Daemon::start(&database).await;
    database
        .emit(account.user, "paid", json!({"order": {"id": 7}, "n": 0}))
        .await; // before anybody waits
    delivered(&database).await;
    let id = database.start(automation, json!({"order": 7})).await;
    waits(&database, 1).await;

    database
        .emit(stranger.user, "paid", json!({"order": {"id": 7}, "n": 1}))
        .await;
    database
        .emit(account.user, "refunded", json!({"order": {"id": 7}, "n": 2}))
        .await;
    database
        .emit(account.user, "paid", json!({"order": {"id": 8}, "n": 3}))
        .await;
    delivered(&database).await;
    assert!(!database.execution(id).await.unwrap().is_final());
    database
        .emit(account.user, "paid", json!({"order": {"id": 7}, "n": 4}))
        .await;
    database
        .emit(account.user, "paid", json!({"order": {"id": 7}, "n": 5}))
        .await;

    let event = database.ended(id).await.completed().variables["event"].clone();
    assert_eq!(event["payload"]["n"], 4);
    assert_eq!(event["event"], "paid");
    assert!(event["timestamp"].is_string());
    delivered(&database).await;
    assert_eq!(database.waits().await, 0);
}

#[tokio::test]
async fn a_condition_decides_which_event_it_is() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let rules = json!({"rules": [
        {"field": "payload.amount", "operator": "gte", "value": "{{ trigger.least }}"},
        {"field": "payload.note", "operator": "equals", "value": "{{ trigger.note }}"},
    ]});
    // what looks like a template in the data stays data
    let note = "{{ payload.amount }}";
    let automation = account
        .manual(&database, "rules", &waiting_for(json!({"match": rules})))
        .await;
    let _daemon = Daemon::start(&database).await;
    let id = database
        .start(automation, json!({"least": 100, "note": note}))
        .await;
    waits(&database, 1).await;
    for (amount, note) in [(99, note), (100, "100"), (101, note)] {
        database
            .emit(account.user, "paid", json!({"amount": amount, "note": note}))
            .await;
    }
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.variables["event"]["payload"]["amount"], 101);
}

#[tokio::test]
async fn an_event_that_does_not_come_in_time_is_a_timeout() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = waiting_for(json!({"timeout": 1}))
        .set("late", "late", json!(true))
        .edge_from("wait", "timeout", "late");
    let automation = account.manual(&database, "late", &graph).await;
    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, json!({})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran(), ["start", "wait", "late"]);
    database.emit(account.user, "paid", json!({})).await;
    delivered(&database).await;
}

#[tokio::test]
async fn what_an_automation_emits_reaches_all_who_wait_and_says_where_it_came_from() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.manual(&database, "waits", &waiting_for(json!({}))).await;
    let emit = json!({"event": "{{ trigger.name }}", "payload": {"order": "{{ trigger.order }}"}});
    let emitting = Graph::from("trigger-manual")
        .node("emit", "action-emit", emit)
        .edge("start", "emit");
    let emitting = account.manual(&database, "emits", &emitting).await;
    let _daemon = Daemon::start(&database).await;
    for _ in 0..3 {
        database.start(automation, json!({})).await;
    }
    waits(&database, 3).await;

    let id = database
        .start(emitting, json!({"name": "paid", "order": 9}))
        .await;

    let emitted = database.ended(id).await.completed();
    let event: Uuid = emitted.node("emit")["output"]["eventId"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let (cause, depth): (Uuid, i16) = {
        let row = database
            .owner
            .query_one(
                "SELECT caused_by, depth FROM public.automation_events WHERE id = $1",
                &[&event],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1))
    };
    assert_eq!((cause, depth), (id, 1));
    for execution in database.all_ended(automation, 3).await {
        let event = execution.completed().variables["event"].clone();
        assert_eq!(event["payload"], json!({"order": 9}));
        assert_eq!(event["source"], "automation");
    }
    let events = database
        .count("SELECT count(*) FROM public.automation_events")
        .await;
    assert_eq!(events, 1);
}

#[tokio::test]
async fn an_event_and_the_step_that_emits_it_are_one_transaction() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let emitting = Graph::from("trigger-manual")
        .node("emit", "action-emit", json!({"event": "paid"}))
        .edge("start", "emit");
    let emitting = account.manual(&database, "emits", &emitting).await;
    let options = || {
        end_to_end::DaemonOptions::default()
            .flag("--lease", "3s")
            .flag("--poll-interval", "200ms")
    };
    let mut executions = 0;
    for at in ["1:after", "2:before", "2:during", "2:after", "3:before"] {
        let id = database.start(emitting, json!({})).await;
        executions += 1;
        let mut dying = Daemon::spawn(&database.name, options().flag("--abort-at-write", at));
        // or it needs fewer writes than that
        tokio::select! {
            _ = dying.ended() => {}
            _ = database.ended(id) => {}
        }
        drop(dying);
        let next = Daemon::start_with(&database, options()).await;
        let output = database.ended(id).await.completed().node("emit")["output"].clone();
        let events = database
            .count("SELECT count(*) FROM public.automation_events")
            .await;
        assert_eq!(events, executions, "{at}");
        assert!(output["eventId"].is_string());
        next.stop().await;
    }
}

#[tokio::test]
async fn in_test_mode_nothing_is_emitted() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let emitting = Graph::from("trigger-manual")
        .node(
            "emit",
            "action-emit",
            json!({"event": "paid", "payload": {"order": "{{ trigger.order }}"}}),
        )
        .edge("start", "emit");
    let emitting = account.manual(&database, "emits", &emitting).await;
    let _daemon = Daemon::start(&database).await;
    let id: Uuid = database
        .value("SELECT automations.run($1, '{\"order\": 3}', true)", &[&emitting])
        .await;
    let output = database.ended(id).await.completed().node("emit")["output"].clone();
    assert_eq!(
        output["config"],
        json!({"event": "paid", "payload": {"order": 3}})
    );
    let events = database
        .count("SELECT count(*) FROM public.automation_events")
        .await;
    assert_eq!(events, 0);
}

#[tokio::test]
async fn who_keeps_a_step_locked_and_emits_much_keeps_back_nobody_elses_events() {
    let database = Database::fresh().await;
    let (account, stranger) = (Account::new(&database).await, Account::new(&database).await);
    let graph = waiting_for(json!({}));
    let held = account.manual(&database, "held", &graph).await;
    let free = stranger.manual(&database, "free", &graph).await;
    let _daemon = Daemon::start(&database).await;
    let held = database.start(held, json!({})).await;
    let free = database.start(free, json!({})).await;
    waits(&database, 2).await;

    let member = database.as_tenant(account.user).await;
    member
        .batch_execute(&format!("BEGIN; SELECT automations.cancel('{held}')"))
        .await
        .unwrap();
    let other = database.as_tenant(account.user).await;
    other
        .batch_execute("SELECT automations.emit('paid', '{}') FROM generate_series(1, 300)")
        .await
        .unwrap();
    database.emit(stranger.user, "paid", json!({})).await;
    database.ended(free).await.completed();

    member.batch_execute("ROLLBACK").await.unwrap();
    database.ended(held).await.completed();
}

#[tokio::test]
async fn an_event_nested_as_deep_as_the_stack_of_postgres_comes_to_nobody_and_stops_nobody() {
    let database = Database::fresh().await;
    let (account, stranger) = (Account::new(&database).await, Account::new(&database).await);
    let automation = stranger.manual(&database, "waits", &waiting_for(json!({}))).await;
    let tenant = database.as_tenant(account.user).await;
    let mut depth = 40_000;
    // what can just be emitted cannot be put into anything
    while let Err(error) = tenant
        .batch_execute(&format!(
            "SELECT automations.emit('deep', (repeat('[', {depth}) || repeat(']', {depth}))::jsonb)"
        ))
        .await
    {
        assert_eq!(error.code().map(|code| code.code()), Some("54001"), "{error:?}");
        depth -= 20;
    }

    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, json!({})).await;
    waits(&database, 1).await;
    database.emit(stranger.user, "paid", json!({})).await;
    database.ended(id).await.completed();
    delivered(&database).await;
}
