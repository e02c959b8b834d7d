//! The check when a graph is saved, and before it runs: form, settings, and the rules of DESIGN section 5.

pub(crate) mod settings;

use serde_json::Value;

use crate::{Graph, Limits, problem::Problem};

/// Everything that is wrong with a graph, errors first, in an order that does not depend on that of the JSON.
/// `trigger_type` is the automation's own (`event`, `ai_tool` ...), where it is known.
pub fn check(nodes: &Value, edges: &Value, trigger_type: Option<&str>, limits: &Limits) -> Vec<Problem> {
    let _ = trigger_type;
    Graph::parse(nodes, edges, limits).err().unwrap_or_default()
}
