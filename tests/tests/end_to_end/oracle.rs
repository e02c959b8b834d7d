//! The oracle sees what it is there to see: for each invariant a violation is planted, and found. A check that cannot
//! fail proves nothing.

use end_to_end::{Account, Daemon, Database, Graph, Receiver, oracle};
use serde_json::json;
use uuid::Uuid;

/// A violation as an administrator could make it by hand, and the invariant that must catch it. `$LEAD` and the like
/// are found by query, so that the statements stand alone.
const PLANTED: [(&str, &str); 21] = [
    ("I1", "DELETE FROM public.automation_executions WHERE trigger_type = 'event'"),
    (
        "I1",
        "INSERT INTO public.automation_executions (id, automation_id, account_id, trigger_type, trigger_data, status, completed_at)
         SELECT gen_random_uuid(), automation_id, account_id, trigger_type, trigger_data, status, completed_at
           FROM public.automation_executions WHERE trigger_type = 'event'",
    ),
    (
        "I2 what is pending",
        "UPDATE public.automation_executions SET status = 'running', completed_at = NULL",
    ),
    ("I2 what waits", "UPDATE public.automation_executions SET status = 'waiting'"),
    (
        "I2 what is over",
        "INSERT INTO automations.queue (account_id, id, automation_id, trigger_type, has_execution)
         SELECT account_id, id, automation_id, trigger_type, true FROM public.automation_executions",
    ),
    (
        "I2 what is over",
        "INSERT INTO automations.parked (account_id, execution_id, automation_id, trigger_type)
         SELECT account_id, id, automation_id, trigger_type FROM public.automation_executions",
    ),
    (
        "I2 what is over",
        "UPDATE public.automation_executions SET completed_at = NULL",
    ),
    (
        "I2 what came wakes",
        "INSERT INTO automations.parked (account_id, execution_id, automation_id, trigger_type)
         SELECT account_id, id, automation_id, trigger_type FROM public.automation_executions;
         INSERT INTO automations.waits (execution_id, step_key, account_id, kind, came, came_at)
         SELECT id, gen_random_uuid(), account_id, 'resume', 'resumed', now() FROM public.automation_executions",
    ),
    (
        "I2 nobody waits",
        "INSERT INTO automations.waits (execution_id, step_key, account_id, kind)
         SELECT id, gen_random_uuid(), account_id, 'resume' FROM public.automation_executions",
    ),
    (
        "I5 an event",
        "INSERT INTO public.automation_events (account_id, event, source, emitted_at)
         SELECT account_id, 'lost', 'application', now() - interval '1 hour' FROM public.automation_executions",
    ),
    (
        "I2 no lease",
        "INSERT INTO automations.queue (account_id, automation_id, trigger_type, lease_token, lease_until)
         SELECT account_id, automation_id, trigger_type, gen_random_uuid(), now() - interval '1 minute'
           FROM public.automation_executions",
    ),
    ("I3 a key", "UPDATE automations.steps SET idempotency_key = gen_random_uuid() WHERE false; \
      UPDATE automations.steps SET idempotency_key = '00000000-0000-0000-0000-000000000001'"),
    ("I3 a step", "UPDATE automations.steps SET idempotency_key = NULL"),
    ("I4 steps end", "UPDATE automations.steps SET ordinal = 1"),
    ("I4 steps end", "DELETE FROM automations.steps WHERE ordinal = 1"),
    ("I4 steps end", "UPDATE automations.steps SET began_after = 9"),
    (
        "I4 nothing begins",
        "UPDATE automations.steps SET started_at = now() + interval '1 minute' WHERE ordinal = 2",
    ),
    ("I4 what the history", "DELETE FROM automations.steps WHERE ordinal = 3"),
    (
        "I6 a time",
        "INSERT INTO public.automation_executions (id, automation_id, account_id, trigger_type, trigger_data, status, completed_at)
         SELECT gen_random_uuid(), automation_id, account_id, 'schedule', '{\"scheduled_at\": \"2026-05-04T10:00:00Z\"}',
                status, completed_at
           FROM public.automation_executions, generate_series(1, 2)",
    ),
    ("I7 an execution and", "UPDATE automations.steps SET account_id = gen_random_uuid()"),
    (
        "I7 an execution is",
        "UPDATE public.leads SET user_id = gen_random_uuid()
          WHERE id = (SELECT lead_id FROM public.automation_executions WHERE lead_id IS NOT NULL LIMIT 1)",
    ),
];

