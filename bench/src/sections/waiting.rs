//! `waiting`: what executions cost that only wait.
//! How: a daemon runs a flow that waits a day, for very many leads, until all are parked. Its memory before and after;
//! the statements that it sends in a while in which nothing happens; then, beside them, 1,000 that are all due at the same
//! moment, from that moment to the commit of the last of their results.
//! The numbers say whether waiting is free (memory: the same; statements: those of an idle daemon) and how long waking
//! takes.

use std::time::Duration;

use async_trait::async_trait;
use end_to_end::{Daemon, waiting};

use super::{Findings, Section};
use crate::drain::finished;
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::process;
use crate::stage::{Bench, Stage, daemon_options, now};

/// The section.
pub struct Waiting;

#[async_trait]
impl Section for Waiting {
    fn name(&self) -> &'static str {
        "waiting"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        stage
            .account
            .on_new_lead(&stage.database, "tomorrow", &flow::waits())
            .await;
        let nothing = end_to_end::Account::new(&stage.database).await;
        nothing
            .on_new_lead(&stage.database, "nothing", &flow::noop())
            .await;
        stage.log_statements().await;
        let mut daemon = Daemon::start_with(&stage.database, daemon_options()).await;
        let (pid, address) = (daemon.pid(), daemon.address().await);

        // As warm as it gets without anything that waits: the same number of executions that end.
        let parked = bench.scale.parked;
        let warm = parked.min(5_000);
        stage.leads(&nothing, warm).await;
        finished(address, warm).await;
        let idle = statements_per_minute(&stage, bench).await;
        let before = process::memory_kib(pid, "VmRSS") / 1024.0;

        let began = now();
        stage.leads(&stage.account, parked).await;
        are_parked(&stage, parked).await;
        let parking = f64::from(parked) / (now() - began);
        let while_waiting = statements_per_minute(&stage, bench).await;
        let after = process::memory_kib(pid, "VmRSS") / 1024.0;

        let woken = bench.scale.woken;
        let mut waking = Vec::new();
        let mut done = warm;
        for _ in 0..bench.rounds {
            let due = now() + bench.scale.wake_after;
            stage
                .database
                .owner
                .execute(
                    include_str!("../../sql/insert_due.sql"),
                    &[&stage.account.user, &woken, &due],
                )
                .await
                .expect("insert leads that are due");
            are_parked(&stage, parked + woken).await;
            done += woken;
            finished(address, done).await;
            waking.push(stage.last_completed().await - due);
        }
        daemon.stop().await;
        let measures = vec![
            Measure::new(format!("memory with {parked} parked"), "MiB", vec![after])
                .against("none parked", &[before]),
            Measure::new("statements with none parked", "per min", vec![idle]),
            // the window may hold one look at the queue more, or less
            Measure::new(
                "further ones while they wait",
                "per min",
                vec![while_waiting - idle],
            )
            .goal(Goal::at_most(5.0 * 60.0 / f64::from(bench.scale.idle_seconds))),
            Measure::new(format!("waking {woken}"), "s", waking).goal(Goal::at_most(1.0)),
            Measure::new("parking", "per s", vec![parking]),
        ];
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

/// Waits until so many executions are parked.
async fn are_parked(stage: &Stage, count: i32) {
    let query = "SELECT count(*) FROM automations.parked";
    waiting::until_within(waiting::DEADLINE * 20, "all executions to be parked", || async {
        // seldom, because each look counts all of them
        tokio::time::sleep(Duration::from_millis(200)).await;
        (stage.database.count(query).await == i64::from(count)).then_some(())
    })
    .await;
}

/// Statements that the daemon sends while nothing happens.
async fn statements_per_minute(stage: &Stage, bench: &Bench) -> f64 {
    stage.statements_in(bench.scale.idle_seconds).await * 60.0 / f64::from(bench.scale.idle_seconds)
}

impl Stage {
    /// Seconds since 1970 of the last result's commit.
    async fn last_completed(&self) -> f64 {
        let query = "SELECT max(extract(epoch FROM pg_xact_commit_timestamp(e.xmin)))::float8
            FROM public.automation_executions e WHERE e.status = 'completed'";
        self.superuser
            .query_one(query, &[])
            .await
            .expect("commit timestamps")
            .get(0)
    }
}
