//! `drain_noop`: how fast executions go through of which nothing is asked but to be recorded.
//! How: leads are inserted while the daemon stands still; then it is let go until the last execution (trigger, stop) is
//! committed with its result, its steps and its statistics. Before each round the floor: as many bare rows deleted in
//! batches.
//! The number says what the machinery costs by itself; with it come the bytes of log and the row versions of each
//! execution, which are what cannot be had faster without being fewer.

use async_trait::async_trait;

use super::{Findings, Section, floor};
use crate::drain::drain;
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::stage::{Bench, Stage, daemon_options};

/// The section.
pub struct DrainNoop;

#[async_trait]
impl Section for DrainNoop {
    fn name(&self) -> &'static str {
        "drain_noop"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let count = bench.scale.drain_noop;
        stage
            .account
            .on_new_lead(&stage.database, "nothing", &flow::noop())
            .await;
        let (mut deletes, mut rates, mut wal) = (Vec::new(), Vec::new(), Vec::new());
        let mut notes = Vec::new();
        for _ in 0..bench.rounds {
            stage.empty().await;
            deletes.push(floor::delete_rate(&stage, bench.scale.floor_rows).await);
            let drained = drain(&stage, daemon_options(), count, || {
                stage.leads(&stage.account, count)
            })
            .await;
            rates.push(drained.rate);
            wal.push(drained.wal_bytes);
            notes = drained.described();
        }
        let measures = vec![
            Measure::new(format!("{count} executions"), "per s", rates)
                .against("floor, rows deleted", &deletes)
                .goal(Goal::ratio_at_least(0.15))
                .goal(Goal::at_least(18_000.0)),
            Measure::new("WAL of an execution", "bytes", wal),
        ];
        Findings { measures, notes }
    }
}
