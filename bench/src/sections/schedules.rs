//! `schedules`: very many schedules that are due in the same minute.
//! How: automations of a hundred accounts run every minute, and one daemon runs with nothing but defaults. From the full
//! minute to the commit of the last fire (its key tells, which nothing changes later), and to that of the last result.
//! The numbers say how late the last of them starts, and when all of it is over.

use std::time::Duration;

use async_trait::async_trait;
use end_to_end::{Account, Daemon};
use tokio_postgres::types::Json;

use super::{Findings, Section};
use crate::drain::finished;
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::stage::{Bench, Stage, daemon_options, now};

/// Who has them.
const ACCOUNTS: i32 = 100;
/// Later in a minute than this its end is not waited for: everything has to be ready by then.
const READY_BY: f64 = 45.0;

/// The section.
pub struct Schedules;

#[async_trait]
impl Section for Schedules {
    fn name(&self) -> &'static str {
        "schedules"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let count = bench.scale.schedules;
        let graph = flow::every_minute();
        for _ in 0..ACCOUNTS {
            let account = Account::new(&stage.database).await;
            let arguments = (count / ACCOUNTS, Json(graph.nodes()), Json(graph.edges()));
            let save = include_str!("../../sql/schedules.sql");
            stage
                .database
                .owner
                .execute(
                    save,
                    &[
                        &account.user,
                        &account.agent,
                        &arguments.0,
                        &arguments.1,
                        &arguments.2,
                    ],
                )
                .await
                .expect("save schedules");
        }
        stage.as_superuser("VACUUM ANALYZE automations.schedules").await;
        let mut daemon = Daemon::start_with(&stage.database, daemon_options()).await;
        let address = daemon.address().await;

        let mut minute = next_minute();
        if minute - now() < 60.0 - READY_BY {
            until(minute + 1.0).await;
            minute += 60.0;
        }
        // what was due while they were saved is forgotten
        let from_now_on = format!(
            "UPDATE automations.schedules SET next_at = to_timestamp({minute}), due_at = to_timestamp({minute})"
        );
        stage.as_superuser(&from_now_on).await;
        let already = stage
            .database
            .count("SELECT count(*) FROM automations.execution_keys")
            .await;
        let (mut fired, mut ended) = (Vec::new(), Vec::new());
        let mut done = i32::try_from(already).unwrap_or(0);
        for _ in 0..bench.rounds {
            until(minute).await;
            done += count;
            finished(address, done).await;
            let (last_fire, last_result) = stage.last_of(minute, count).await;
            fired.push(last_fire - minute);
            ended.push(last_result - minute);
            minute += 60.0;
        }
        daemon.stop().await;
        let measures = vec![
            Measure::new(format!("firing {count} of one minute"), "s", fired).goal(Goal::at_most(5.0)),
            Measure::new("until all of them have ended", "s", ended),
        ];
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

/// Seconds since 1970 of the next full minute.
fn next_minute() -> f64 {
    (now() / 60.0).floor() * 60.0 + 60.0
}

async fn until(moment: f64) {
    tokio::time::sleep(Duration::from_secs_f64((moment - now()).max(0.0))).await;
}

impl Stage {
    /// Seconds since 1970 of the last fire's and the last result's commit, of that minute.
    ///
    /// # Panics
    /// If there are not exactly so many.
    async fn last_of(&self, minute: f64, count: i32) -> (f64, f64) {
        let query = "SELECT count(*), max(extract(epoch FROM pg_xact_commit_timestamp(k.xmin)))::float8,
                max(extract(epoch FROM pg_xact_commit_timestamp(e.xmin)))::float8
            FROM automations.execution_keys k JOIN public.automation_executions e ON e.id = k.execution_id
            WHERE k.idempotency_key
                = 'schedule ' || to_char(to_timestamp($1) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
        let row = self
            .superuser
            .query_one(query, &[&minute])
            .await
            .expect("commit timestamps");
        assert_eq!(row.get::<_, i64>(0), i64::from(count), "fires of that minute");
        (row.get(1), row.get(2))
    }
}
