//! `floor`: what this machine can do at all; the yardsticks of the other sections.
//! How: rows deleted in batches of 1,000 with SKIP LOCKED by two sessions; commits of one tiny record, one session and
//! sixteen; from the commit of a durable NOTIFY to its receipt by a listening session.
//! The numbers say how fast a queue could be emptied if nothing were done about its rows, how often this disk confirms a
//! commit, and what no wake-up can be quicker than.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use end_to_end::listener;

use super::{Findings, Section};
use crate::measure::Measure;
use crate::pgbench::{self, Load};
use crate::stage::{Bench, Stage, now};
use crate::stats::percentile;

/// The section.
pub struct Floor;

#[async_trait]
impl Section for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let (mut deletes, mut alone, mut together) = (Vec::new(), Vec::new(), Vec::new());
        let (mut usual, mut rare) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            deletes.push(delete_rate(&stage, bench.scale.floor_rows).await);
            alone.push(commits(&stage, 1, bench.scale.load_seconds).await);
            together.push(commits(&stage, 16, bench.scale.load_seconds).await);
            let receipts = notify_receipts(&stage, bench.scale.single_shots).await;
            usual.push(percentile(&receipts, 50.0));
            rare.push(percentile(&receipts, 99.0));
        }
        Findings {
            measures: vec![
                Measure::new("batched DELETE with SKIP LOCKED", "rows/s", deletes),
                Measure::new("bare commit, 1 client", "commits/s", alone),
                Measure::new("bare commit, 16 clients", "commits/s", together),
                Measure::new("commit to receipt of a NOTIFY, p50", "ms", usual),
                Measure::new("commit to receipt of a NOTIFY, p99", "ms", rare),
            ],
            notes: Vec::new(),
        }
    }
}

/// Rows per second that two sessions delete in batches.
pub async fn delete_rate(stage: &Stage, rows: i32) -> f64 {
    stage.as_superuser("TRUNCATE bench.jobs").await;
    let fill = "INSERT INTO bench.jobs SELECT n, repeat('x', 100) FROM generate_series(1, $1::integer) AS n";
    stage
        .database
        .owner
        .execute(fill, &[&rows])
        .await
        .expect("fill the jobs");
    let sessions = [
        stage.database.another_session().await,
        stage.database.another_session().await,
    ];
    let began = Instant::now();
    let deleting = sessions.map(|session| {
        tokio::spawn(async move {
            let statement = session
                .prepare(include_str!("../../sql/delete_batch.sql"))
                .await
                .expect("prepare the delete");
            let mut deleted = 0;
            loop {
                match session.execute(&statement, &[]).await.expect("delete a batch") {
                    0 => return deleted,
                    some => deleted += some,
                }
            }
        })
    });
    let mut deleted = 0;
    for one in deleting {
        deleted += one.await.expect("a deleting session");
    }
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(deleted, u64::from(rows.unsigned_abs()), "rows deleted");
    f64::from(rows) / seconds
}

/// Commits per second of nothing but a record in the log.
pub async fn commits(stage: &Stage, clients: u32, seconds: u32) -> f64 {
    let load = Load {
        script: "commit.sql",
        variables: Vec::new(),
        clients,
        seconds,
    };
    pgbench::run(stage, &load).await
}

/// Milliseconds from the commit of a durable transaction that notifies to the receipt, one by one.
pub async fn notify_receipts(stage: &Stage, count: u32) -> Vec<f64> {
    let mut ear = listener::listen(&stage.database.name, "postgres", "bench_floor").await;
    let session = &stage.superuser;
    let notify = "SELECT pg_logical_emit_message(true, 'bench', ''), pg_notify('bench_floor', ''),
        pg_current_xact_id()::text";
    let committed = "SELECT extract(epoch FROM pg_xact_commit_timestamp($1::text::xid))::float8";
    let notify = session.prepare(notify).await.expect("prepare the notification");
    let committed = session.prepare(committed).await.expect("prepare the question");
    let mut receipts = Vec::new();
    for _ in 0..count {
        let sent = session.query_one(&notify, &[]);
        let heard = async {
            ear.heard.recv().await.expect("a notification");
            now()
        };
        let (sent, heard) = tokio::join!(sent, heard);
        let transaction: String = sent.expect("notify").get(2);
        let at: f64 = session
            .query_one(&committed, &[&transaction])
            .await
            .expect("its commit")
            .get(0);
        receipts.push((heard - at) * 1000.0);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    receipts
}
