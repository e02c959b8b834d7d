//! What lies in front of the queue's next rows: many rows that may not run cost little, and whatever comes to lie among
//! them is found. Told by index entries read and by what runs, with a daemon that does not poll.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph};
use serde_json::json;
use uuid::Uuid;

/// Rows of an automation that is paused: enough for a look from the beginning to be slow.
const STANDING: i64 = 60_000;

/// An account with those, and an automation for new leads.
async fn account(database: &Database) -> (Account, Uuid) {
    let account = Account::new(database).await;
    let graph = Graph::from("trigger-event")
        .set("set", "a", json!(1))
        .edge("start", "set");
    let paused = account.manual(database, "paused", &graph).await;
    let superuser = database.superuser().await;
    superuser
        .execute(
            "UPDATE public.automations SET status = 'paused' WHERE id = $1",
            &[&paused],
        )
        .await
        .unwrap();
    superuser
        .execute(
            "INSERT INTO automations.queue (account_id, id, automation_id, version, trigger_type, trigger_data)
             SELECT $1, overlay(automations.uuid_at(now() - interval '1 hour')::text
                        PLACING lpad(n::text, 12, '0') FROM 25)::uuid, $2, 1, 'manual', '{}'
               FROM generate_series(1, $3::bigint) n",
            &[&account.user, &paused, &STANDING],
        )
        .await
        .unwrap();
    superuser
        .batch_execute("ANALYZE automations.queue")
        .await
        .unwrap();
    let automation = account.on_new_lead(database, "new lead", &graph).await;
    (account, automation)
}

async fn daemon(database: &Database) -> Daemon {
    Daemon::start_with(database, DaemonOptions::default().flag("--poll-interval", "1h")).await
}

#[tokio::test]
async fn what_commits_late_is_claimed_although_others_were_claimed_behind_it() {
    let database = Database::fresh().await;
    let (account, automation) = account(&database).await;
    let mut late = database.another_session().await;
    let transaction = late.transaction().await.unwrap();
    transaction
        .execute(
            "INSERT INTO public.leads (user_id, name) VALUES ($1, 'late')",
            &[&account.user],
        )
        .await
        .unwrap();
    let _daemon = daemon(&database).await;
    for count in 1..=10 {
        account.lead(&database, "in time").await;
        database.all_ended(automation, count).await;
    }
    transaction.commit().await.unwrap();
    database.all_ended(automation, 11).await;
}

#[tokio::test]
async fn what_may_not_run_is_not_read_at_each_claim() {
    const LEADS: usize = 40;
    let database = Database::fresh().await;
    let (account, automation) = account(&database).await;
    let daemon = daemon(&database).await;
    for count in 1..=LEADS {
        account.lead(&database, "one of many").await;
        database.all_ended(automation, count).await;
    }
    daemon.stop().await; // sessions hand in their counts at the latest when they end
    let read = database
        .count("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'queue_pkey'")
        .await;
    let once_each = i64::try_from(LEADS).unwrap() * STANDING;
    assert!(read < once_each / 2, "{read} entries read for {LEADS} executions");
}

#[tokio::test]
async fn an_automation_that_is_active_again_runs_what_stood() {
    let database = Database::fresh().await;
    let (account, automation) = account(&database).await;
    let _daemon = daemon(&database).await;
    account.lead(&database, "first").await;
    database.all_ended(automation, 1).await;
    database
        .run(
            "DELETE FROM automations.queue WHERE right(id::text, 12)::bigint > 20;
              UPDATE public.automations SET status = 'active' WHERE status = 'paused'",
        )
        .await;
    account.lead(&database, "wakes").await;
    let paused: Uuid = database
        .value(
            "SELECT id FROM public.automations WHERE name = 'paused' AND user_id = $1",
            &[&account.user],
        )
        .await;
    database.all_ended(paused, 20).await;
}
