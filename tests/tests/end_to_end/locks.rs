//! Somebody holds a lock. The application's write returns all the same, and nobody else's executions wait with it.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, waiting};
use serde_json::json;

fn note() -> Graph {
    Graph::from("trigger-event")
        .set("note", "who", json!("{{ trigger.new.name }}"))
        .edge("start", "note")
}

#[tokio::test]
async fn an_insert_returns_while_somebody_holds_the_queue_and_its_change_runs_later() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "late", &note()).await;
    let other = database.another_session().await;
    other
        .batch_execute("BEGIN; LOCK TABLE automations.queue IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();

    // The lock ends only below: this must not wait for it.
    let lead = account.lead(&database, "Ada").await;

    let missed = "SELECT count(*) FROM automations.missed WHERE replayed_at IS NULL AND sqlstate = '55P03'";
    assert_eq!(database.count(missed).await, 1);
    other.batch_execute("COMMIT").await.unwrap();
    let _daemon = Daemon::start(&database).await;
    let execution = database.only(automation).await.completed();
    assert_eq!(
        (execution.lead_id, &execution.variables["who"]),
        (Some(lead), &json!("Ada"))
    );
    assert_eq!(database.count(missed).await, 0);
}

#[tokio::test]
async fn an_insert_returns_while_somebody_holds_the_queue_and_the_missed_changes() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "late", &note()).await;
    let other = database.another_session().await;
    other
        .batch_execute("BEGIN; LOCK TABLE automations.queue, automations.missed IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();

    // Nowhere is left to put it down; the application's row is there all the same.
    let lead = account.lead(&database, "Ada").await;

    let there = "SELECT count(*) FROM public.leads WHERE id = $1";
    assert_eq!(database.value::<i64>(there, &[&lead]).await, 1);
    other.batch_execute("COMMIT").await.unwrap();
    let _daemon = Daemon::start(&database).await;
    account.lead(&database, "Bob").await;
    let all = waiting::until("Bob's execution", || async {
        let all = database.executions(automation).await;
        all.iter()
            .any(|execution| execution.is_final() && execution.variables["who"] == "Bob")
            .then_some(all)
    })
    .await;
    assert!(all.len() <= 2, "{all:?}");
}

#[tokio::test]
async fn a_lead_that_somebody_holds_waits_alone_and_runs_when_it_is_let_go() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "each", &note()).await;
    let held = account.lead(&database, "held").await;
    let other = database.another_session().await;
    other.batch_execute("BEGIN").await.unwrap();
    other
        .execute("SELECT FROM public.leads WHERE id = $1 FOR UPDATE", &[&held])
        .await
        .unwrap();
    let options = DaemonOptions::default().flag("--poll-interval", "300ms");
    let _daemon = Daemon::start_with(&database, options).await;

    for n in 1..=20 {
        account.lead(&database, &format!("free {n}")).await;
    }

    let done = waiting::until("the twenty others to end", || async {
        let all = database.executions(automation).await;
        let done: Vec<_> = all.into_iter().filter(|one| one.status == "completed").collect();
        (done.len() >= 20).then_some(done)
    })
    .await;
    assert!(done.iter().all(|one| one.lead_id != Some(held)), "{done:?}");
    other.batch_execute("COMMIT").await.unwrap();
    let all = database.all_ended(automation, 21).await;
    assert!(
        all.iter()
            .any(|one| one.lead_id == Some(held) && one.status == "completed")
    );
}

#[tokio::test]
async fn a_statement_timeout_of_the_application_during_capture_reaches_the_application() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    account.on_new_lead(&database, "slow", &note()).await;
    let other = database.another_session().await;
    other
        .batch_execute("BEGIN; LOCK TABLE automations.queue IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    database.run("SET statement_timeout = '20ms'").await;

    // Capture waits for the lock longer than the application allows its statement.
    let error = database
        .owner
        .execute(
            "INSERT INTO public.leads (user_id, name) VALUES ($1, 'Ada')",
            &[&account.user],
        )
        .await
        .expect_err("the statement was not cancelled");

    assert_eq!(error.code().map(|code| code.code()), Some("57014"), "{error:?}");
    database.run("RESET statement_timeout").await;
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.leads WHERE name = 'Ada'")
            .await,
        0
    );
}

#[tokio::test]
async fn maintenance_blocks_no_insert() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    database
        .run(
            "CREATE TABLE public.deals (id uuid, user_id uuid, kind text) PARTITION BY LIST (kind);
             SELECT automations.watch('public.deals', 'deal', 'user_id');
             CREATE TABLE public.deals_big PARTITION OF public.deals FOR VALUES IN ('big')",
        )
        .await;
    // A transaction that has written to everything and does not end before the test does.
    let writer = database.another_session().await;
    writer.batch_execute("BEGIN").await.unwrap();
    let lead = "INSERT INTO public.leads (user_id, name) VALUES ($1, 'written')";
    let deal = "INSERT INTO public.deals VALUES (gen_random_uuid(), $1, 'big')";
    for insert in [lead, deal] {
        writer.execute(insert, &[&account.user]).await.unwrap();
    }
    let keeper = database.another_session().await;
    let maintaining = tokio::spawn(async move {
        for _ in 0..20 {
            keeper.execute("SELECT automations.maintain()", &[]).await?;
        }
        Ok::<_, tokio_postgres::Error>(())
    });

    while !maintaining.is_finished() {
        for insert in [lead, deal] {
            let inserted = async { database.owner.execute(insert, &[&account.user]).await };
            let inserted = tokio::time::timeout(waiting::DEADLINE, inserted).await;
            inserted.expect("an insert waits for maintenance").unwrap();
        }
    }

    maintaining.await.unwrap().expect("maintain() failed");
    writer.batch_execute("COMMIT").await.unwrap();
}

/// A heartbeat of its own, or somebody who cancels in an open transaction: the result waits for the row and for nothing
/// else. The lease is so long that nobody else brings it to its end.
#[tokio::test]
async fn a_result_whose_queue_row_is_locked_is_written_when_it_is_let_go() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let held = Graph::from("trigger-event")
        .node(
            "act",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/act"), "timeout": 60_000}),
        )
        .edge("start", "act");
    let held = account.on_new_lead(&database, "held", &held).await;
    let other = Account::new(&database).await;
    let free = other.on_new_lead(&database, "free", &note()).await;
    let options = DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--lease", "10m");
    let daemon = Daemon::start_with(&database, options).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    receiver.have(1).await;
    // a request that takes a while is shown, which would wait for the lock before the answer is taken in
    waiting::until("the execution to be shown", || async {
        let shown = "SELECT count(*) FROM public.automation_executions";
        (database.count(shown).await == 1).then_some(())
    })
    .await;
    let session = database.another_session().await;
    session
        .batch_execute("BEGIN; SELECT FROM automations.queue FOR UPDATE")
        .await
        .unwrap();

    receiver.let_go();
    daemon.says(&["somebody has locked its row"]).await;
    other.lead(&database, "Bob").await;
    database.only(free).await.completed();
    session.batch_execute("COMMIT").await.unwrap();

    database.only(held).await.completed();
    assert_eq!(receiver.requests().len(), 1);
}
