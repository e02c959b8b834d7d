//! Fairness: an account that floods the queue does not hold up another account's single execution. Told by the order
//! in which executions end, not by time: since it was queued, not more of the flood ends than two claims of each daemon.

use end_to_end::waiting::until;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph};
use serde_json::{Value, json};
use uuid::Uuid;

const FLOOD: i64 = 1000;
/// Executions in flight on each daemon, and so the most that one claim gives.
const BATCH: i64 = 16;
/// Two batches of each of two daemons, and as much again for the one that goes on while the other has no processor.
const BOUND: i64 = 2 * 2 * 2 * BATCH;

fn graph() -> Graph {
    Graph::from("trigger-event")
        .set("set", "a", json!(1))
        .edge("start", "set")
}

async fn flood(database: &Database, account: Account, count: i64) {
    database
        .owner
        .execute(
            "INSERT INTO public.leads (user_id, name) SELECT $1, 'flood' FROM generate_series(1, $2::bigint)",
            &[&account.user, &count],
        )
        .await
        .unwrap();
}

async fn daemons(database: &Database, count: usize) -> Vec<Daemon> {
    let options = DaemonOptions::default().flag("--concurrency", &BATCH.to_string());
    let mut daemons = Vec::new();
    for _ in 0..count {
        daemons.push(Daemon::start_with(database, options.clone()).await);
    }
    daemons
}

async fn flooded(database: &Database, options: Value) -> (Account, Uuid) {
    let account = Account::new(database).await;
    let automation = account.on_new_lead(database, "flooding", &graph()).await;
    database
        .owner
        .execute(
            "UPDATE public.automations SET options = $2 WHERE id = $1",
            &[&automation, &tokio_postgres::types::Json(options)],
        )
        .await
        .unwrap();
    flood(database, account, FLOOD).await;
    (account, automation)
}

async fn ended(database: &Database, automation: Uuid) -> i64 {
    database
        .value(
            "SELECT count(*) FROM public.automation_executions WHERE automation_id = $1 AND completed_at IS NOT NULL",
            &[&automation],
        )
        .await
}

/// Queues one for `single` while the flood runs; how much of the flood ended from then on until it had ended.
async fn ended_meanwhile(database: &Database, flooding: Uuid, single: Account) -> i64 {
    until("the flood runs", || async {
        (ended(database, flooding).await > 0).then_some(())
    })
    .await;
    let automation: Uuid = database
        .value(
            "SELECT id FROM public.automations WHERE user_id = $1",
            &[&single.user],
        )
        .await;
    single.lead(database, "single").await;
    let before = ended(database, flooding).await;
    database.only(automation).await.completed();
    let after: i64 = database
        .value(
            "SELECT count(*) FROM public.automation_executions f, public.automation_executions s
              WHERE f.automation_id = $1 AND s.automation_id = $2 AND f.completed_at <= s.completed_at",
            &[&flooding, &automation],
        )
        .await;
    assert!(before < FLOOD, "the flood was over before it mattered");
    after - before
}

#[tokio::test]
async fn a_flood_of_one_account_does_not_hold_up_another_accounts_single_execution() {
    let database = Database::fresh().await;
    let single = Account::new(&database).await;
    single.on_new_lead(&database, "single", &graph()).await;
    let (_, flooding) = flooded(&database, json!({})).await;
    let _daemons = daemons(&database, 2).await;
    let meanwhile = ended_meanwhile(&database, flooding, single).await;
    assert!(meanwhile <= BOUND, "{meanwhile} of the flood ended meanwhile");
}

#[tokio::test]
async fn a_flood_that_calls_itself_urgent_does_not_either() {
    let database = Database::fresh().await;
    let single = Account::new(&database).await;
    single.on_new_lead(&database, "single", &graph()).await;
    let (_, flooding) = flooded(&database, json!({"priority": 100})).await;
    let _daemons = daemons(&database, 2).await;
    let meanwhile = ended_meanwhile(&database, flooding, single).await;
    assert!(meanwhile <= BOUND, "{meanwhile} of the flood ended meanwhile");
}

#[tokio::test]
async fn a_flood_at_its_limit_does_not_hold_up_another_account_or_another_automation_of_its_own() {
    let database = Database::fresh().await;
    let single = Account::new(&database).await;
    single.on_new_lead(&database, "single", &graph()).await;
    let (account, flooding) = flooded(&database, json!({"max_in_flight": 4})).await;
    let _daemons = daemons(&database, 2).await;
    let meanwhile = ended_meanwhile(&database, flooding, single).await;
    assert!(meanwhile <= BOUND, "{meanwhile} of the flood ended meanwhile");

    let own = account
        .manual(&database, "own", &Graph::from("trigger-manual"))
        .await;
    let id = database.start(own, json!({})).await;
    let before = ended(&database, flooding).await;
    let own_end = database.ended(id).await;
    let after: i64 = database
        .value(
            "SELECT count(*) FROM public.automation_executions f, public.automation_executions s
              WHERE f.automation_id = $1 AND s.id = $2 AND f.completed_at <= s.completed_at",
            &[&flooding, &own_end.id],
        )
        .await;
    assert!(
        after - before <= BOUND,
        "{} of the flood ended meanwhile",
        after - before
    );
}

#[tokio::test]
async fn a_paused_flood_holds_up_nobody_and_runs_when_it_is_active_again() {
    let database = Database::fresh().await;
    let single = Account::new(&database).await;
    let automation = single.on_new_lead(&database, "single", &graph()).await;
    let (account, flooding) = flooded(&database, json!({})).await;
    let own = account
        .manual(&database, "own", &Graph::from("trigger-manual"))
        .await;
    database
        .run("UPDATE public.automations SET status = 'paused' WHERE name = 'flooding'")
        .await;
    let _daemons = daemons(&database, 2).await;
    single.lead(&database, "single").await;
    database.only(automation).await.completed();
    let id = database.start(own, json!({})).await;
    database.ended(id).await.completed();
    assert_eq!(ended(&database, flooding).await, 0);
    database
        .run("UPDATE public.automations SET status = 'active' WHERE name = 'flooding'")
        .await;
    until("the flood runs", || async {
        (ended(&database, flooding).await > 100).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_account_of_more_weight_ends_more_while_both_flood() {
    let database = Database::fresh().await;
    let (heavy, heavier) = flooded(&database, json!({})).await;
    let (_, lighter) = flooded(&database, json!({})).await;
    database
        .owner
        .execute(
            "INSERT INTO public.automation_accounts (account_id, weight) VALUES ($1, 3)",
            &[&heavy.user],
        )
        .await
        .unwrap();
    let _daemons = daemons(&database, 1).await;
    until("much of the heavier flood has run", || async {
        (ended(&database, heavier).await > 300).then_some(())
    })
    .await;
    // the first three hundred of the one against what had ended of the other by then
    let lighter_then: i64 = database
        .value(
            "SELECT count(*) FROM public.automation_executions
              WHERE automation_id = $1 AND completed_at <= (
                SELECT completed_at FROM public.automation_executions
                 WHERE automation_id = $2 AND completed_at IS NOT NULL ORDER BY completed_at OFFSET 300 LIMIT 1)",
            &[&lighter, &heavier],
        )
        .await;
    assert!(
        lighter_then < 200,
        "{lighter_then} of the lighter flood ended with 300 of the heavier one"
    );
}
