//! `agents`: how long an AI agent waits for a tool.
//! How: one agent calls a tool of two nodes over the Model Context Protocol, one call after another and each over a
//! connection of its own, in the revision without sessions and in the one with them. From the request to the last byte
//! of its answer: key, arguments, a durable start, the run and its committed result lie between.

use std::time::Instant;

use async_trait::async_trait;
use end_to_end::Daemon;
use end_to_end::agent::{Agent, WITH_SESSIONS, WITHOUT_SESSIONS};
use serde_json::{Value, json};

use super::{Findings, Section};
use crate::flow;
use crate::measure::{Goal, Measure};
use crate::stage::{Bench, Stage, daemon_options};
use crate::stats::percentile;

/// Calls before anything is timed: connections, plans and caches are there then.
const WARM: u32 = 20;

/// The section.
pub struct Agents;

#[async_trait]
impl Section for Agents {
    fn name(&self) -> &'static str {
        "agents"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let config =
            json!({ "tool_name": "answer", "parameters": [{ "name": "question", "required": true }] });
        stage
            .account
            .automation(&stage.database, "answer", "ai_tool", config, &flow::tool())
            .await;
        let tenant = stage.database.as_tenant(stage.account.user).await;
        let key: String = tenant
            .query_one(
                "SELECT automations.create_api_key($1, 'bench')",
                &[&stage.account.agent],
            )
            .await
            .expect("a key")
            .get(0);
        let mut daemon = Daemon::start_with(&stage.database, daemon_options()).await;
        let address = daemon.address().await;

        let mut measures = Vec::new();
        for revision in [WITHOUT_SESSIONS, WITH_SESSIONS] {
            let agent = Agent::connect(address, &key, revision).await;
            calls(&agent, WARM).await;
            let mut rounds = Vec::new();
            for _ in 0..bench.rounds {
                rounds.push(calls(&agent, bench.scale.single_shots).await);
            }
            for percent in [50, 99] {
                let values = rounds.iter().map(|all| percentile(all, f64::from(percent)));
                let measure = Measure::new(format!("call in {revision}, p{percent}"), "ms", values.collect());
                measures.push(match percent {
                    50 => measure.goal(Goal::at_most(25.0)),
                    _ => measure,
                });
            }
        }
        daemon.stop().await;
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

/// Milliseconds of so many calls.
async fn calls(agent: &Agent, count: u32) -> Vec<f64> {
    let mut took = Vec::new();
    for n in 0..count {
        let began = Instant::now();
        let told: Value = agent.call("answer", json!({ "question": n.to_string() })).await;
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
        assert_eq!(
            told["result"]["structuredContent"]["said"],
            json!(n.to_string()),
            "{told}"
        );
    }
    took
}
