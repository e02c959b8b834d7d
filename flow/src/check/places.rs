//! What the places of a graph show: loops that share nodes, cycles that cannot end, edges that are never taken.

use crate::{
    bits::Bits,
    catalogue::{ERROR, Handles},
    components::components,
    live::Way,
    plan::Plan,
    problem::Problem,
    scope::{Scope, Seen, with_two_entrances},
};

pub(super) fn check(plan: &Plan, problems: &mut Vec<Problem>) {
    handles(plan, problems);
    let mut in_loops = Bits::none(plan.live().bound());
    for scope in plan.scopes() {
        own_bodies(scope).for_each(|(_, body)| in_loops.add(body));
        shared(plan, scope, problems);
        cycles(plan, scope, problems);
    }
    let breaks = |at: &u32| plan.at(*at).is_some_and(|node| node.kind.name == "logic-break");
    for at in plan
        .live()
        .nodes
        .iter()
        .filter(breaks)
        .filter(|at| !in_loops.contains(*at))
    {
        let message =
            "There is no loop around this node that it could end: move it behind the `loop` handle of one.";
        problems.push(Problem::error("break_outside_loop", plan.id(at), message));
    }
}

/// The bodies of the loops that can run in a place. Seen from outside, a loop that lies in another one has none.
fn own_bodies(scope: &Scope) -> impl Iterator<Item = (u32, &Bits)> {
    let own = scope
        .bodies
        .iter()
        .filter(|(one, _)| scope.members.contains(**one));
    own.map(|(one, body)| (*one, body))
}

/// Edges that leave by a handle which their node does not have (rule 2).
fn handles(plan: &Plan, problems: &mut Vec<Problem>) {
    let live = plan.live();
    for edge in &live.edges {
        let Some(node) = plan.at(edge.source) else {
            continue;
        };
        let Some(handle) = edge.handle.as_deref() else {
            let message =
                "An edge leaves this node by no handle, and it has named ones only: connect it again.";
            problems.push(Problem::error("edge_without_handle", &*node.id, message));
            continue;
        };
        let known = match node.kind.handles {
            Handles::Named { names, .. } => names.contains(&handle),
            Handles::Cases => crate::catalogue::case_handles(&node.config).any(|known| known == handle),
            Handles::Default | Handles::OrTimeout | Handles::Ends => true,
        };
        if !known && handle != ERROR {
            let message = format!("An edge leaves by handle {handle:?}, which this node never chooses.");
            problems.push(Problem::warning("unknown_handle", &*node.id, message));
        }
    }
}

/// Nodes that belong to a loop and to its surroundings as well (rule 5).
fn shared(plan: &Plan, scope: &Scope, problems: &mut Vec<Problem>) {
    for (one, body) in own_bodies(scope) {
        let one = plan.id(one);
        let mut both = body.clone();
        both.keep(&scope.members);
        for node in both.iter() {
            let message = format!(
                "This node lies in loop {one:?} and can be reached without it: it runs for each item, and outside of it."
            );
            problems.push(Problem::warning("loop_shared", plan.id(node), message));
        }
    }
    for seen in scope.edges.iter().filter(|seen| seen.leaves) {
        let one = plan.id(seen.source);
        let message = format!(
            "This node lies behind loop {one:?} and is reached from its body: it runs once, when the loop has ended."
        );
        problems.push(Problem::warning("leaves_loop", plan.id(seen.target), message));
    }
}

/// Cycles with several entrances, and cycles in which nothing chooses (rules 3 and 14).
fn cycles(plan: &Plan, scope: &Scope, problems: &mut Vec<Problem>) {
    if scope.cycles.is_empty() {
        return;
    }
    for set in with_two_entrances(&scope.edges, &scope.starts) {
        if let Some(&least) = set.first() {
            let message = "The cycle around this node can be entered at two nodes: what happens in it may depend on time.";
            problems.push(Problem::warning("two_entrances", plan.id(least), message));
        }
    }
    let live = plan.live();
    let escapes = |node: u32| {
        live.handles(node)
            .any(|handle| matches!(&**handle, ERROR | "timeout"))
    };
    let sure = |seen: &&Seen| {
        let way = live.edge(seen.edge).map(|edge| live.way(edge));
        !seen.leaves && matches!(way, Some(Way::Default | Way::Done)) && !escapes(seen.source)
    };
    let pairs: Vec<_> = scope
        .edges
        .iter()
        .filter(sure)
        .map(|seen| (seen.source, seen.target))
        .collect();
    for least in components(&pairs).iter().filter_map(|set| set.first()) {
        let message =
            "Nothing in the cycle around this node chooses, so it would never end: put a condition into it.";
        problems.push(Problem::error("endless_cycle", plan.id(*least), message));
    }
}
