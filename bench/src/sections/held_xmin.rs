//! `held_xmin`: whether a transaction that somebody forgot makes the queue slower.
//! How: two databases. In one a session opens a transaction with a snapshot and leaves it open, and then very many
//! executions run, whose dead row versions cannot be taken away any more. In turns, no-op executions are drained in both.
//! The number is the rate beside the open transaction as part of the rate without one. A claim that reads past dead
//! rows falls to a few percent.

use async_trait::async_trait;

use super::{Findings, Section};
use crate::drain::drain;
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::stage::{Bench, Stage, daemon_options};

/// The section.
pub struct HeldXmin;

#[async_trait]
impl Section for HeldXmin {
    fn name(&self) -> &'static str {
        "held_xmin"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let (quiet, held) = (Stage::fresh().await, Stage::fresh().await);
        for stage in [&quiet, &held] {
            stage
                .account
                .on_new_lead(&stage.database, "nothing", &flow::noop())
                .await;
        }
        let forgotten = held.database.another_session().await;
        forgotten
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.leads")
            .await
            .expect("open a transaction");
        let mut since = bench.scale.held_rows;
        drain(&held, daemon_options(), since, || {
            held.leads(&held.account, since)
        })
        .await;

        let count = bench.scale.short_drain;
        let (mut without, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            quiet.empty().await;
            let drained = drain(&quiet, daemon_options(), count, || {
                quiet.leads(&quiet.account, count)
            })
            .await;
            without.push(drained.rate);
            let drained = drain(&held, daemon_options(), count, || {
                held.leads(&held.account, count)
            })
            .await;
            beside.push(drained.rate);
            since += count;
        }
        forgotten
            .batch_execute("ROLLBACK")
            .await
            .expect("end the transaction");
        let measures = vec![
            Measure::new(
                format!(
                    "drain beside a transaction open for {} executions",
                    bench.scale.held_rows
                ),
                "per s",
                beside,
            )
            .against("none open", &without)
            .goal(Goal::ratio_at_least(0.7)),
        ];
        let notes = vec![format!(
            "at the end the transaction had been open for {since} executions"
        )];
        Findings { measures, notes }
    }
}