/// One lead, one execution of three steps that has completed, one request.
async fn at_rest() -> (Database, Receiver, Uuid) {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-event")
        .set("note", "who", json!("{{ trigger.new.name }}"))
        .node("send", "action-http", json!({"url": receiver.url("/act")}))
        .chain(&["start", "note", "send"]);
    let automation = account.on_new_lead(&database, "each", &graph).await;
    let daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    database.one_that_is("running").await; // so that its steps are rows
    receiver.let_go();
    let execution = database.only(automation).await.completed();
    database.idle().await;
    daemon.stop().await;
    (database, receiver, execution.id)
}

#[tokio::test]
async fn the_oracle_finds_what_is_planted_and_nothing_else() {
    let (database, receiver, execution) = at_rest().await;
    oracle::must_hold(&database).await;
    let by_path = |request: &end_to_end::receiver::Request| request.path.clone();
    assert!(
        oracle::misdirected(&database, &receiver, by_path)
            .await
            .is_empty()
    );
    assert!(oracle::lost(&database, &[execution]).await.is_empty());

    let administrator = database.superuser().await;
    administrator
        .batch_execute("GRANT ALL ON ALL TABLES IN SCHEMA automations, public TO postgres")
        .await
        .unwrap();
    for (invariant, statement) in PLANTED {
        let found = planted(&database, &administrator, statement).await;
        assert!(
            found.iter().any(|violation| violation.starts_with(invariant)),
            "{statement}\nshould violate {invariant}, found {found:#?}"
        );
    }
    oracle::must_hold(&database).await;
    let named = |name: &str| PLANTED.iter().any(|(invariant, _)| name.starts_with(invariant));
    let untried: Vec<&str> = oracle::INVARIANTS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !named(name))
        .collect();
    assert!(untried.is_empty(), "nothing is planted for {untried:?}");
}

/// What the oracle says after this, which is undone again.
async fn planted(
    database: &Database,
    administrator: &tokio_postgres::Client,
    statement: &str,
) -> Vec<String> {
    // a copy of the database would do as well; a copy of the tables is quicker
    let keep = "CREATE SCHEMA kept;
         CREATE TABLE kept.e AS TABLE public.automation_executions; CREATE TABLE kept.s AS TABLE automations.steps;
         CREATE TABLE kept.l AS TABLE public.leads;
         SET session_replication_role = replica;";
    let undo = "DELETE FROM automations.queue; DELETE FROM automations.parked;
         DELETE FROM automations.waits; DELETE FROM public.automation_events;
         DELETE FROM public.automation_executions; INSERT INTO public.automation_executions TABLE kept.e;
         DELETE FROM automations.steps; INSERT INTO automations.steps TABLE kept.s;
         DELETE FROM public.leads; INSERT INTO public.leads TABLE kept.l;
         RESET session_replication_role; DROP SCHEMA kept CASCADE";
    administrator.batch_execute(keep).await.unwrap();
    let done = administrator.batch_execute(statement).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    let found = oracle::violations(database).await;
    administrator.batch_execute(undo).await.unwrap();
    found
}

#[tokio::test]
async fn the_oracle_misses_neither_a_lost_start_nor_a_request_under_another_key() {
    let (database, receiver, execution) = at_rest().await;
    let never = Uuid::now_v7();
    assert_eq!(oracle::lost(&database, &[execution, never]).await, [never]);
    let one_thing = |_: &end_to_end::receiver::Request| "thing".to_owned();
    let address = receiver.host().parse().unwrap();
    end_to_end::http::get(address, "/act").await.unwrap();
    let wrong = oracle::misdirected(&database, &receiver, one_thing).await;
    assert_eq!(wrong.len(), 2, "{wrong:?}");
}
