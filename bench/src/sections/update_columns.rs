//! `update_columns`: what watching costs an UPDATE of a column that no automation listens to.
//! How: pgbench updates `notes` of one of 10,000 leads at random, 1 client and 16, in the same table without capture, and
//! watched with an automation that wants changes of `status`.
//! The number is the part of the bare rate that is left.

use async_trait::async_trait;
use serde_json::json;

use super::{Findings, Section};
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::pgbench::{self, Load};
use crate::stage::{Bench, Stage};

/// The section.
pub struct UpdateColumns;

#[async_trait]
impl Section for UpdateColumns {
    fn name(&self) -> &'static str {
        "update_columns"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let wants = json!({"event_source": "lead", "event_type": "UPDATE", "columns": ["status"]});
        stage
            .account
            .automation(&stage.database, "status", "event", wants, &flow::noop())
            .await;
        let mut measures = Vec::new();
        for clients in [1, 16] {
            let (mut bare, mut ours) = (Vec::new(), Vec::new());
            for _ in 0..bench.rounds {
                bare.push(updates(&stage, bench, "update_bare.sql", clients).await);
                ours.push(updates(&stage, bench, "update_watched.sql", clients).await);
                let queued = stage
                    .database
                    .count("SELECT count(*) FROM automations.queue")
                    .await;
                assert_eq!(queued, 0, "nobody listens to that column");
            }
            let who = if clients == 1 {
                "1 client".to_owned()
            } else {
                format!("{clients} clients")
            };
            measures.push(
                Measure::new(who, "rows/s", ours)
                    .against("no capture", &bare)
                    .goal(Goal::ratio_at_least(0.93)),
            );
        }
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

/// The same leads in both tables.
async fn fill(stage: &Stage) {
    for table in ["bench.bare", "public.leads"] {
        let statement = include_str!("../../sql/numbered_leads.sql").replace("public.leads", table);
        stage
            .database
            .owner
            .execute(&statement, &[&stage.account.user])
            .await
            .expect("insert leads");
    }
    stage.as_superuser("ANALYZE bench.bare, public.leads").await;
}

async fn updates(stage: &Stage, bench: &Bench, script: &'static str, clients: u32) -> f64 {
    let load = Load {
        script,
        variables: Vec::new(),
        clients,
        seconds: bench.scale.load_seconds,
    };
    stage.empty().await; // whoever comes later would write beside the rows that the one before left behind
    fill(stage).await;
    pgbench::run(stage, &load).await
}
