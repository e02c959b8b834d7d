//! `insert_bulk`: what watching costs a statement that inserts very many rows.
//! How: one INSERT ... SELECT into the same table without a trigger, with a row trigger that calls pg_notify with the row,
//! watched with one automation that wants every row, and watched with one that wants none.
//! The number is how many times as long it takes as without a trigger. The matching one writes a second, narrower row
//! for each, with the whole lead in it as jsonb.

use std::time::Instant;

use async_trait::async_trait;
use end_to_end::Account;

use super::{Findings, Section};
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::stage::{Bench, Stage};

/// The section.
pub struct InsertBulk;

#[async_trait]
impl Section for InsertBulk {
    fn name(&self) -> &'static str {
        "insert_bulk"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let rows = bench.scale.bulk_rows;
        stage
            .account
            .on_new_lead(&stage.database, "every lead", &flow::noop())
            .await;
        let other = Account::new(&stage.database).await;
        other
            .on_lead(&stage.database, "what goes", "DELETE", &flow::noop())
            .await;
        let (mut bare, mut notify, mut matching, mut not) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            stage.empty().await;
            bare.push(seconds(&stage, "bench.bare", &stage.account, rows).await);
            notify.push(seconds(&stage, "bench.row_notify", &stage.account, rows).await);
            not.push(seconds(&stage, "public.leads", &other, rows).await);
            matching.push(seconds(&stage, "public.leads", &stage.account, rows).await);
            let queued = stage
                .database
                .count("SELECT count(*) FROM automations.queue")
                .await;
            assert_eq!(queued, i64::from(rows), "queued rows");
        }
        let measures = vec![
            Measure::new(format!("{rows} rows that match"), "s", matching)
                .against("no trigger", &bare)
                .goal(Goal::ratio_at_most(4.0)),
            Measure::new(format!("{rows} rows that do not"), "s", not)
                .against("no trigger", &bare)
                .goal(Goal::ratio_at_most(1.15)),
            Measure::new("row trigger with pg_notify", "s", notify).against("no trigger", &bare),
        ];
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

async fn seconds(stage: &Stage, table: &str, account: &Account, rows: i32) -> f64 {
    let statement = include_str!("../../sql/insert_leads.sql").replace("public.leads", table);
    let began = Instant::now();
    stage
        .database
        .owner
        .execute(&statement, &[&account.user, &rows])
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    began.elapsed().as_secs_f64()
}
