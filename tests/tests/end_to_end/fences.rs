//! A lease that is over writes nothing, through whichever function of the queue; a final state is final for everybody.

use std::collections::BTreeSet;

use end_to_end::{Account, Daemon, Database, Graph, cluster, template};
use serde_json::json;
use tokio_postgres::Client;

/// Each function that writes under a lease, as the daemon calls it; `$A`, `$E`, `$T` and `$M` are account, execution,
/// token and automation. What a catalogue query finds beside these fails the test: a new function needs its line here.
const FENCED: [(&str, &str); 15] = [
    (
        "end_captured",
        "end_captured(ARRAY[$A], ARRAY[$E], ARRAY[$T], '[{\"status\": \"completed\", \"steps\": [$S]}]')",
    ),
    (
        "finish",
        "finish(ARRAY[$A], ARRAY[$E], ARRAY[$T], '[{\"status\": \"completed\", \"steps\": [$S]}]')",
    ),
    (
        "finish_one",
        "finish_one($A, $E, $T, '{\"status\": \"completed\", \"steps\": [$S]}')",
    ),
    (
        "finish_with_effect",
        "finish_with_effect(ARRAY[$A], ARRAY[$E], ARRAY[$T], '[{\"status\": \"completed\", \"steps\": [$S]}]')",
    ),
    ("heartbeat", "heartbeat(ARRAY[$A], ARRAY[$E], ARRAY[$T], 60000)"),
    (
        "keep_captured",
        "keep_captured(ARRAY[$A], ARRAY[$E], ARRAY[$T], '[[$S]]')",
    ),
    (
        "keep_steps",
        "keep_steps(ARRAY[$A], ARRAY[$E], ARRAY[$T], '[[$S]]')",
    ),
    ("park", "park($A, $E, $T, 1, '[$S]', '[]', '{}')"),
    (
        "park_many",
        "park_many(ARRAY[$A], ARRAY[$E], ARRAY[$T], '[{\"wake_in_ms\": 1, \"steps\": [$S], \"nodes_executed\": []}]')",
    ),
    ("record", "record($A, $E, $T, '[$S]')"),
    (
        "record_many",
        "record_many(ARRAY[$A], ARRAY[$E], ARRAY[$T], '[[$S]]', true)",
    ),
    (
        "record_with_effect",
        "record_with_effect(ARRAY[$A], ARRAY[$E], ARRAY[$T], '[[$S]]')",
    ),
    ("release", "release(ARRAY[$A], ARRAY[$E], ARRAY[$T])"),
    (
        "start_child",
        "start_child($A, $E, $T, gen_random_uuid(), $M, '{}', true)",
    ),
    ("waited", "waited($A, $E, $T)"),
];

/// Functions that take a token and are no write under a lease: the claim makes it, the others are called by those above
/// after they have looked, and by nobody else.
const NOT_FENCED: [&str; 5] = [
    "claim",
    "claim_in_turns",
    "lease",
    "refuse_while_locked",
    "set_aside",
];

const STEP: &str = "{\"node_id\": \"start\", \"place\": \"[]\", \"run\": 1, \"attempt\": 1, \"node_type\": \"trigger-manual\", \
    \"label\": \"start\", \"status\": \"completed\", \"ordinal\": 1, \"outcome\": \"default\", \
    \"idempotency_key\": \"00000000-0000-4000-8000-000000000001\"}";

/// Everything that is stored about executions, as one text.
const STORED: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT 'execution ' || e::text AS line FROM public.automation_executions e
    UNION ALL SELECT 'step ' || s::text FROM automations.steps s
    UNION ALL SELECT 'waits ' || w::text FROM automations.waits w
    UNION ALL SELECT 'parked ' || p::text FROM automations.parked p
    UNION ALL SELECT 'queue ' || q::text FROM automations.queue q) lines";

async fn stored(database: &Database) -> String {
    database.value(STORED, &[]).await
}

/// Two manual executions, claimed under one token of one minute, each with a step whose time to wait is over.
async fn claimed(database: &Database) -> (Client, String) {
    let account = Account::new(database).await;
    let graph = Graph::from("trigger-manual")
        .set("note", "n", json!(1))
        .edge("start", "note");
    let automation = account.manual(database, "claimed", &graph).await;
    database.start(automation, json!({})).await;
    database.start(automation, json!({})).await;
    database
        .run(
            "INSERT INTO automations.waits (execution_id, step_key, account_id, kind, wake_at)
             SELECT id, gen_random_uuid(), account_id, 'resume', now() - interval '1 second'
               FROM public.automation_executions",
        )
        .await;
    let daemon = cluster::connect(&database.name, template::DAEMON).await;
    let token = uuid::Uuid::now_v7();
    let claimed = daemon
        .query(
            "SELECT id FROM automations.claim($1, 2, 60000) WHERE id IS NOT NULL",
            &[&token],
        )
        .await
        .unwrap();
    assert_eq!(claimed.len(), 2);
    (daemon, token.to_string())
}

