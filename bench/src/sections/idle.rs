//! `idle`: what a daemon costs that has nothing to do, and how soon it is of use.
//! How: resident memory, processor time and statements in a while in which nothing happens, after a hundred executions;
//! then, with one execution pending, from the start of the process to the commit of its result.
//! The numbers are what every further daemon costs, and how long a restart is felt.

use std::time::Duration;

use async_trait::async_trait;
use end_to_end::Daemon;

use super::{Findings, Section};
use crate::drain::finished;
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::process;
use crate::stage::{Bench, Stage, daemon_options, now};

/// The section.
pub struct Idle;

#[async_trait]
impl Section for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        stage
            .account
            .on_new_lead(&stage.database, "nothing", &flow::noop())
            .await;
        stage.log_statements().await;
        let mut daemon = Daemon::start_with(&stage.database, daemon_options()).await;
        let fresh = process::memory_kib(daemon.pid(), "VmRSS") / 1024.0;
        stage.leads(&stage.account, 100).await;
        finished(daemon.address().await, 100).await;
        let seconds = bench.scale.idle_seconds;
        // What the start and the work left to do.
        tokio::time::sleep(Duration::from_secs(u64::from(seconds.min(3)))).await;
        let busy = process::cpu_seconds(daemon.pid());
        let statements = stage.statements_in(seconds).await * 60.0 / f64::from(seconds);
        let busy = (process::cpu_seconds(daemon.pid()) - busy) / f64::from(seconds) * 100.0;
        let used = process::memory_kib(daemon.pid(), "VmRSS") / 1024.0;
        daemon.stop().await;

        let mut starts = Vec::new();
        for _ in 0..bench.rounds.max(5) {
            stage.empty().await;
            stage.leads(&stage.account, 1).await;
            let began = now();
            let mut daemon = Daemon::spawn(&stage.database.name, daemon_options());
            finished(daemon.address().await, 1).await;
            starts.push((stage.completed_since(0.0).await.1 - began) * 1000.0);
            daemon.stop().await;
        }
        let measures = vec![
            Measure::new("memory after 100 executions", "MiB", vec![used]).goal(Goal::at_most(10.0)),
            Measure::new("memory when it is ready", "MiB", vec![fresh]),
            Measure::new("processor", "% of one", vec![busy]).goal(Goal::at_most(0.1)),
            Measure::new("statements", "per min", vec![statements]).goal(Goal::at_most(15.0)),
            Measure::new("start to first result", "ms", starts).goal(Goal::at_most(60.0)),
        ];
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

impl Stage {
    /// Lets the server log each statement of daemons that start from now on.
    pub async fn log_statements(&self) {
        let setting = format!(
            "ALTER ROLE {} IN DATABASE {} SET log_statement = 'all'",
            end_to_end::template::DAEMON,
            self.database.name
        );
        self.as_superuser(&setting).await;
    }

    /// How many statements the daemon sends in so many seconds, by the server's log.
    pub async fn statements_in(&self, seconds: u32) -> f64 {
        let who = format!(" {} {} LOG: ", self.database.name, end_to_end::template::DAEMON);
        let logged = || {
            let log =
                std::fs::read(end_to_end::cluster::folder().join("server.log")).expect("the server's log");
            let log = String::from_utf8_lossy(&log);
            log.lines().filter(|line| line.contains(&who)).count()
        };
        let before = logged();
        tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
        (logged() - before) as f64
    }
}
