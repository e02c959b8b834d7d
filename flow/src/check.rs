//! The check when a graph is saved, and before it runs: form, settings, and the rules of DESIGN section 5.
//! `docs/graphs.md` explains each finding.

mod forms;
mod places;
pub(crate) mod settings;
mod start;

use std::sync::Arc;

use serde_json::Value;

use crate::{Graph, Limits, bits::Bits, plan::Plan, problem::Problem};

pub(crate) use start::start;

/// Everything that is wrong with a graph, errors first, then by node: in an order that does not depend on that of the
/// JSON. `trigger_type` is the automation's own (`event`, `ai_tool` ...), where it is known.
pub fn check(nodes: &Value, edges: &Value, trigger_type: Option<&str>, limits: &Limits) -> Vec<Problem> {
    match Graph::parse(nodes, edges, limits) {
        Ok(read) => graph(&Arc::new(read), trigger_type, limits),
        Err(problems) => problems,
    }
}

/// The same for a graph whose form is right.
pub(crate) fn graph(graph: &Arc<Graph>, trigger_type: Option<&str>, limits: &Limits) -> Vec<Problem> {
    let mut problems = Vec::new();
    let triggers = start::triggers(graph, trigger_type, &mut problems);
    for node in graph.nodes().filter(|node| !node.disabled) {
        settings::of_type(node, &mut problems);
    }
    if !problems.iter().any(|problem| problem.code == "two_triggers") {
        let mut reached = Bits::none(graph.all().len());
        for &trigger in &triggers {
            match Plan::build(graph.clone(), trigger, limits) {
                Ok(plan) => {
                    reached.add(&plan.live().nodes);
                    places::check(&plan, &mut problems);
                }
                Err(problem) => {
                    reached.add(&crate::live::Live::new(graph, trigger).nodes);
                    problems.push(problem);
                }
            }
        }
        let lost = graph
            .nodes()
            .zip(0..)
            .filter(|(node, at)| !reached.contains(*at) && !node.kind.is_trigger());
        if !triggers.is_empty() {
            let message = "No trigger leads here: this node never runs.";
            problems.extend(lost.map(|(node, _)| Problem::warning("unreachable", &*node.id, message)));
        }
    }
    problems.sort();
    problems.dedup();
    problems
}
