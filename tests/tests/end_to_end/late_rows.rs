//! A captured change gets the row of its execution from its first durable write, which for most is the one that ends it.

use end_to_end::{Account, Daemon, Database, Graph, cluster, listener, template, waiting};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

fn note() -> Graph {
    Graph::from("trigger-event")
        .set("note", "n", json!(1))
        .edge("start", "note")
}

/// Claims all as a daemon does; what is claimed, in order, each with its account.
async fn claim(daemon: &Client, token: Uuid) -> Vec<(Uuid, Uuid)> {
    let claim = "SELECT id, account_id FROM automations.claim($1, 10, 60000)";
    let rows = daemon.query(claim, &[&token]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Ends them; the ids that were written, or the SQLSTATE.
async fn finish(daemon: &Client, token: Uuid, claimed: &[(Uuid, Uuid)]) -> Result<Vec<Uuid>, String> {
    let (ids, accounts): (Vec<Uuid>, Vec<Uuid>) = claimed.iter().copied().unzip();
    let tokens = vec![token; ids.len()];
    let results = json!(vec![json!({"status": "completed"}); ids.len()]);
    let finish = "SELECT written FROM automations.finish($1, $2, $3, $4) AS written ORDER BY written";
    match daemon.query(finish, &[&accounts, &ids, &tokens, &results]).await {
        Ok(rows) => Ok(rows.iter().map(|row| row.get(0)).collect()),
        Err(error) => Err(error
            .code()
            .map_or_else(String::new, |state| state.code().to_owned())),
    }
}

#[tokio::test]
async fn a_lead_that_somebody_locks_after_the_claim_holds_up_its_own_result_and_no_other() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    account.on_new_lead(&database, "each", &note()).await;
    let lead = account.lead(&database, "locked").await;
    account.lead(&database, "free").await;
    let daemon = cluster::connect(&database.name, template::DAEMON).await;
    let token = Uuid::now_v7();
    let claimed = claim(&daemon, token).await;
    let [locked, free] = claimed.as_slice() else {
        panic!("{claimed:?}")
    };
    let other = database.another_session().await;
    other.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT FROM public.leads WHERE id = $1 FOR UPDATE";
    other.execute(lock, &[&lead]).await.unwrap();

    assert_eq!(finish(&daemon, token, &claimed).await, Ok(vec![free.0]));
    assert_eq!(finish(&daemon, token, &[*locked]).await, Err("55P03".to_owned()));
    let still = "SELECT count(*) FROM automations.queue WHERE lease_token IS NOT NULL";
    assert_eq!(database.count(still).await, 1, "it keeps its lease");

    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(finish(&daemon, token, &[*locked]).await, Ok(vec![locked.0]));
    assert_eq!(database.execution(locked.0).await.unwrap().lead_id, Some(lead));
}

#[tokio::test]
async fn an_automation_that_somebody_is_deleting_is_neither_waited_for_nor_lost() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "deleted", &note()).await;
    for name in ["Ada", "Bob"] {
        account.lead(&database, name).await;
    }
    let daemon = cluster::connect(&database.name, template::DAEMON).await;
    let token = Uuid::now_v7();
    let claimed = claim(&daemon, token).await;
    let other = database.another_session().await;
    let delete = "DELETE FROM public.automations WHERE id = $1";
    other.batch_execute("BEGIN").await.unwrap();
    other.execute(delete, &[&automation]).await.unwrap();

    assert_eq!(
        finish(&daemon, token, &claimed[..1]).await,
        Err("55P03".to_owned())
    );
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(
        finish(&daemon, token, &claimed[..1]).await,
        Ok(vec![claimed[0].0])
    );

    other.execute(delete, &[&automation]).await.unwrap();
    assert_eq!(finish(&daemon, token, &claimed[1..]).await, Ok(vec![]));
    assert_eq!(database.count("SELECT count(*) FROM automations.queue").await, 0);
}

#[tokio::test]
async fn a_walk_that_writes_nothing_for_long_shows_itself_as_running() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let find = json!({"operation": "find", "table": "bookings"});
    let graph = Graph::from("trigger-event")
        .node("find", "action-db", find)
        .edge("start", "find");
    let automation = account.on_new_lead(&database, "slow", &graph).await;
    let mut listener = listener::listen(&database.name, template::DAEMON, "automation_execution").await;
    let other = database.another_session().await;
    let lock = "BEGIN; LOCK TABLE public.bookings IN ACCESS EXCLUSIVE MODE";
    other.batch_execute(lock).await.unwrap();
    let _daemon = Daemon::start(&database).await;
    account.lead(&database, "Ada").await;

    waiting::until("the row of what runs", || async {
        let all = database.executions(automation).await;
        all.iter()
            .any(|execution| execution.status == "running")
            .then_some(())
    })
    .await;
    other.batch_execute("COMMIT").await.unwrap();
    let id = database.only(automation).await.completed().id;
    for status in ["running", "completed"] {
        let told = listener.heard.recv().await.unwrap();
        let told = told.payload();
        assert!(told.contains(status) && told.contains(&id.to_string()), "{told}");
    }
}

#[tokio::test]
async fn what_ends_at_once_is_inserted_as_it_ended_and_never_updated() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "once", &note()).await;
    account.lead(&database, "Ada").await;
    let daemon = cluster::connect(&database.name, template::DAEMON).await;
    let token = Uuid::now_v7();
    let claimed = claim(&daemon, token).await;
    assert_eq!(finish(&daemon, token, &claimed).await.unwrap().len(), 1);
    // its session says what it did as soon as it is asked, and not some time after
    daemon
        .batch_execute("SELECT pg_stat_force_next_flush()")
        .await
        .unwrap();
    let versions = "SELECT format('%s %s %s', sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del))
                      FROM pg_stat_user_tables WHERE relid IN (
                          SELECT relid FROM pg_partition_tree('public.automation_executions'))";
    let superuser = database.superuser().await;
    let row = superuser.query_one(versions, &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "1 0 0");
    assert_eq!(database.only(automation).await.status, "completed");
}
