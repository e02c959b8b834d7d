//! What an execution without a row is about to do outside stands in its queue row, until its end says all of it or
//! somebody else has to know.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, oracle, waiting};
use serde_json::json;
use uuid::Uuid;

fn send_and_score(receiver: &Receiver) -> Graph {
    Graph::from("trigger-event")
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/lead")}),
        )
        .node("score", "action-update-lead", json!({"updates": {"score": 7}}))
        .chain(&["start", "send", "score"])
}

async fn scene() -> (Database, Account, Receiver, Uuid) {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .on_new_lead(&database, "send", &send_and_score(&receiver))
        .await;
    (database, account, receiver, automation)
}

const ROWS_OF_STEPS: &str = "SELECT count(*) FROM automations.steps";

#[tokio::test]
async fn what_is_over_soon_is_written_once_with_all_of_its_steps() {
    let (database, account, receiver, automation) = scene().await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    account.lead(&database, "Ada").await;
    let execution = database.only(automation).await.completed();
    assert_eq!(execution.ran(), ["start", "send", "score"]);
    // unless this machine took longer than it is left alone
    let written: String = database
        .value(
            "SELECT concat_ws(' ', s.node_id, s.status, s.attempt, s.idempotency_key) FROM automations.recorded_steps s
              WHERE s.node_id = 'send'",
            &[],
        )
        .await;
    let request = &receiver.have(1).await[0];
    let key = request.header("idempotency-key").unwrap();
    assert_eq!(written, format!("send completed 1 {key}"));
    assert_eq!(
        database
            .count("SELECT count(*) FROM automations.recorded_steps")
            .await,
        3
    );
    oracle::must_hold(&database).await;
}

#[tokio::test]
async fn before_a_request_is_sent_it_is_written_somewhere_and_soon_everybody_sees_it() {
    let (database, account, receiver, automation) = scene().await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    let request = receiver.have(1).await.remove(0);
    let key = request.header("idempotency-key").unwrap().to_owned();
    let known = "SELECT count(*) FROM (
          SELECT s ->> 'idempotency_key' AS key, s ->> 'status' AS status
            FROM automations.queue q, jsonb_array_elements(q.steps) s
          UNION ALL SELECT s.idempotency_key::text, s.status FROM automations.steps s) AS known
        WHERE known.key = $1 AND known.status = 'started'";
    assert_eq!(database.value::<i64>(known, &[&key]).await, 1, "in one place");

    let execution = database.one_that_is("running").await;
    assert_eq!(database.value::<i64>(known, &[&key]).await, 1, "in one place");
    assert_eq!(database.count(ROWS_OF_STEPS).await, 2, "as rows");
    receiver.let_go();
    database.ended(execution).await.completed();
    assert_eq!(database.count(ROWS_OF_STEPS).await, 3);
    assert_eq!(database.only(automation).await.id, execution);
    oracle::must_hold(&database).await;
}

#[tokio::test]
async fn a_daemon_that_dies_at_any_write_sends_under_one_key_and_leaves_one_effect() {
    let (database, account, receiver, automation) = scene().await;
    for write in 1..=4 {
        for when in ["before", "during", "after"] {
            let at = format!("{write}:{when}");
            let lead = account.lead(&database, &at).await;
            let id: Uuid = database.value("SELECT id FROM automations.queue", &[]).await;
            let options = DaemonOptions::default()
                .flag("--abort-at-write", &at)
                .flag("--allow-hosts", &receiver.host());
            let mut daemon = Daemon::spawn(&database.name, options);
            tokio::select! {
                _ = daemon.ended() => {}
                () = waiting::until("its end", || async {
                    let execution = database.execution(id).await?;
                    execution.is_final().then_some(())
                }) => {}
            }
            daemon.kill().await;
            database.abandoned().await;

            let next = Daemon::start_reaching(&database, &receiver).await;
            database.ended(id).await.completed();
            next.kill().await;
            database.abandoned().await;

            let score = "SELECT score FROM public.leads WHERE id = $1";
            assert_eq!(database.value::<i32>(score, &[&lead]).await, 7, "{at}");
        }
    }
    assert_eq!(database.executions(automation).await.len(), 12);
    let by_lead = |request: &end_to_end::receiver::Request| {
        request.header("idempotency-key").unwrap_or_default().to_owned()
    };
    assert!(
        oracle::misdirected(&database, &receiver, by_lead)
            .await
            .is_empty()
    );
    oracle::must_hold(&database).await;
}

#[tokio::test]
async fn one_that_tells_the_world_who_it_is_can_be_seen_before_its_request_is_sent() {
    for told in ["{{ execution.id }}", "{{ resume['ask'].token }}"] {
        let database = Database::fresh().await;
        let account = Account::new(&database).await;
        let receiver = Receiver::start().await;
        let body = json!({"method": "POST", "url": receiver.url("/tell"), "body": {"told": told}});
        let graph = Graph::from("trigger-event")
            .node("tell", "action-http", body)
            .node("ask", "logic-wait", json!({"for": "resume"}))
            .chain(&["start", "tell", "ask"]);
        account.on_new_lead(&database, "tells", &graph).await;
        let _daemon = Daemon::start_reaching(&database, &receiver).await;
        receiver.hold();
        account.lead(&database, "Ada").await;
        receiver.have(1).await;
        let running = "SELECT count(*) FROM public.automation_executions WHERE status = 'running'";
        assert_eq!(database.count(running).await, 1, "{told}");
    }
}

#[tokio::test]
async fn a_database_node_that_has_the_lead_locked_when_its_execution_is_to_be_shown_gets_on() {
    let (database, account, receiver, _) = scene().await;
    database
        .run(
            "UPDATE public.automations SET status = 'paused';
             CREATE FUNCTION public.be_slow() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN PERFORM pg_sleep(0.5); RETURN OLD; END$$;
             CREATE TRIGGER be_slow AFTER DELETE ON public.leads FOR EACH ROW EXECUTE FUNCTION public.be_slow()",
        )
        .await;
    let delete = json!({"operation": "delete", "table": "leads", "where": {"id": "{{ trigger.new.id }}"}});
    let graph = Graph::from("trigger-event")
        .node("send", "action-http", json!({"url": receiver.url("/gone")}))
        .node("delete", "action-db", delete)
        .set("note", "n", json!(1))
        .chain(&["start", "send", "delete", "note"]);
    let automation = account.on_new_lead(&database, "deletes", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let lead = account.lead(&database, "Ada").await;
    let execution = database.only(automation).await.completed();
    assert_eq!(execution.ran(), ["start", "send", "delete", "note"]);
    let left: i64 = database
        .value("SELECT count(*) FROM public.leads WHERE id = $1", &[&lead])
        .await;
    assert_eq!(left, 0);
    assert_eq!(receiver.have(1).await.len(), 1);
}
