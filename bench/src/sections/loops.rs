//! `loop`: what one very long loop costs.
//! How: one execution loops over 100,000 numbers, one after the other, and sets a variable for each; a daemon runs it
//! whose limit of steps is raised for that. Its memory at the most, the rows that it leaves, its rate.
//! The number that counts is the memory: the position of an execution is its rows, so that a long loop must not grow in
//! the daemon as it goes on.

use async_trait::async_trait;
use end_to_end::{Daemon, Graph, waiting};
use serde_json::json;

use super::{Findings, Section};
use crate::measure::{Goal, Measure};
use crate::process;
use crate::stage::{Bench, Stage, daemon_options, now};

/// The section.
pub struct Loops;

#[async_trait]
impl Section for Loops {
    fn name(&self) -> &'static str {
        "loop"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let items = bench.scale.loop_items;
        let each = json!({"arrayExpression": "trigger.list", "maxIterations": items});
        let graph = Graph::from("trigger-manual")
            .node("each", "logic-loop", each)
            .set("note", "last", json!("{{ item }}"))
            .edge("start", "each")
            .edge_from("each", "loop", "note")
            .edge("note", "each");
        let automation = stage.account.manual(&stage.database, "long", &graph).await;
        let options = daemon_options().flag("--max-steps", &(items * 3).to_string());
        let (mut rates, mut most, mut before, mut steps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        // Once: it takes as long as all rounds of most other sections.
        {
            let daemon = Daemon::start_with(&stage.database, options).await;
            before.push(process::memory_kib(daemon.pid(), "VmHWM") / 1024.0);
            let began = now();
            let list: Vec<i32> = (1..=items).collect();
            let id = stage.database.start(automation, json!({"list": list})).await;
            let ended = waiting::until_within(waiting::DEADLINE * 20, "the end of the loop", || async {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                is_over(&stage, id).await
            })
            .await;
            assert_eq!(ended, "completed");
            rates.push(f64::from(items) / (stage.completed_since(0.0).await.1 - began));
            most.push(process::memory_kib(daemon.pid(), "VmHWM") / 1024.0);
            let rows = stage
                .database
                .count("SELECT count(*) FROM automations.recorded_steps")
                .await;
            steps.push(rows as f64 / f64::from(items));
            daemon.stop().await;
        }
        let measures = vec![
            Measure::new(format!("most memory, {items} items"), "MiB", most)
                .against("when it is ready", &before)
                .goal(Goal::at_most(150.0)),
            Measure::new("items", "per s", rates),
            Measure::new("rows of steps for each item", "rows", steps),
        ];
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

/// Its last status, once it has one. Not the whole row: its story is long.
async fn is_over(stage: &Stage, id: uuid::Uuid) -> Option<String> {
    let query = "SELECT status FROM public.automation_executions
        WHERE id = $1 AND status IN ('completed', 'failed', 'cancelled')";
    let row = stage
        .database
        .owner
        .query_opt(query, &[&id])
        .await
        .expect("look at the execution");
    row.map(|row| row.get(0))
}
