//! `insert_nomatch`: what watching costs an insert that no automation wants.
//! How: pgbench inserts single leads of an account with 0, 100 and 10,000 automations that want other things (changes of
//! a column, deletions, conversations), 100,000 automations in all accounts together; against the same table without a
//! trigger, beside a table whose statement trigger does nothing.
//! The number is the part of the bare rate that is left; it has to be the same however many automations there are. The
//! empty trigger is the limit.

use async_trait::async_trait;
use end_to_end::Account;

use super::{Findings, Section};
use crate::measure::{Goal, Measure};
use crate::pgbench::{self, Load};
use crate::stage::{Bench, Stage};

/// The section.
pub struct InsertNomatch;

#[async_trait]
impl Section for InsertNomatch {
    fn name(&self) -> &'static str {
        "insert_nomatch"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let accounts = accounts(&stage, bench).await;
        let mut measures = Vec::new();
        for clients in [1, 16] {
            let (mut bare, mut empty) = (Vec::new(), Vec::new());
            let mut ours = vec![Vec::new(); accounts.len()];
            for _ in 0..bench.rounds {
                bare.push(inserts(&stage, bench, "insert_bare.sql", &stage.account, clients).await);
                empty.push(inserts(&stage, bench, "insert_empty_trigger.sql", &stage.account, clients).await);
                for ((_, account), rates) in accounts.iter().zip(&mut ours) {
                    rates.push(inserts(&stage, bench, "insert_watched.sql", account, clients).await);
                }
                let queued = stage
                    .database
                    .count("SELECT count(*) FROM automations.queue")
                    .await;
                assert_eq!(queued, 0, "nothing wanted these leads");
            }
            let who = if clients == 1 {
                "1 client".to_owned()
            } else {
                format!("{clients} clients")
            };
            measures.push(
                Measure::new(format!("{who}, empty trigger"), "rows/s", empty).against("no trigger", &bare),
            );
            for ((automations, _), rates) in accounts.iter().zip(ours) {
                measures.push(
                    Measure::new(
                        format!("{who}, {automations} automations in the account"),
                        "rows/s",
                        rates,
                    )
                    .against("no trigger", &bare)
                    .goal(Goal::ratio_at_least(0.95)),
                );
            }
        }
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

/// Accounts with so many automations each, and one with all others.
async fn accounts(stage: &Stage, bench: &Bench) -> Vec<(i32, Account)> {
    let mut accounts = Vec::new();
    for automations in bench.scale.automations {
        let account = Account::new(&stage.database).await;
        stage.automations_that_want_others(&account, automations).await;
        accounts.push((automations, account));
    }
    let others = bench.scale.automations_in_all - bench.scale.automations.iter().sum::<i32>();
    let somebody = Account::new(&stage.database).await;
    stage.automations_that_want_others(&somebody, others).await;
    stage.listen_to_all().await;
    accounts
}

async fn inserts(stage: &Stage, bench: &Bench, script: &'static str, account: &Account, clients: u32) -> f64 {
    let load = Load {
        script,
        variables: vec![("account", account.user.to_string())],
        clients,
        seconds: bench.scale.load_seconds,
    };
    stage.empty().await; // whoever comes later would write to larger tables
    pgbench::run(stage, &load).await
}
