//! `latency`: how long after its commit a single lead is dealt with, when little is going on.
//! How: 50 inserts a second, the flow of `drain_flow`; from the commit of the insert to the beginning of the first node
//! after the trigger, to the request that it sends, to the commit that updates the lead and to the commit of the result.
//! Before each round, as yardstick, from the commit of a bare NOTIFY to its receipt.
//! The numbers are milliseconds; no update can be quicker than a receipt, a claim, a POST and a commit one after another.

use std::time::Duration;

use async_trait::async_trait;
use end_to_end::Daemon;

use super::{Findings, Section, floor};
use crate::flow;
use crate::latencies::{self, Latencies};
use crate::measure::{Goal, Measure};
use crate::receiver::FastReceiver;
use crate::stage::{Bench, Stage, daemon_options};
use crate::stats::percentile;

/// The section.
pub struct Latency;

/// Fifty a second.
const PAUSE: Duration = Duration::from_millis(20);

/// What is timed, how it is called, and the bounds of p50 and p99.
type Timed = (
    &'static str,
    fn(&Latencies) -> &Vec<f64>,
    Option<f64>,
    Option<f64>,
);

const TIMED: &[Timed] = &[
    ("first node", |all| &all.first_node, None, None),
    ("request sent", |all| &all.requested, None, None),
    ("lead updated", |all| &all.updated, Some(3.0), Some(9.0)),
    ("completed", |all| &all.completed, Some(3.5), None),
];

#[async_trait]
impl Section for Latency {
    fn name(&self) -> &'static str {
        "latency"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let receiver = FastReceiver::start().await;
        let graph = flow::ordinary(&receiver);
        stage
            .account
            .on_new_lead(&stage.database, "ordinary", &graph)
            .await;
        let options = daemon_options().flag("--allow-hosts", &receiver.host);
        let daemon = Daemon::start_with(&stage.database, options).await;
        let warm = latencies::insert(&stage, &stage.account, 50, PAUSE).await;
        latencies::of(&stage, &warm, || receiver.arrivals()).await;

        let (mut usual, mut rare, mut rounds) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let receipts = floor::notify_receipts(&stage, bench.scale.single_shots).await;
            usual.push(percentile(&receipts, 50.0));
            rare.push(percentile(&receipts, 99.0));
            let count = bench.scale.latency_seconds * 50;
            let inserted = latencies::insert(&stage, &stage.account, count, PAUSE).await;
            rounds.push(latencies::of(&stage, &inserted, || receiver.arrivals()).await);
        }
        daemon.stop().await;

        let mut measures = Vec::new();
        for (name, series, p50, p99) in TIMED {
            for (percent, yardstick, bound) in [(50, &usual, *p50), (95, &rare, None), (99, &rare, *p99)] {
                let values = rounds
                    .iter()
                    .map(|all| percentile(series(all), f64::from(percent)));
                let mut measure = Measure::new(format!("{name}, p{percent}"), "ms", values.collect());
                if percent != 95 {
                    measure = measure.against(format!("NOTIFY receipt, p{percent}"), yardstick);
                }
                measures.push(match bound {
                    Some(bound) => measure.goal(Goal::at_most(bound)),
                    None => measure,
                });
            }
        }
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}
