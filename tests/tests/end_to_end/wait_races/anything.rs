//! Sessions that do whatever may be done to parents and their children, all at once, in any order.

use std::sync::Arc;

use tokio_postgres::Client;
use uuid::Uuid;

use super::stage::{Held, Stage};

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
    assert_eq!(stage.rows_left().await, Vec::<String>::new());
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
