//! Draining the queue: everything is pending, then a warm daemon is let go. From that moment to the commit of the last
//! result, by the server's commit timestamps; and what the server wrote for it.

use std::future::Future;
use std::time::{Duration, Instant};

use end_to_end::{Daemon, DaemonOptions, http};

use crate::stage::{Stage, now};

/// What draining took.
pub struct Drained {
    /// Executions per second.
    pub rate: f64,
    /// Bytes of write-ahead log for each execution.
    pub wal_bytes: f64,
    /// Row versions for each execution, table by table.
    pub versions: Vec<Versions>,
}

/// Row versions that a table got for each execution.
pub struct Versions {
    table: String,
    inserted: f64,
    updated: f64,
    updated_hot: f64,
    deleted: f64,
}

/// Executions that run before anything is measured: plans, connections and caches are there then.
pub const WARM: i32 = 100;

/// How long nothing may end before a drain is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets a daemon do what `fill` makes pending, `count` executions, and checks that all completed. Between filling and
/// draining nothing runs: the daemon is stopped by SIGSTOP, so that its start is not measured.
pub async fn drain<F: Future<Output = ()>>(
    stage: &Stage,
    options: DaemonOptions,
    count: i32,
    fill: impl FnOnce() -> F,
) -> Drained {
    let before = Counters::read(stage).await;
    let since = now();
    let mut daemon = warm(stage, options).await;
    daemon.signal("STOP").await;
    fill().await;
    let position = stage.wal_position().await;
    let began = now();
    daemon.signal("CONT").await;
    let ended = end(stage, &mut daemon, since, WARM + count).await;
    let wal_bytes = stage.wal_since(&position).await / f64::from(count);
    let rate = f64::from(count) / (ended - began);
    let versions = before.versions_since(stage, daemon, WARM + count).await;
    Drained {
        rate,
        wal_bytes,
        versions,
    }
}

/// As [`drain`], but the daemon runs while it comes in, and time runs from the beginning of that.
pub async fn drain_running<F: Future<Output = ()>>(
    stage: &Stage,
    options: DaemonOptions,
    count: i32,
    fill: impl FnOnce() -> F,
) -> Drained {
    let before = Counters::read(stage).await;
    let since = now();
    let mut daemon = warm(stage, options).await;
    let position = stage.wal_position().await;
    let began = now();
    fill().await;
    let ended = end(stage, &mut daemon, since, WARM + count).await;
    let wal_bytes = stage.wal_since(&position).await / f64::from(count);
    let rate = f64::from(count) / (ended - began);
    let versions = before.versions_since(stage, daemon, WARM + count).await;
    Drained {
        rate,
        wal_bytes,
        versions,
    }
}

async fn warm(stage: &Stage, options: DaemonOptions) -> Daemon {
    let mut daemon = Daemon::start_with(&stage.database, options).await;
    let address = daemon.address().await;
    stage.leads(&stage.account, WARM).await;
    finished(address, WARM).await;
    daemon
}

/// When the last of them was committed.
///
/// # Panics
/// If not exactly so many completed, or something is left.
async fn end(stage: &Stage, daemon: &mut Daemon, since: f64, count: i32) -> f64 {
    finished(daemon.address().await, count).await;
    let (completed, ended) = stage.completed_since(since).await;
    assert_eq!(completed, i64::from(count), "executions that completed");
    let left = stage
        .database
        .count("SELECT count(*) FROM automations.queue")
        .await;
    assert_eq!(left, 0, "rows left in the queue");
    ended
}

/// Waits until a daemon has finished so many executions, by its own count, which costs the server nothing.
///
/// # Panics
/// When it gets no further.
pub async fn finished(address: std::net::SocketAddr, count: i32) {
    let (mut last, mut moved) = (0.0, Instant::now());
    loop {
        let metrics = http::get(address, "/metrics").await.expect("its metrics").body;
        let done: f64 = metrics
            .lines()
            .filter(|line| line.starts_with("automationd_executions_finished_total{"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        if done >= f64::from(count) {
            return;
        }
        if done > last {
            (last, moved) = (done, Instant::now());
        }
        assert!(
            moved.elapsed() < PATIENCE,
            "stuck after {done} of {count} executions"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Stage {
    /// Where the log is.
    pub async fn wal_position(&self) -> String {
        let query = "SELECT pg_current_wal_insert_lsn()::text";
        self.superuser
            .query_one(query, &[])
            .await
            .expect("a position")
            .get(0)
    }

    /// Bytes of log since a position.
    pub async fn wal_since(&self, position: &str) -> f64 {
        let query = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::float8";
        self.superuser
            .query_one(query, &[&position])
            .await
            .expect("a difference")
            .get(0)
    }
}

/// Row versions so far, table by table.
struct Counters(Vec<(String, [i64; 4])>);

impl Counters {
    async fn read(stage: &Stage) -> Counters {
        // Sessions hand in their counts now and then, and at the latest when they end.
        let flush = "SELECT pg_stat_force_next_flush()";
        for session in [&stage.database.owner, &stage.superuser] {
            // PostgreSQL 14 has no such function
            let _ = session.batch_execute(flush).await;
        }
        let rows = stage
            .superuser
            .query(include_str!("../sql/row_versions.sql"), &[])
            .await;
        let of_row =
            |row: &tokio_postgres::Row| (row.get(0), [1, 2, 3, 4].map(|index: usize| row.get(index)));
        Counters(rows.expect("the tables' counters").iter().map(of_row).collect())
    }

    /// For each of so many executions: all that a daemon has done. It is stopped for that.
    async fn versions_since(self, stage: &Stage, daemon: Daemon, count: i32) -> Vec<Versions> {
        daemon.stop().await;
        let after = Counters::read(stage).await;
        let difference = |(table, counts): (String, [i64; 4])| {
            let old = self.0.iter().find(|(name, _)| *name == table);
            let old = old.map_or([0; 4], |(_, counts)| *counts);
            let [inserted, updated, updated_hot, deleted] =
                std::array::from_fn(|index| (counts[index] - old[index]) as f64 / f64::from(count));
            Versions {
                table,
                inserted,
                updated,
                updated_hot,
                deleted,
            }
        };
        let all = after.0.into_iter().map(difference);
        all.filter(|table| table.inserted + table.updated + table.deleted > 0.001)
            .collect()
    }
}

impl Drained {
    /// For the notes of a section.
    pub fn described(&self) -> Vec<String> {
        let mut lines = vec![format!("for each execution: {:.0} bytes of WAL", self.wal_bytes)];
        lines.extend(self.versions.iter().map(|table| {
            format!(
                "for each execution: {} {:.2} inserted, {:.2} updated ({:.2} HOT), {:.2} deleted",
                table.table, table.inserted, table.updated, table.updated_hot, table.deleted
            )
        }));
        lines
    }
}