/// Calls it for each execution with this token; what the database says is no matter.
async fn call(database: &Database, daemon: &Client, call: &str, token: &str) {
    let query = "SELECT account_id::text, id::text, automation_id::text FROM automations.queue ORDER BY id";
    for row in database.owner.query(query, &[]).await.unwrap() {
        let literal = |text: &str| format!("'{text}'::uuid");
        let call = call
            .replace("$S", STEP)
            .replace("$A", &literal(row.get(0)))
            .replace("$E", &literal(row.get(1)))
            .replace("$T", &literal(token))
            .replace("$M", &literal(row.get(2)));
        let _ = daemon.simple_query(&format!("SELECT automations.{call}")).await;
    }
}

#[tokio::test]
async fn every_function_that_writes_under_a_lease_is_known() {
    let database = Database::fresh().await;
    let query = "SELECT DISTINCT p.proname::text FROM pg_catalog.pg_proc p
                  WHERE p.pronamespace = 'automations'::regnamespace
                    AND EXISTS (SELECT FROM unnest(p.proargnames) WITH ORDINALITY AS a (name, place)
                                 WHERE a.name IN ('token', 'tokens') AND a.place <= p.pronargs)
                    AND p.proname <> 'resume'";
    let found: BTreeSet<String> = (database.owner.query(query, &[]).await.unwrap().iter())
        .map(|row| row.get(0))
        .collect();
    let known = FENCED.iter().map(|(name, _)| *name).chain(NOT_FENCED);
    assert_eq!(found, known.map(str::to_owned).collect());
}

#[tokio::test]
async fn a_lease_that_lapsed_writes_nothing_through_any_function() {
    for (name, statement) in FENCED {
        let database = Database::fresh().await;
        let (daemon, token) = claimed(&database).await;
        let lapse = "UPDATE automations.queue SET lease_until = clock_timestamp() - interval '1 millisecond'";
        database.run(lapse).await;
        let before = stored(&database).await;
        call(&database, &daemon, statement, &token).await;
        assert_eq!(
            stored(&database).await,
            before,
            "{name} wrote under a lapsed lease"
        );
    }
}

#[tokio::test]
async fn a_lease_that_somebody_else_has_by_now_writes_nothing_through_any_function() {
    let database = Database::fresh().await;
    let (daemon, token) = claimed(&database).await;
    database
        .run("UPDATE automations.queue SET lease_until = '-infinity'")
        .await;
    daemon.execute("SELECT automations.rescue()", &[]).await.unwrap();
    for _ in 0..2 {
        let again = "SELECT id FROM automations.claim(gen_random_uuid(), 2, 60000)";
        daemon.query(again, &[]).await.unwrap();
    }
    let held = "SELECT count(*) FROM automations.queue WHERE lease_until > now()";
    assert_eq!(database.count(held).await, 2);
    let before = stored(&database).await;
    for (name, statement) in FENCED {
        call(&database, &daemon, statement, &token).await;
        assert_eq!(
            stored(&database).await,
            before,
            "{name} wrote under another's lease"
        );
    }
}

#[tokio::test]
async fn each_of_these_functions_writes_while_the_lease_holds() {
    // or the two tests above would prove nothing
    for (name, statement) in FENCED {
        let database = Database::fresh().await;
        let (daemon, token) = claimed(&database).await;
        if ["finish_one", "park_many", "record_many"].contains(&name) {
            // what waits for something outside as well is left to finish(), park() and record()
            database.run("DELETE FROM automations.waits").await;
        }
        if ["keep_captured", "keep_steps"].contains(&name) {
            database
                .run("UPDATE automations.queue SET has_execution = false")
                .await; // what has a row keeps none there
        }
        if name == "end_captured" {
            // it is for what has no row yet; replica: without the triggers that would empty the queue
            let session = database.superuser().await;
            let unmake = "SET session_replication_role = replica; DELETE FROM public.automation_executions;
                          UPDATE automations.queue SET has_execution = false";
            session.batch_execute(unmake).await.unwrap();
        }
        let before = stored(&database).await;
        call(&database, &daemon, statement, &token).await;
        assert_ne!(stored(&database).await, before, "{name} wrote nothing");
    }
}

#[tokio::test]
async fn a_final_state_is_changed_by_nobody() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "n", json!(1))
        .edge("start", "note");
    let automation = account.on_new_lead(&database, "over", &graph).await;
    let daemon = Daemon::start(&database).await;
    account.lead(&database, "Ada").await;
    database.only(automation).await.completed();
    daemon.stop().await;
    let before = stored(&database).await;
    let service = database.superuser().await;
    service.batch_execute("SET ROLE service_role").await.unwrap();
    let sessions = [
        ("owner", database.another_session().await),
        ("daemon", cluster::connect(&database.name, template::DAEMON).await),
        ("service role", service),
        ("superuser", database.superuser().await),
        ("tenant", database.as_tenant(account.user).await),
    ];
    let changes = [
        "status = 'running'",
        "status = 'failed'",
        "output = '{\"forged\": true}'",
        "error = 'forged'",
        "variables = '{\"n\": 2}'",
        "nodes_executed = '[]'",
        "completed_at = now()",
        "started_at = now()",
        "duration_ms = 0",
    ];
    for (who, session) in &sessions {
        for change in changes {
            let update = format!("UPDATE public.automation_executions SET {change}");
            let _ = session.batch_execute(&update).await;
            assert_eq!(stored(&database).await, before, "the {who} could set {change}");
        }
    }
    // what must stay possible
    database.run("DELETE FROM public.leads WHERE name = 'Ada'").await;
    assert_eq!(database.only(automation).await.completed().lead_id, None);
}
