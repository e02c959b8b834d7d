//! What may come at once for a step that waits: a resume, a timeout, an event, the end of another execution, a cancel,
//! and the daemon that parks it. Sessions call the SQL functions as a daemon would; the database alone decides, nothing
//! that came is slept past, and nobody waits for somebody's open transaction.

use std::sync::Arc;

use end_to_end::{Account, Database, Graph, waiting};
use flow::{ResumeSecret, ResumeToken, TokenKind};
use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::types::Json;
use uuid::Uuid;

/// An account whose one automation is run by hand, by sessions of the owner that play the daemon.
struct Stage {
    database: Database,
    account: Account,
    automation: Uuid,
    secret: ResumeSecret,
}

/// An execution that a session has in hand, and the step of it that waits.
#[derive(Clone, Copy)]
struct Held {
    id: Uuid,
    token: Uuid,
    step: Uuid,
}

impl Stage {
    async fn set() -> Stage {
        let database = Database::fresh().await;
        let account = Account::new(&database).await;
        let automation = account
            .manual(&database, "waits", &Graph::from("trigger-manual"))
            .await;
        let secret: String = database.value("SELECT automations.token_secret()", &[]).await;
        Stage {
            database,
            account,
            automation,
            secret: ResumeSecret::from_hex(&secret).unwrap(),
        }
    }

    /// A new execution, claimed.
    async fn held(&self) -> Held {
        let id: Uuid = self
            .database
            .value("SELECT automations.run($1)", &[&self.automation])
            .await;
        self.claimed(&self.database.owner, id).await
    }

    /// Claims this execution, as soon as that is possible.
    async fn claimed(&self, session: &Client, id: Uuid) -> Held {
        let token = Uuid::now_v7();
        waiting::until("the claim", || async {
            let rows = session
                .query(
                    "SELECT id FROM automations.claim($1, 100, 600000) WHERE id = $2",
                    &[&token, &id],
                )
                .await
                .unwrap();
            (!rows.is_empty()).then_some(())
        })
        .await;
        let step = Uuid::new_v5(&id, b"step");
        Held { id, token, step }
    }

    async fn park(&self, session: &Client, held: Held, wait: Value, wake_in_ms: Option<i64>) -> bool {
        let step = json!([{"node_id": "w", "run": 1, "status": "parked", "idempotency_key": held.step,
            "wait": wait, "wake_in_ms": wake_in_ms}]);
        let row = session
            .query_one(
                "SELECT automations.park($1, $2, $3, $4, $5, '[]', '{}')",
                &[
                    &self.account.user,
                    &held.id,
                    &held.token,
                    &wake_in_ms,
                    &Json(step),
                ],
            )
            .await
            .unwrap();
        row.get(0)
    }

    async fn waited(&self, session: &Client, held: Held) -> Vec<String> {
        let rows = session
            .query(
                "SELECT came FROM automations.waited($1, $2, $3)",
                &[&self.account.user, &held.id, &held.token],
            )
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn finish(&self, session: &Client, held: Held) -> Result<i64, tokio_postgres::Error> {
        let row = session
            .query_one(
                "SELECT count(*) FROM automations.finish(ARRAY[$1::uuid], ARRAY[$2::uuid], ARRAY[$3::uuid],
                     '[{\"status\": \"completed\"}]')",
                &[&self.account.user, &held.id, &held.token],
            )
            .await?;
        Ok(row.get(0))
    }

    fn token(&self, held: Held) -> String {
        let token = ResumeToken {
            kind: TokenKind::Wait,
            execution: held.id,
            step: held.step,
        };
        token.sign(&self.secret)
    }

    /// Starts a child that the step waits for.
    async fn child(&self, session: &Client, held: Held) -> Uuid {
        let row = session
            .query_one(
                "SELECT child_id FROM automations.start_child($1, $2, $3, $4, $5, '{}', true)",
                &[
                    &self.account.user,
                    &held.id,
                    &held.token,
                    &held.step,
                    &self.automation,
                ],
            )
            .await
            .unwrap();
        row.get(0)
    }

    async fn status(&self, id: Uuid) -> String {
        self.database
            .value(
                "SELECT status FROM public.automation_executions WHERE id = $1",
                &[&id],
            )
            .await
    }

    /// Rows that are left of what waits or runs.
    async fn rows_left(&self) -> i64 {
        self.database
            .count(
                "SELECT (SELECT count(*) FROM automations.waits) + (SELECT count(*) FROM automations.parked)
                      + (SELECT count(*) FROM automations.queue)",
            )
            .await
    }

    async fn unpark(&self) {
        self.database.run("SELECT automations.unpark(1000)").await;
    }
}

