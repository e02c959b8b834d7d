//! What the check says about cycles and loops.

use crate::{build::graph, forms::of};

#[test]
fn the_rules_of_cycles_and_loops_are_checked() {
    let cases = [
        ("a; b", "t>a>b>a", vec!["error endless_cycle a"]),
        ("a; c:if", "t>a>c c.true>a", vec![]),
        ("a; h:action-http", "t>h>a>h h.error>a", vec![]),
        (
            "a; w:switch:{\"defaultHandleId\": \"default\"}",
            "t>a>w w.default>a",
            vec![],
        ),
        ("l:loop; b", "t>l l.loop>b>l", vec![]),
        ("l:loop; d", "t>l l.done>d>l", vec!["error endless_cycle d"]),
        ("c:if; a", "t>c>a", vec!["error edge_without_handle c"]),
        ("c:if; a", "t>c c.maybe>a", vec!["warning unknown_handle c"]),
        ("k:break", "t>k", vec!["error break_outside_loop k"]),
        ("l:loop; k:break", "t>l l.loop>k", vec![]),
        (
            "l:loop; x; j",
            "t>l t>x>j l.loop>j",
            vec!["warning loop_shared j"],
        ),
        (
            "l:loop; c:if; d",
            "t>l l.loop>c c.true>d l.done>d",
            vec!["warning leaves_loop d"],
        ),
        (
            "c:if; x; y",
            "t>c c.true>x>y c.false>y>x",
            vec!["error endless_cycle x", "warning two_entrances x"],
        ),
    ];
    for (nodes, edges, want) in cases {
        assert_eq!(of(&graph(nodes, edges)), want, "{edges}");
    }
}

#[test]
fn loops_may_be_nested_eight_deep() {
    let nested = |deep: usize| {
        let nodes: Vec<String> = (1..=deep).map(|at| format!("l{at}:loop")).collect();
        let edges: Vec<String> = (1..deep).map(|at| format!("l{at}.loop>l{}", at + 1)).collect();
        of(&graph(&nodes.join(";"), &format!("t>l1 {}", edges.join(" "))))
    };
    assert_eq!(nested(8), [] as [&str; 0]);
    assert_eq!(nested(9), ["error loops_too_deep l9"]);
}

#[test]
fn loops_that_share_everything_are_refused_before_they_cost_anything() {
    let nodes: Vec<String> = (0..60).map(|at| format!("l{at}:loop")).collect();
    let all = |from: usize| (0..60).map(move |to| format!("l{from}.loop>l{to}"));
    let edges: Vec<String> = (0..60).flat_map(all).collect();
    let drawn = graph(&nodes.join(";"), &format!("t>l0 {}", edges.join(" ")));
    assert_eq!(of(&drawn), ["error too_complex -"]);
}
