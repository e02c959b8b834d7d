//! Claims and ends that go without a query meet what other sessions hold: they wait for nobody, nothing is done twice, and what
//! an execution refers to cannot vanish behind its back.

use std::collections::BTreeSet;

use end_to_end::{Account, Database, Graph, waiting};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

/// An account whose leads start an automation, and so many of them, with no daemon near. By queries nobody claims anything.
async fn queued(database: &Database, count: usize) -> (Account, Vec<Uuid>) {
    let empty =
        "DO $do$ BEGIN EXECUTE regexp_replace(pg_get_functiondef('automations.claim_in_turns'::regproc),
                    'AS [$]function[$].*[$]function[$]', 'AS $$BEGIN END$$'); END $do$";
    database.superuser().await.batch_execute(empty).await.unwrap();
    let account = Account::new(database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "n", json!(1))
        .edge("start", "note");
    account.on_new_lead(database, "noted", &graph).await;
    let mut leads = Vec::with_capacity(count);
    for _ in 0..count {
        leads.push(account.lead(database, "Ada").await);
    }
    (account, leads)
}

/// The ids that a claim brings, none where it would go by queries; what waits for a lock fails.
async fn claim(session: &Client, token: Uuid, batch: i32) -> BTreeSet<Uuid> {
    session.batch_execute("SET lock_timeout = '2s'").await.unwrap();
    let claimed = "SELECT c.id FROM automations.claim($1, $2, 600000, '{}', '{}', '{}') c
                    WHERE c.id IS NOT NULL OR c.look_in_ms IS NOT NULL";
    let rows = session.query(claimed, &[&token, &batch]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Ends these, and returns those that were ended; how many of them without a query, `without` says.
async fn end(
    session: &Client,
    account: &Account,
    ids: &BTreeSet<Uuid>,
    token: Uuid,
    function: &str,
) -> BTreeSet<Uuid> {
    session.batch_execute("SET lock_timeout = '2s'").await.unwrap();
    let ids: Vec<Uuid> = ids.iter().copied().collect();
    let accounts = vec![account.user; ids.len()];
    let tokens = vec![token; ids.len()];
    let results = json!(vec![json!({"status": "completed"}); ids.len()]);
    let ended = match function {
        "finish" => "SELECT e FROM automations.finish($1, $2, $3, $4) e WHERE e IS NOT NULL",
        "finish_with_effect" => "SELECT unnest($2) FROM automations.finish_with_effect($1, $2, $3, $4)",
        _ => "SELECT unnest(automations.end_captured($1, $2, $3, $4))",
    };
    let rows = session
        .query(ended, &[&accounts, &ids, &tokens, &results])
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn two_claims_at_once_bring_different_changes() {
    let database = Database::fresh().await;
    queued(&database, 7).await;
    let (one, other) = (database.superuser().await, database.superuser().await);
    one.batch_execute("BEGIN").await.unwrap();

    let first = claim(&one, Uuid::now_v7(), 4).await;
    let second = claim(&other, Uuid::now_v7(), 4).await;
    one.batch_execute("COMMIT").await.unwrap();

    assert_eq!((first.len(), second.len()), (4, 3));
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
    let leased =
        "SELECT count(DISTINCT lease_token) * 10 + count(*) FROM automations.queue WHERE attempt = 1";
    assert_eq!(database.count(leased).await, 27);
}

#[tokio::test]
async fn a_claim_that_is_rolled_back_leaves_its_changes_to_the_next() {
    let database = Database::fresh().await;
    queued(&database, 2).await;
    let (one, other) = (database.superuser().await, database.superuser().await);
    one.batch_execute("BEGIN").await.unwrap();
    let first = claim(&one, Uuid::now_v7(), 2).await;

    assert_eq!(claim(&other, Uuid::now_v7(), 2).await.len(), 0);
    one.batch_execute("ROLLBACK").await.unwrap();

    assert_eq!(claim(&other, Uuid::now_v7(), 2).await, first);
}

#[tokio::test]
async fn a_change_that_somebody_holds_is_passed_over_and_so_is_its_end() {
    let database = Database::fresh().await;
    let (account, _) = queued(&database, 5).await;
    let (daemon, holder) = (database.superuser().await, database.superuser().await);
    let token = Uuid::now_v7();
    let hold = "BEGIN; SELECT FROM automations.queue q WHERE q.id = (SELECT id FROM automations.queue ORDER BY id OFFSET 2 LIMIT 1)
                FOR UPDATE";
    holder.batch_execute(hold).await.unwrap();
    let four = claim(&daemon, token, 10).await;
    holder.batch_execute("COMMIT").await.unwrap();
    let fifth = claim(&daemon, token, 10).await;
    assert_eq!((four.len(), fifth.len()), (4, 1));

    let all: BTreeSet<Uuid> = four.union(&fifth).copied().collect();
    holder.batch_execute(hold).await.unwrap();
    assert_eq!(end(&daemon, &account, &all, token, "finish").await, four);
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(end(&daemon, &account, &fifth, token, "end_captured").await, fifth);
    assert_eq!(database.count("SELECT count(*) FROM automations.queue").await, 0);
}

#[tokio::test]
async fn an_end_behind_an_effect_waits_for_whoever_holds_a_change_or_extends_its_lease() {
    let last = "WHERE id = (SELECT id FROM automations.queue ORDER BY id DESC LIMIT 1)";
    for what in [
        format!("SELECT FROM automations.queue {last} FOR UPDATE"),
        format!("UPDATE automations.queue SET lease_until = lease_until + interval '1 s' {last}"),
    ] {
        let database = Database::fresh().await;
        let (account, _) = queued(&database, 3).await;
        let (daemon, holder) = (database.superuser().await, database.superuser().await);
        let token = Uuid::now_v7();
        let all = claim(&daemon, token, 3).await;
        holder.batch_execute(&format!("BEGIN; {what}")).await.unwrap();

        let waits = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%finish_with_effect%'";
        let ending = end(&daemon, &account, &all, token, "finish_with_effect");
        let letting_go = async {
            let watcher = database.superuser().await;
            waiting::until("the end to wait", || async {
                let waiting: i64 = watcher.query_one(waits, &[]).await.unwrap().get(0);
                (waiting == 1).then_some(())
            })
            .await;
            holder.batch_execute("COMMIT").await.unwrap();
        };
        let (ended, ()) = tokio::join!(ending, letting_go);

        assert_eq!(ended, all, "{what}");
        let left = "SELECT (SELECT count(*) FROM automations.queue) * 10 + count(*) FROM public.automation_executions";
        assert_eq!(database.count(left).await, 3, "{what}");
    }
}

#[tokio::test]
async fn ends_in_two_sessions_write_each_execution_once() {
    let database = Database::fresh().await;
    let (account, _) = queued(&database, 3).await;
    let (one, other) = (database.superuser().await, database.superuser().await);
    let token = Uuid::now_v7();
    let all = claim(&one, token, 3).await;
    one.batch_execute("BEGIN").await.unwrap();

    assert_eq!(end(&one, &account, &all, token, "end_captured").await, all);
    assert_eq!(end(&other, &account, &all, token, "end_captured").await.len(), 0);
    one.batch_execute("COMMIT").await.unwrap();

    assert_eq!(end(&other, &account, &all, token, "finish").await.len(), 0);
    let counted = "SELECT sum(execution_count) * 10 + (SELECT count(*) FROM public.automation_executions)
                     FROM public.automations WHERE name = 'noted'";
    assert_eq!(database.count(counted).await, 33);
}

#[tokio::test]
async fn a_lead_cannot_go_while_its_execution_ends_and_takes_nothing_along_when_it_goes() {
    let database = Database::fresh().await;
    let (account, leads) = queued(&database, 1).await;
    let (daemon, application) = (database.superuser().await, database.superuser().await);
    let token = Uuid::now_v7();
    let one = claim(&daemon, token, 1).await;
    daemon.batch_execute("BEGIN").await.unwrap();
    assert_eq!(end(&daemon, &account, &one, token, "end_captured").await, one);

    let delete = "DELETE FROM public.leads WHERE id = $1";
    application
        .batch_execute("SET lock_timeout = '100ms'")
        .await
        .unwrap();
    let refused = application.execute(delete, &[&leads[0]]).await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("55P03"), "{refused}");
    daemon.batch_execute("COMMIT").await.unwrap();
    application.execute(delete, &[&leads[0]]).await.unwrap();

    let row =
        "SELECT count(*) FROM public.automation_executions WHERE status = 'completed' AND lead_id IS NULL";
    assert_eq!(database.count(row).await, 1);
}

#[tokio::test]
async fn a_lead_that_somebody_deletes_is_waited_for_by_nobody_and_its_execution_ends_without_it() {
    let database = Database::fresh().await;
    let (account, leads) = queued(&database, 2).await;
    let (daemon, application) = (database.superuser().await, database.superuser().await);
    let token = Uuid::now_v7();
    let both = claim(&daemon, token, 2).await;
    application.batch_execute("BEGIN").await.unwrap();
    application
        .execute("DELETE FROM public.leads WHERE id = $1", &[&leads[0]])
        .await
        .unwrap();

    let ended = end(&daemon, &account, &both, token, "finish").await;
    assert_eq!(ended.len(), 1, "the other waits alone");
    application.batch_execute("COMMIT").await.unwrap();
    let rest: BTreeSet<Uuid> = both.difference(&ended).copied().collect();
    assert_eq!(end(&daemon, &account, &rest, token, "finish").await, rest);

    let leads =
        "SELECT count(lead_id) * 10 + count(*) FROM public.automation_executions WHERE status = 'completed'";
    assert_eq!(database.count(leads).await, 12);
}

#[tokio::test]
async fn an_automation_that_is_deleted_while_its_execution_ends_takes_it_along() {
    let database = Database::fresh().await;
    let (account, _) = queued(&database, 1).await;
    let (daemon, application) = (database.superuser().await, database.superuser().await);
    let token = Uuid::now_v7();
    let one = claim(&daemon, token, 1).await;
    application
        .batch_execute("BEGIN; DELETE FROM public.automations WHERE name = 'noted'")
        .await
        .unwrap();

    assert_eq!(end(&daemon, &account, &one, token, "end_captured").await.len(), 0);
    application.batch_execute("COMMIT").await.unwrap();
    assert_eq!(end(&daemon, &account, &one, token, "finish").await.len(), 0);

    let left = "SELECT (SELECT count(*) FROM automations.queue) + (SELECT count(*) FROM public.automation_executions)";
    assert_eq!(database.count(left).await, 0);
}

#[tokio::test]
async fn a_table_that_somebody_alters_is_waited_for_by_nobody() {
    let database = Database::fresh().await;
    let (account, _) = queued(&database, 2).await;
    let (daemon, owner) = (database.superuser().await, database.superuser().await);
    let token = Uuid::now_v7();
    let lock = |table: &str| format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");

    for table in [
        "automations.settings",
        "automations.limits",
        "public.automations",
        "automations.queue",
    ] {
        owner.batch_execute(&lock(table)).await.unwrap();
        assert_eq!(claim(&daemon, token, 2).await.len(), 0, "{table}");
        owner.batch_execute("ROLLBACK").await.unwrap();
    }
    let all = claim(&daemon, token, 2).await;
    for table in [
        "public.automations",
        "public.automation_executions",
        "automations.queue",
        "automations.executions_default",
    ] {
        owner.batch_execute(&lock(table)).await.unwrap();
        // where the partition is another one, it is nobody's business
        let free = usize::from(table.ends_with("default")) * 2;
        daemon.batch_execute("BEGIN").await.unwrap();
        let ended = end(&daemon, &account, &all, token, "end_captured").await;
        assert_eq!(ended.len(), free, "{table}");
        daemon.batch_execute("ROLLBACK").await.unwrap();
        owner.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(end(&daemon, &account, &all, token, "end_captured").await, all);
}

/// Who takes one lock while it waits for another, which `install()` holds, would be waited for by it.
#[tokio::test]
async fn whoever_is_refused_a_table_holds_no_other_that_install_wants() {
    let database = Database::fresh().await;
    let (account, _) = queued(&database, 1).await;
    let (daemon, owner) = (database.superuser().await, database.superuser().await);
    let token = Uuid::now_v7();
    let all = claim(&daemon, token, 1).await;
    let held = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                 WHERE l.pid = pg_backend_pid() AND c.relname IN ('queue', 'automation_executions')";
    for table in ["automations.settings", "public.automations"] {
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        owner.batch_execute(&lock).await.unwrap();
        daemon.batch_execute("BEGIN").await.unwrap();
        claim(&daemon, token, 1).await;
        assert_eq!(end(&daemon, &account, &all, token, "end_captured").await.len(), 0);
        let locks: i64 = daemon.query_one(held, &[]).await.unwrap().get(0);
        assert_eq!(locks, 0, "{table}");
        daemon.batch_execute("ROLLBACK").await.unwrap();
        owner.batch_execute("ROLLBACK").await.unwrap();
    }
}