async fn resume(session: &Client, token: &str) -> bool {
    let row = session
        .query_one("SELECT automations.resume($1)", &[&token])
        .await;
    row.unwrap().get(0)
}

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
    assert_eq!(stage.rows_left().await, 0);
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
    assert_eq!(stage.rows_left().await, 0);
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
        assert_eq!(stage.rows_left().await, 0);
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
    assert_eq!(stage.rows_left().await, 0);
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
    assert_eq!(stage.rows_left().await, 0);

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
    assert_eq!(stage.rows_left().await, 0);
}

#[tokio::test]
async fn sessions_that_do_anything_at_once_never_lock_each_other_out() {
    let stage = Arc::new(Stage::set().await);
    let mut families = Vec::new();
    for _ in 0..24 {
        let parent = stage.held().await;
        let child = stage.child(&stage.database.owner, parent).await;
        families.push((parent, child));
    }
    let families = Arc::new(families);
    let mut sessions = tokio::task::JoinSet::new();
    for seed in 1..=6_u64 {
        let (stage, families) = (stage.clone(), families.clone());
        sessions.spawn(async move {
            let session = stage.database.another_session().await;
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut resumed = 0;
            for _ in 0..150 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let (parent, child) = families[usize::try_from(random % 24).unwrap()];
                resumed += i32::from(one(&stage, &session, random >> 8, parent, child).await);
            }
            resumed
        });
    }
    let mut resumed = 0;
    while let Some(session) = sessions.join_next().await {
        resumed += session.unwrap();
    }
    assert!(resumed <= 24, "a token worked twice");
    for (parent, child) in families.iter() {
        for id in [parent.id, *child] {
            stage
                .database
                .value::<bool>("SELECT automations.cancel_execution($1)", &[&id])
                .await;
        }
    }
    stage.unpark().await;
    stage
        .database
        .run("SELECT automations.rescue(); SELECT automations.claim(gen_random_uuid(), 100, 1000)")
        .await;
    assert_eq!(stage.rows_left().await, 0);
}

/// One thing that may happen at any time; true when it resumed something.
async fn one(stage: &Stage, session: &Client, dice: u64, parent: Held, child: Uuid) -> bool {
    let ids = if dice & 16 == 0 { parent.id } else { child };
    let done = match dice % 9 {
        0 => session
            .query_one("SELECT automations.resume($1)", &[&stage.token(parent)])
            .await
            .map(|row| row.get(0)),
        1 if dice & 0x300 == 0 => session
            .execute("SELECT automations.cancel_execution($1)", &[&ids])
            .await
            .map(|_| false),
        2 | 3 => session
            .execute("SELECT automations.claim($1, 4, 600000)", &[&Uuid::from_u64_pair(7, dice % 3)])
            .await
            .map(|_| false),
        4 => session
            .execute(
                "SELECT automations.park(q.account_id, q.id, q.lease_token, 5, jsonb_build_array(jsonb_build_object(
                     'node_id', 'w', 'run', 1, 'status', 'parked', 'idempotency_key', $2::uuid,
                     'wait', jsonb_build_object('kind', CASE WHEN $3 THEN 'resume' ELSE 'event' END, 'event', 'paid'))),
                     '[]', '{}') FROM automations.queue q WHERE q.id = $1 AND q.lease_token IS NOT NULL",
                &[&ids, &Uuid::new_v5(&ids, b"step"), &(dice & 32 == 0)],
            )
            .await
            .map(|_| false),
        5 => session
            .execute(
                "SELECT automations.waited(q.account_id, q.id, q.lease_token) FROM automations.queue q WHERE q.id = $1",
                &[&ids],
            )
            .await
            .map(|_| false),
        6 => session
            .batch_execute("SELECT automations.unpark(4); SELECT automations.deliver_events(4); SELECT automations.rescue()")
            .await
            .map(|()| false),
        7 => session
            .execute("SELECT automations.emit('paid', account_id => $1)", &[&stage.account.user])
            .await
            .map(|_| false),
        _ if dice & 0x300 == 0 => session
            .execute(
                "SELECT automations.finish(array_agg(q.account_id), array_agg(q.id), array_agg(q.lease_token),
                     jsonb_agg('{\"status\": \"completed\"}'::jsonb))
                   FROM automations.queue q WHERE q.id IN ($1, $2) AND q.lease_token IS NOT NULL HAVING count(*) > 0",
                &[&parent.id, &child],
            )
            .await
            .map(|_| false),
        _ => Ok(false),
    };
    match done {
        Ok(resumed) => resumed,
        Err(error) => {
            let code = error.code().map(|code| code.code().to_owned());
            // somebody else is at it: a daemon tries again
            assert_eq!(code.as_deref(), Some("55P03"), "{error:?}");
            false
        }
    }
}
