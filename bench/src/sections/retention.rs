//! `retention`: how old executions go.
//! How: a week of history that has passed its limit, three steps for each execution; cleanup_old_executions() and then
//! maintain() until nothing is left to do. As yardstick the obvious DELETE of as many rows by their age, from a table
//! with the same columns and indexes.
//! The numbers are the seconds that it takes and how much of the disk that the week took is free afterwards.

use std::time::Instant;

use async_trait::async_trait;

use super::{Findings, Section};
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::stage::{Bench, Stage};

/// The section.
pub struct Retention;

/// More than the 30 days that completed executions are kept, and a whole week over.
const WEEKS_AGO: i32 = 6;

#[async_trait]
impl Section for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        stage
            .account
            .on_new_lead(&stage.database, "nothing", &flow::noop())
            .await;
        let rows = bench.scale.retention_rows;
        let (mut ours, mut freed, mut deletes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let empty = size(&stage).await;
            stage.history(rows, WEEKS_AGO).await;
            let full = size(&stage).await;
            stage
                .as_superuser(include_str!("../../sql/plain_history.sql"))
                .await;
            let began = Instant::now();
            stage
                .as_superuser("DELETE FROM bench.plain_history WHERE started_at < now() - interval '30 days'")
                .await;
            deletes.push(began.elapsed().as_secs_f64());
            stage.as_superuser("DROP TABLE bench.plain_history").await;

            let began = Instant::now();
            let gone: i32 = stage
                .database
                .value("SELECT public.cleanup_old_executions()", &[])
                .await;
            while stage
                .database
                .value::<i32>("SELECT automations.maintain()", &[])
                .await
                > 0
            {}
            ours.push(began.elapsed().as_secs_f64());
            assert_eq!(gone, rows, "executions that went");
            freed.push((full - size(&stage).await) / (full - empty) * 100.0);
        }
        let measures = vec![
            Measure::new(format!("{rows} executions"), "s", ours)
                .against("DELETE by age", &deletes)
                .goal(Goal::at_most(2.0)),
            Measure::new("disk given back", "% of what they took", freed).goal(Goal::at_least(99.0)),
        ];
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

/// Bytes of the history.
async fn size(stage: &Stage) -> f64 {
    let query = "SELECT coalesce(sum(pg_total_relation_size(t.relid)), 0)::float8
        FROM (SELECT relid FROM pg_partition_tree('public.automation_executions')
              UNION ALL SELECT relid FROM pg_partition_tree('automations.steps')) t";
    stage.database.value(query, &[]).await
}
