//! What may come at once for a step that waits: a resume, a timeout, an event, the end of another execution, a cancel,
//! and the daemon that parks it. Sessions call the SQL functions as a daemon would; the database alone decides, nothing
//! that came is slept past, and nobody waits for somebody's open transaction.

mod anything;
mod stage;

use end_to_end::waiting;
use serde_json::json;
use tokio_postgres::types::Json;
use uuid::Uuid;

use self::stage::{Stage, resume};

/// How often two sessions run against each other.
const ROUNDS: usize = 60;

#[tokio::test]
async fn a_resume_and_the_park_of_its_step_never_miss_each_other() {
    let stage = Stage::set().await;
    let (daemon, application) = (
        stage.database.another_session().await,
        stage.database.another_session().await,
    );
    for _ in 0..ROUNDS {
        let held = stage.held().await;
        let token = stage.token(held);
        let (parked, resumed) = tokio::join!(
            stage.park(&daemon, held, json!({"kind": "resume"}), None),
            resume(&application, &token)
        );
        assert!(resumed);
        assert!(!resume(&application, &token).await);
        let again = stage.claimed(&daemon, held.id).await;
        if !parked {
            // it was locked at that moment: the step begins to wait again
            assert!(stage.park(&daemon, again, json!({"kind": "resume"}), None).await);
        }
        let again = if parked {
            again
        } else {
            stage.claimed(&daemon, held.id).await
        };
        assert_eq!(stage.waited(&daemon, again).await, ["resumed"]);
        assert_eq!(stage.finish(&daemon, again).await.unwrap(), 1);
    }
    assert_eq!(stage.rows_left().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_resume_and_a_timeout_are_decided_once() {
    let stage = Stage::set().await;
    let (daemon, application) = (
        stage.database.another_session().await,
        stage.database.another_session().await,
    );
    let mut both = [0, 0];
    for round in 0..ROUNDS {
        let held = stage.held().await;
        let token = stage.token(held);
        let step = json!([{"node_id": "w", "run": 1, "status": "parked", "idempotency_key": held.step,
            "wait": {"kind": "resume"}, "wake_in_ms": round % 4}]);
        let recorded = daemon
            .query_one(
                "SELECT automations.record($1, $2, $3, $4)",
                &[&stage.account.user, &held.id, &held.token, &Json(step)],
            )
            .await;
        assert!(recorded.unwrap().get::<_, bool>(0));
        let look = async {
            waiting::until("what came", || async {
                stage.waited(&daemon, held).await.into_iter().next()
            })
            .await
        };
        let (came, resumed) = tokio::join!(look, resume(&application, &token));
        assert_eq!(came == "resumed", resumed, "{came}");
        both[usize::from(resumed)] += 1;
        assert_eq!(stage.waited(&daemon, held).await, [came]);
        assert_eq!(stage.finish(&daemon, held).await.unwrap(), 1);
    }
    println!("timed out {}, resumed {}", both[0], both[1]);
}

#[tokio::test]
async fn an_event_and_the_park_of_who_waits_for_it_never_miss_each_other() {
    let stage = Stage::set().await;
    let (daemon, other) = (
        stage.database.another_session().await,
        stage.database.another_session().await,
    );
    for _ in 0..ROUNDS {
        let held = stage.held().await;
        let emit = async {
            let emitted = other
                .execute(
                    "SELECT automations.emit('paid', account_id => $1)",
                    &[&stage.account.user],
                )
                .await;
            emitted.unwrap();
            other
                .batch_execute("SELECT automations.deliver_events(10)")
                .await
                .unwrap();
        };
        let wait = json!({"kind": "event", "event": "paid"});
        let (parked, ()) = tokio::join!(stage.park(&daemon, held, wait, None), emit);
        assert!(parked);
        // one that was delivered before it waited is gone, one that came is not slept past
        let row = stage
            .database
            .owner
            .query_one(
                "SELECT w.came IS NULL, EXISTS (SELECT FROM automations.parked p WHERE p.execution_id = w.execution_id)
                   FROM automations.waits w WHERE w.execution_id = $1",
                &[&held.id],
            )
            .await
            .unwrap();
        let (waits, sleeps): (bool, bool) = (row.get(0), row.get(1));
        assert_eq!(waits, sleeps);
        stage
            .database
            .value::<bool>("SELECT automations.cancel_execution($1)", &[&held.id])
            .await;
    }
    assert_eq!(stage.rows_left().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_end_of_a_child_and_the_cancel_of_its_parent_leave_nothing_behind() {
    let stage = Stage::set().await;
    let (daemon, other) = (
        stage.database.another_session().await,
        stage.database.another_session().await,
    );
    for _ in 0..ROUNDS {
        let parent = stage.held().await;
        let child = stage.child(&daemon, parent).await;
        let wait = json!({"kind": "child", "child_id": child});
        assert!(stage.park(&daemon, parent, wait, None).await);
        let child = stage.claimed(&daemon, child).await;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&parent.id];
        let (finished, cancelled) = tokio::join!(
            stage.finish(&daemon, child),
            other.query_one("SELECT automations.cancel_execution($1)", &parameters)
        );
        assert!(cancelled.unwrap().get::<_, bool>(0));
        if finished.unwrap() == 0 {
            // set aside because it was locked: the cancel has it, or it was left to rescue()
            stage.database.run("SELECT automations.rescue()").await;
        }
        assert_eq!(stage.status(parent.id).await, "cancelled");
        assert!(["completed", "cancelled"].contains(&stage.status(child.id).await.as_str()));
        stage.unpark().await;
        // what had just gone back to the queue when its execution was cancelled is dropped by the next claim
        stage
            .database
            .run("SELECT automations.claim(gen_random_uuid(), 10, 1000)")
            .await;
        assert_eq!(stage.rows_left().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_daemon_does_not_wait_for_a_resume_in_an_open_transaction() {
    let stage = Stage::set().await;
    let application = stage.database.another_session().await;
    for (end, came) in [("COMMIT", true), ("ROLLBACK", false)] {
        let held = stage.held().await;
        let other = stage.held().await;
        application.batch_execute("BEGIN").await.unwrap();
        assert!(resume(&application, &stage.token(held)).await);
        let daemon = &stage.database.owner;

        // the transaction ends only below
        assert!(!stage.park(daemon, held, json!({"kind": "resume"}), None).await);
        assert_eq!(stage.finish(daemon, other).await.unwrap(), 1);
        let token = Uuid::now_v7();
        let claimed = daemon
            .query("SELECT id FROM automations.claim($1, 100, 600000)", &[&token])
            .await
            .unwrap();
        assert!(claimed.is_empty());

        application.batch_execute(end).await.unwrap();
        let held = stage.claimed(daemon, held.id).await;
        assert!(stage.park(daemon, held, json!({"kind": "resume"}), None).await);
        let sleeps: i64 = stage
            .database
            .count("SELECT count(*) FROM automations.parked")
            .await;
        assert_eq!(sleeps == 0, came, "{end}");
        stage
            .database
            .value::<bool>("SELECT automations.cancel_execution($1)", &[&held.id])
            .await;
    }
    assert_eq!(stage.rows_left().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_parent_does_not_wait_for_who_has_its_child_locked() {
    let stage = Stage::set().await;
    let application = stage.database.another_session().await;
    let daemon = &stage.database.owner;

    // somebody has only the child: the parent ends, and the child is cancelled when it is free
    let parent = stage.held().await;
    let child = stage.child(daemon, parent).await;
    application.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT FROM public.automation_executions WHERE id = $1 FOR UPDATE";
    application.execute(lock, &[&child]).await.unwrap();
    assert_eq!(stage.finish(daemon, parent).await.unwrap(), 1);
    assert_eq!(stage.status(child).await, "pending");
    stage.database.run("SELECT automations.rescue()").await;
    application.batch_execute("COMMIT").await.unwrap();
    stage.database.run("SELECT automations.rescue()").await;
    assert_eq!(stage.status(child).await, "cancelled");
    assert_eq!(stage.rows_left().await, Vec::<String>::new());

    // somebody is cancelling the child, and with that telling the parent: it ends later
    let parent = stage.held().await;
    let child = stage.child(daemon, parent).await;
    application.batch_execute("BEGIN").await.unwrap();
    let cancel = "SELECT automations.cancel_execution($1)";
    application.execute(cancel, &[&child]).await.unwrap();
    assert_eq!(stage.finish(daemon, parent).await.unwrap(), 0);
    application.batch_execute("ROLLBACK").await.unwrap();
    let parent = stage.claimed(daemon, parent.id).await;
    assert_eq!(stage.finish(daemon, parent).await.unwrap(), 1);
    assert_eq!(stage.status(child).await, "cancelled");
    assert_eq!(stage.rows_left().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_comes_back_and_is_claimed_while_somebody_cancels_it_is_cancelled() {
    let stage = Stage::set().await;
    let (application, daemon) = (
        stage.database.another_session().await,
        stage.database.another_session().await,
    );
    let held = stage.held().await;
    assert!(stage.park(&daemon, held, json!({"kind": "resume"}), None).await);
    let due = "UPDATE automations.parked SET wake_at = now()";
    stage.database.run(due).await;

    // the cancel has looked into the queue and gets no further
    daemon.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT FROM public.automation_executions WHERE id = $1 FOR UPDATE";
    daemon.execute(lock, &[&held.id]).await.unwrap();
    let cancelling = tokio::spawn(async move {
        let cancel = "SELECT automations.cancel_execution($1)";
        application.query_one(cancel, &[&held.id]).await.unwrap().get(0)
    });
    waiting::until("the cancel to wait", || async {
        let waits = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%cancel_execution%'";
        (stage.database.count(waits).await == 1).then_some(())
    })
    .await;
    daemon
        .batch_execute("SELECT automations.unpark(10)")
        .await
        .unwrap();
    let held = stage.claimed(&daemon, held.id).await;
    daemon.batch_execute("COMMIT").await.unwrap();

    let was_cancelled: bool = cancelling.await.unwrap();
    assert!(was_cancelled);
    assert_eq!(stage.status(held.id).await, "cancelled");
    assert_eq!(stage.rows_left().await, Vec::<String>::new());
    assert!(!stage.park(&daemon, held, json!({"kind": "resume"}), None).await);
}
