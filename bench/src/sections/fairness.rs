//! `fairness`: whether one account's flood delays another account's single execution.
//! How: two databases, each with an account whose single leads start a no-op execution, 20 a second; in one of them another
//! account has 100,000 executions pending, filled up every five seconds. In turns, each with a daemon of its own, the time from the
//! commit of the lead to the commit of the result.
//! The number is p99 beside the flood, and how many times that of the idle one it is.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use end_to_end::{Account, Daemon};

use super::{Findings, Section};
use crate::flow;
use crate::latencies;
use crate::measure::{Goal, Measure};
use crate::stage::{Bench, Stage, daemon_options};
use crate::stats::percentile;

/// The section.
pub struct Fairness;

const PAUSE: Duration = Duration::from_millis(50);

/// So many are timed between two looks at whether the flood is to be filled up.
const PORTION: u32 = 100;

/// The other account's executions.
struct Flood<'a> {
    account: &'a Account,
    pending: i32,
}

#[async_trait]
impl Section for Fairness {
    fn name(&self) -> &'static str {
        "fairness"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let (idle, flooded) = (Stage::fresh().await, Stage::fresh().await);
        for stage in [&idle, &flooded] {
            stage
                .account
                .on_new_lead(&stage.database, "single", &flow::noop())
                .await;
        }
        let other = Account::new(&flooded.database).await;
        other.on_new_lead(&flooded.database, "flood", &flow::noop()).await;
        let flood = Flood {
            account: &other,
            pending: bench.scale.flood,
        };

        let (mut quiet, mut beside) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        let mut least = i64::MAX;
        for _ in 0..bench.rounds {
            let (completed, _) = single_ones(&idle, bench.scale.fair_shots, None).await;
            quiet[0].push(percentile(&completed, 50.0));
            quiet[1].push(percentile(&completed, 99.0));

            let (completed, left) = single_ones(&flooded, bench.scale.fair_shots, Some(&flood)).await;
            beside[0].push(percentile(&completed, 50.0));
            beside[1].push(percentile(&completed, 99.0));
            least = least.min(left);
        }
        assert!(least > 0, "the flood ran dry");
        let flood = flood.pending;
        let measures = vec![
            Measure::new(
                format!("completed beside {flood} pending, p50"),
                "ms",
                beside[0].clone(),
            )
            .against("idle, p50", &quiet[0]),
            Measure::new(
                format!("completed beside {flood} pending, p99"),
                "ms",
                beside[1].clone(),
            )
            .against("idle, p99", &quiet[1])
            .goal(Goal::ratio_at_most(2.0)),
        ];
        let notes = vec![format!(
            "where it drained most between two fillings, {least} were still pending"
        )];
        Findings { measures, notes }
    }
}

async fn pending(stage: &Stage) -> i64 {
    stage
        .database
        .count("SELECT count(*) FROM automations.queue")
        .await
}

/// Milliseconds from commit to completed of single leads, with a daemon that runs only meanwhile; and how many of the flood were
/// pending at the least.
async fn single_ones(stage: &Stage, count: u32, flood: Option<&Flood<'_>>) -> (Vec<f64>, i64) {
    if let Some(flood) = flood {
        flood.fill(stage).await;
    }
    let daemon = Daemon::start_with(&stage.database, daemon_options()).await;
    let warm = latencies::insert(stage, &stage.account, 10, PAUSE).await;
    latencies::of(stage, &warm, HashMap::new).await;
    let (mut inserted, mut least) = (Vec::new(), i64::MAX);
    let mut left = count;
    while left > 0 {
        if let Some(flood) = flood {
            flood.fill(stage).await;
        }
        let portion = PORTION.min(left);
        left -= portion;
        inserted.extend(latencies::insert(stage, &stage.account, portion, PAUSE).await);
        least = least.min(pending(stage).await);
    }
    let latencies = latencies::of(stage, &inserted, HashMap::new).await;
    daemon.stop().await;
    (latencies.completed, least)
}

impl Flood<'_> {
    /// As many are pending again.
    async fn fill(&self, stage: &Stage) {
        let waiting = i32::try_from(pending(stage).await).unwrap_or(self.pending);
        stage.leads(self.account, (self.pending - waiting).max(0)).await;
    }
}
