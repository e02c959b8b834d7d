//! `history`: whether a long history makes the present slower.
//! How: two databases, one with nothing in its history and one with very many finished executions of the last four weeks
//! (three steps each); in turns, no-op executions are drained in both, and single leads inserted by 16 clients.
//! The number is the rate with a history as part of the rate without one.

use async_trait::async_trait;

use super::{Findings, Section};
use crate::drain::drain;
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::pgbench::{self, Load};
use crate::stage::{Bench, Stage, daemon_options};

/// The section.
pub struct History;

const WEEKS: i32 = 4;

#[async_trait]
impl Section for History {
    fn name(&self) -> &'static str {
        "history"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stages = [Stage::fresh().await, Stage::fresh().await];
        for stage in &stages {
            stage
                .account
                .on_new_lead(&stage.database, "nothing", &flow::noop())
                .await;
        }
        for week in 0..WEEKS {
            // the week that runs has no past of its own: its rows would lie in the future
            stages[1]
                .history(bench.scale.history_rows / WEEKS, week + 1)
                .await;
        }
        let mut drains = [Vec::new(), Vec::new()];
        let mut inserts = [Vec::new(), Vec::new()];
        let count = bench.scale.short_drain;
        for _ in 0..bench.rounds {
            for (index, stage) in stages.iter().enumerate() {
                stage.empty_of_the_present().await;
                inserts[index].push(inserted(stage, bench).await);
                stage.empty_of_the_present().await;
                let drained = drain(stage, daemon_options(), count, || {
                    stage.leads(&stage.account, count)
                })
                .await;
                drains[index].push(drained.rate);
            }
        }
        let history = bench.scale.history_rows;
        let measures = vec![
            Measure::new(
                format!("drain with {history} finished executions"),
                "per s",
                drains[1].clone(),
            )
            .against("none", &drains[0])
            .goal(Goal::ratio_at_least(0.9)),
            Measure::new(
                format!("insert with {history} finished executions"),
                "rows/s",
                inserts[1].clone(),
            )
            .against("none", &inserts[0])
            .goal(Goal::ratio_at_least(0.9)),
        ];
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

async fn inserted(stage: &Stage, bench: &Bench) -> f64 {
    let load = Load {
        script: "insert_watched.sql",
        variables: vec![("account", stage.account.user.to_string())],
        clients: 16,
        seconds: bench.scale.load_seconds,
    };
    pgbench::run(stage, &load).await
}
