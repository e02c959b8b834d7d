//! Where an execution begins (rule 1).

use crate::{Graph, problem::Problem};

/// The trigger nodes. Several of one type clash, and so do several of other types than the automation's own.
pub(super) fn triggers(graph: &Graph, own: Option<&str>, problems: &mut Vec<Problem>) -> Vec<u32> {
    let nodes = || graph.nodes().zip(0..).filter(|(node, _)| node.kind.is_trigger());
    for (node, at) in nodes() {
        let before = nodes().any(|(other, other_at)| other_at < at && other.kind.name == node.kind.name);
        if before {
            let message = format!(
                "There are several triggers of type {}: remove all but one.",
                node.kind.name
            );
            problems.push(Problem::error("two_triggers", &*node.id, message));
        }
    }
    let all: Vec<u32> = nodes().map(|(_, at)| at).collect();
    if all.is_empty() {
        let message = "The graph has no trigger: add the one that starts it.";
        problems.push(Problem::error("no_trigger", None, message));
    }
    if let Some(own) = own.filter(|_| all.len() > 1) {
        let serves = nodes().any(|(node, _)| node.kind.trigger_type().as_deref() == Some(own));
        if let Some((node, _)) = nodes().next().filter(|_| !serves) {
            let message = format!(
                "There are several triggers and none of them is for {own:?}, the type of this automation: \
                 remove all but one, or add that one."
            );
            problems.push(Problem::error("two_triggers", &*node.id, message));
        }
    }
    all
}

/// The trigger node at which an execution of `trigger_type` begins: that of its type, else that of the automation's
/// own type, else the only one.
pub(crate) fn start(graph: &Graph, trigger_type: &str, own: &str) -> Result<u32, Problem> {
    let nodes = || graph.nodes().zip(0..).filter(|(node, _)| node.kind.is_trigger());
    let of_type = |wanted: &str| {
        let mut found = nodes().filter(|(node, _)| node.kind.trigger_type().as_deref() == Some(wanted));
        found.next().map(|(_, at)| at)
    };
    let only = || nodes().next().filter(|_| nodes().count() == 1).map(|(_, at)| at);
    of_type(trigger_type)
        .or_else(|| of_type(own))
        .or_else(only)
        .ok_or_else(|| {
            let message = format!("No trigger is for {trigger_type:?} or {own:?}: add one.");
            Problem::error("no_trigger", None, message)
        })
}
