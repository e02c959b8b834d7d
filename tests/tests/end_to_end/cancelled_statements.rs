//! What runs in the database when an execution is cancelled, passes its time or loses its daemon: the statement ends in
//! the server, and either all of a database node is there or nothing.

use std::time::Duration;

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, http, waiting};
use serde_json::json;
use uuid::Uuid;

async fn cancel(database: &Database, id: Uuid) -> bool {
    database.value("SELECT automations.cancel($1)", &[&id]).await
}

/// Whoever changes a lead's score waits in a trigger of the application for as long as a statement may take.
async fn slow_leads(database: &Database) {
    database
        .run(
            "CREATE FUNCTION public.be_slow() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 PERFORM pg_sleep(600);
                 RETURN NEW;
             END $$;
             CREATE TRIGGER be_slow AFTER UPDATE OF score ON public.leads
                 FOR EACH ROW EXECUTE FUNCTION public.be_slow()",
        )
        .await;
}

fn marks() -> Graph {
    Graph::from("trigger-manual")
        .node("mark", "action-update-lead", json!({"updates": {"score": 7}}))
        .edge("start", "mark")
}

async fn about(database: &Database, automation: Uuid, lead: Uuid) -> Uuid {
    let run = "SELECT automations.run($1, '{}', lead_id => $2)";
    database.value(run, &[&automation, &lead]).await
}

/// How many sessions of this database sleep in a statement.
async fn sleeping(database: &Database) -> i64 {
    let query = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND state = 'active' AND wait_event = 'PgSleep'";
    let server = database.superuser().await;
    server.query_one(query, &[]).await.unwrap().get(0)
}

async fn until_sleeping(database: &Database, count: i64) {
    waiting::until(&format!("{count} statement(s) that sleep"), || async {
        (sleeping(database).await == count).then_some(())
    })
    .await;
}

