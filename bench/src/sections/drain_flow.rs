//! `drain_flow`: how fast an ordinary automation goes through.
//! How: leads are inserted 50 a statement while the daemon runs; condition, POST to a local server that answers at once,
//! UPDATE of the lead as the tenant, all steps recorded. From the first insert to the commit of the last result. In the
//! same rounds, as yardstick, sixteen bare workers that do the same outside work (a durable commit of one UPDATE for each
//! lead) with no queue, no record and no POST.
//! The number is what one daemon on this machine carries, the application's inserts and the answering server included.

use async_trait::async_trait;

use super::{Findings, Section};
use crate::drain::drain_running;
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::pgbench::{self, Load};
use crate::receiver::FastReceiver;
use crate::stage::{Bench, Stage, daemon_options};

/// The section.
pub struct DrainFlow;

const AT_ONCE: i32 = 50;

#[async_trait]
impl Section for DrainFlow {
    fn name(&self) -> &'static str {
        "drain_flow"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let receiver = FastReceiver::start().await;
        let graph = flow::ordinary(&receiver);
        stage
            .account
            .on_new_lead(&stage.database, "ordinary", &graph)
            .await;
        let count = bench.scale.drain_flow;
        let (mut bare, mut rates, mut wal) = (Vec::new(), Vec::new(), Vec::new());
        let mut notes = Vec::new();
        for _ in 0..bench.rounds {
            stage.empty().await;
            bare.push(bare_updates(&stage, bench).await);
            receiver.forget();
            let options = daemon_options().flag("--allow-hosts", &receiver.host);
            let drained = drain_running(&stage, options, count, || async {
                for _ in 0..count / AT_ONCE {
                    stage.leads(&stage.account, AT_ONCE).await;
                }
            })
            .await;
            assert!(
                receiver.arrivals().len() >= count as usize,
                "requests that never came"
            );
            rates.push(drained.rate);
            wal.push(drained.wal_bytes);
            notes = drained.described();
        }
        let measures = vec![
            Measure::new(format!("{count} executions"), "per s", rates)
                .against("16 sessions that only UPDATE", &bare)
                .goal(Goal::at_least(3_000.0)),
            Measure::new("WAL of an execution", "bytes", wal),
        ];
        Findings { measures, notes }
    }
}

async fn bare_updates(stage: &Stage, bench: &Bench) -> f64 {
    let statement = include_str!("../../sql/numbered_leads.sql").replace("public.leads", "bench.bare");
    let owner = &stage.database.owner;
    owner
        .execute(&statement, &[&stage.account.user])
        .await
        .expect("insert leads");
    let load = Load {
        script: "update_bare.sql",
        variables: Vec::new(),
        clients: 16,
        seconds: bench.scale.load_seconds,
    };
    pgbench::run(stage, &load).await
}
