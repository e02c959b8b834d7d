//! `insert_match`: what a matching automation costs the application's own insert.
//! How: pgbench inserts single leads, 1 client and 16, into the same table without a trigger, with a row trigger that
//! calls pg_notify with the row, and watched with one automation that wants every lead. Somebody listens to both channels;
//! no daemon works meanwhile.
//! The number is the part of the bare rate that is left. Least of all it can be one more small row for each lead.

use async_trait::async_trait;
use end_to_end::listener;

use super::{Findings, Section};
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::pgbench::{self, Load};
use crate::stage::{Bench, Stage};

/// The section.
pub struct InsertMatch;

#[async_trait]
impl Section for InsertMatch {
    fn name(&self) -> &'static str {
        "insert_match"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        stage
            .account
            .on_new_lead(&stage.database, "every lead", &flow::noop())
            .await;
        let _rows = listener::listen(&stage.database.name, "postgres", "bench_rows").await;
        let _wakes = listener::listen(&stage.database.name, "postgres", "automation_trigger").await;
        let mut measures = Vec::new();
        for (clients, goal) in [(1, 0.75), (16, 0.65)] {
            let (mut bare, mut notify, mut ours) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..bench.rounds {
                bare.push(inserts(&stage, bench, "insert_bare.sql", clients).await);
                notify.push(inserts(&stage, bench, "insert_row_notify.sql", clients).await);
                ours.push(inserts(&stage, bench, "insert_watched.sql", clients).await);
                must_be_queued(&stage).await;
            }
            let who = if clients == 1 {
                "1 client".to_owned()
            } else {
                format!("{clients} clients")
            };
            measures.push(
                Measure::new(format!("{who}, watched"), "rows/s", ours)
                    .against("no trigger", &bare)
                    .goal(Goal::ratio_at_least(goal)),
            );
            measures.push(
                Measure::new(format!("{who}, row trigger with pg_notify"), "rows/s", notify)
                    .against("no trigger", &bare),
            );
        }
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

async fn inserts(stage: &Stage, bench: &Bench, script: &'static str, clients: u32) -> f64 {
    let load = Load {
        script,
        variables: vec![("account", stage.account.user.to_string())],
        clients,
        seconds: bench.scale.load_seconds,
    };
    stage.empty().await; // whoever comes later would write to larger tables
    pgbench::run(stage, &load).await
}

/// A rate of inserts that queued nothing would be a good one.
async fn must_be_queued(stage: &Stage) {
    let query = "SELECT (SELECT count(*) FROM public.leads) - (SELECT count(*) FROM automations.queue)";
    assert_eq!(stage.database.count(query).await, 0, "leads that were not queued");
}