/// Long before they would have ended by themselves, which the daemon's limit for a statement makes 30 s.
async fn none_sleeps(database: &Database) {
    let soon = Duration::from_secs(12);
    waiting::until_within(soon, "the statements to be cancelled", || async {
        (sleeping(database).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_statement_ends_in_the_server_and_nothing_leaks() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    slow_leads(&database).await;
    let automation = account.manual(&database, "slow", &marks()).await;
    let options = DaemonOptions::default().flag("--connections", "4");
    let mut daemon = Daemon::start_with(&database, options).await;
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'daemon_login'";
    // more often than there are connections for database nodes
    for n in 0..4 {
        let lead = account.lead(&database, &format!("lead {n}")).await;
        let id = about(&database, automation, lead).await;
        until_sleeping(&database, 1).await;
        assert!(cancel(&database, id).await);
        none_sleeps(&database).await;
        let score: i32 = database
            .value("SELECT score FROM public.leads WHERE id = $1", &[&lead])
            .await;
        assert_eq!(score, 0);
        let steps =
            "SELECT count(*) FROM automations.recorded_steps WHERE execution_id = $1 AND node_id = 'mark'";
        assert_eq!(
            database.value::<i64>(steps, &[&id]).await,
            0,
            "nothing is recorded"
        );
    }

    let metrics = http::get(daemon.address().await, "/metrics").await.unwrap().body;
    assert!(
        metrics.contains("automationd_statements_cancelled_total 4"),
        "{metrics}"
    );
    database.run("DROP TRIGGER be_slow ON public.leads").await;
    let lead = account.lead(&database, "fast").await;
    let id = about(&database, automation, lead).await;
    database.ended(id).await.completed();
    let server = database.superuser().await;
    let open =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL
                AND pid <> pg_backend_pid()";
    waiting::until("no transaction left open", || async {
        (server.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(())
    })
    .await;
    let count: i64 = server
        .query_one(&format!("{sessions} AND datname = current_database()"), &[])
        .await
        .unwrap()
        .get(0);
    assert!(
        count <= 6,
        "{count} sessions of a daemon with 4 connections, a listener and a heartbeat"
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_node_that_takes_too_long_is_cancelled_in_the_server_too() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    slow_leads(&database).await;
    let graph = Graph::from("trigger-manual")
        .node_with(
            "mark",
            "action-update-lead",
            json!({"config": {"updates": {"score": 7}}, "timeoutMs": 1_000}),
        )
        .edge("start", "mark");
    let automation = account.manual(&database, "limited", &graph).await;
    let _daemon = Daemon::start(&database).await;
    let lead = account.lead(&database, "Ada").await;
    let id = about(&database, automation, lead).await;

    database.ended(id).await.failed("timeout");
    none_sleeps(&database).await;
}

#[tokio::test]
async fn a_daemon_that_stops_cancels_its_statements_and_hands_the_executions_back() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    slow_leads(&database).await;
    let automation = account.manual(&database, "stopped", &marks()).await;
    let options = DaemonOptions::default().flag("--stop-timeout", "2s");
    let daemon = Daemon::start_with(&database, options).await;
    let lead = account.lead(&database, "Ada").await;
    let id = about(&database, automation, lead).await;
    until_sleeping(&database, 1).await;

    daemon.stop().await;

    assert_eq!(sleeping(&database).await, 0);
    assert_eq!(database.execution(id).await.unwrap().status, "pending");
    database.run("DROP TRIGGER be_slow ON public.leads").await;
    let _next = Daemon::start(&database).await;
    database.ended(id).await.completed();
    let score: i32 = database
        .value("SELECT score FROM public.leads WHERE id = $1", &[&lead])
        .await;
    assert_eq!(score, 7);
}

#[tokio::test]
async fn what_a_database_node_wrote_is_there_if_and_only_if_its_step_is() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let values = json!({"title": "{{ execution.id }}", "start_time": "2030-01-07T09:00:00Z"});
    let graph = Graph::from("trigger-manual")
        .node(
            "one",
            "action-db",
            json!({"operation": "create", "table": "bookings", "values": values}),
        )
        .node(
            "two",
            "action-db",
            json!({"operation": "create", "table": "bookings", "values": values}),
        )
        .chain(&["start", "one", "two"]);
    let automation = account.manual(&database, "books", &graph).await;
    let daemon = Daemon::start(&database).await;
    let other = database.another_session().await;
    let mut cancelled = 0;
    for n in 0..60_u32 {
        let id = database.start(automation, json!({})).await;
        // somewhere between its claim and its end
        waiting::until("it to be claimed", || async {
            let one = database.execution(id).await?;
            (one.status != "pending").then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_micros(u64::from(n % 20) * 300)).await;
        let row = other
            .query_one("SELECT automations.cancel($1)", &[&id])
            .await
            .unwrap();
        cancelled += i32::from(row.get::<_, bool>(0));
    }
    database.idle().await;
    daemon.stop().await;

    let torn = "SELECT count(*) FROM public.automation_executions e
                WHERE (SELECT count(*) FROM public.bookings b WHERE b.title = e.id::text)
                   <> (SELECT count(*) FROM automations.recorded_steps s WHERE s.execution_id = e.id
                          AND s.node_id IN ('one', 'two') AND s.status = 'completed')";
    assert_eq!(database.count(torn).await, 0);
    let states = "SELECT count(*) FROM public.automation_executions WHERE status = 'cancelled'";
    assert_eq!(
        database.count(states).await,
        i64::from(cancelled),
        "who was told true finds it cancelled"
    );
    let late = "SELECT count(*) FROM public.automation_executions e JOIN automations.recorded_steps s ON s.execution_id = e.id
                WHERE e.status = 'cancelled' AND s.ordinal > jsonb_array_length(e.nodes_executed)";
    assert_eq!(
        database.count(late).await,
        0,
        "nothing is recorded after the cancel"
    );
}
