//! One graph with every type of node that the daemon performs. Everything in its result follows from its input, in any
//! order of completion: branches that meet give the same output, and what waits for an hour is cut off.

use std::collections::BTreeSet;

use end_to_end::{Graph, Receiver};
use serde_json::{Value, json};
use uuid::Uuid;

/// What the execution is started with.
pub fn input() -> Value {
    json!({"items": ["a", "b", "c"], "numbers": [1, 2, 3, 4], "kind": "second"})
}

/// Nodes that can only complete one after the other, in this order.
pub const IN_ORDER: [&str; 23] = [
    "start", "note", "hot", "fetch", "both", "say", "row", "find", "each", "names", "few", "sum", "route",
    "ask", "resumed", "approve", "paid", "child", "alone", "tell", "pause", "sorry", "bye",
];

/// The graph; `child` is the automation that it calls.
pub fn graph(receiver: &Receiver, child: Uuid) -> Graph {
    let graph = database(beginning(Graph::from("trigger-manual"), receiver));
    let graph = ways(lists(graph, receiver));
    let graph = outside(graph, receiver, child);
    other_triggers(ending(graph, receiver))
}

/// What it calls: asks the world for something and gives it back.
pub fn child(receiver: &Receiver) -> Graph {
    Graph::from("trigger-manual")
        .node("send", "action-http", post(receiver, "/child/{{ trigger.n }}"))
        .set("end", "got", json!("{{ nodes['send'].output.body.got }}"))
        .chain(&["start", "send", "end"])
}

/// The types in it.
pub fn types(graph: &Graph) -> BTreeSet<String> {
    let nodes = graph.nodes();
    let kind = |node: &Value| node["type"].as_str().unwrap().to_owned();
    nodes.as_array().unwrap().iter().map(kind).collect()
}

fn post(receiver: &Receiver, path: &str) -> Value {
    json!({"method": "POST", "url": receiver.url(path), "body": {"at": path}})
}

/// A condition, and a request whose first attempt fails.
fn beginning(graph: Graph, receiver: &Receiver) -> Graph {
    let retry = json!({"maxAttempts": 3, "backoff": "fixed", "initialMs": 20, "jitter": false});
    graph
        .set("note", "n", json!("{{ trigger.numbers | length }}"))
        .node("hot", "logic-condition", json!({"expression": "vars.n == 4"}))
        .set("never", "n", json!(0))
        .node_with(
            "fetch",
            "action-http",
            json!({"config": post(receiver, "/fetch"), "retry": retry}),
        )
        .chain(&["start", "note", "hot"])
        .edge_from("hot", "true", "fetch")
        .edge_from("hot", "false", "never")
}

/// Database nodes: two beside each other, then three in a row.
fn database(graph: Graph) -> Graph {
    let joined = json!([{"name": "joined", "value": true}]);
    let booking = json!({"title": "Call", "startTime": "2030-01-07T09:00:00Z", "duration": 45});
    let note =
        json!({"operation": "create", "table": "public.notes", "values": {"text": "{{ vars.n }} notes"}});
    graph
        .node(
            "lead",
            "action-update-lead",
            json!({"updates": {"score": "{{ lead.score + 1 }}"}}),
        )
        .node("book", "action-create-booking", booking)
        .node("led", "transform-set-variable", json!({"variables": joined}))
        .node("booked", "transform-set-variable", json!({"variables": joined}))
        .node("both", "logic-merge", json!({"mode": "all"}))
        .node(
            "say",
            "action-send-message",
            json!({"content": "Price {{ nodes['fetch'].output.body.price }}"}),
        )
        .node("row", "action-db", note)
        .node(
            "find",
            "action-db",
            json!({"operation": "find", "table": "public.notes", "where": {"text": "4 notes"}}),
        )
        .edge("fetch", "lead")
        .edge("fetch", "book")
        .chain(&["lead", "led", "both"])
        .chain(&["book", "booked", "both"])
        .chain(&["both", "say", "row", "find"])
}

/// A loop whose iterations run side by side, a loop in it that is broken off, and the lists that follow.
fn lists(graph: Graph, receiver: &Receiver) -> Graph {
    let each = json!({"arrayExpression": "trigger.items", "concurrency": 2, "itemVariable": "letter"});
    graph
        .node("each", "logic-loop", each)
        .node("send", "action-http", post(receiver, "/item/{{ letter }}"))
        .node(
            "inner",
            "logic-loop",
            json!({"arrayExpression": "trigger.numbers"}),
        )
        .node("enough", "logic-condition", json!({"expression": "item == 3"}))
        .node("out", "logic-break", json!({}))
        .set("count", "last", json!("{{ letter }}{{ item }}"))
        .set(
            "item",
            "done",
            json!("{{ letter }}{{ nodes['send'].output.status }}"),
        )
        .node(
            "names",
            "transform-map",
            json!({"inputArray": "trigger.items", "mapping": {"name": "{{ item }}", "at": "{{ index }}"}}),
        )
        .node(
            "few",
            "transform-filter",
            json!({"inputArray": "trigger.numbers", "condition": {"expression": "item > 1"}}),
        )
        .node(
            "sum",
            "transform-aggregate",
            json!({"inputArray": "nodes['few'].output", "operation": "sum"}),
        )
        .edge("find", "each")
        .edge_from("each", "loop", "send")
        .edge("send", "inner")
        .edge_from("inner", "loop", "enough")
        .edge_from("enough", "true", "out")
        .edge_from("enough", "false", "count")
        .edge("count", "inner")
        .edge_from("inner", "done", "item")
        .edge("item", "each")
        .edge_from("each", "done", "names")
        .chain(&["names", "few", "sum"])
}

/// A switch, and a merge of each mode.
fn ways(graph: Graph) -> Graph {
    let cases = json!([
        {"label": "1", "value": "first", "handleId": "one"},
        {"label": "2", "value": "second", "handleId": "two"},
    ]);
    graph
        .node(
            "route",
            "logic-switch",
            json!({"expression": "{{ trigger.kind }}", "cases": cases, "defaultHandleId": "none"}),
        )
        .set("one", "way", json!("one"))
        .set("two", "way", json!("two"))
        .set("too", "way", json!("two"))
        .node("any", "logic-merge", json!({"mode": "any"}))
        .set("quick", "won", json!("quick"))
        .node("slow", "logic-delay", json!({"duration": 1, "unit": "hours"}))
        .node("first", "logic-merge", json!({"mode": "first"}))
        .edge("sum", "route")
        .edge_from("route", "one", "one")
        .edge_from("route", "two", "two")
        .edge_from("route", "two", "too")
        .edge("two", "any")
        .edge("too", "any")
        .edge("any", "quick")
        .edge("any", "slow")
        .edge("quick", "first")
        .edge("slow", "first")
}

/// Waits for what others do: with a token, by deciding, with an event, by ending; and tells them something.
fn outside(graph: Graph, receiver: &Receiver, child: Uuid) -> Graph {
    let mut ask = post(receiver, "/ask");
    ask["body"]["resumed"] = json!("{{ resume['resumed'].token }}");
    ask["body"]["approve"] = json!("{{ resume['approve'].token }}");
    let paid = json!({"for": "event", "event": "paid", "match": {"order": "{{ vars.n }}"}});
    let call = |n: u32, wait: bool| json!({"automationId": child, "input": {"n": n}, "wait": wait});
    graph
        .node("ask", "action-http", ask)
        .node("resumed", "logic-wait", json!({"for": "resume"}))
        .node("approve", "logic-approval", json!({"message": "May it go on?"}))
        .set("refused", "n", json!(0))
        .node("paid", "logic-wait", paid)
        .node("child", "logic-sub-automation", call(1, true))
        .node("alone", "logic-sub-automation", call(2, false))
        .node(
            "tell",
            "action-emit",
            json!({"event": "told", "payload": {"n": "{{ vars.n }}"}}),
        )
        .chain(&["first", "ask", "resumed", "approve"])
        .edge_from("approve", "approved", "paid")
        .edge_from("approve", "rejected", "refused")
        .chain(&["paid", "child", "alone", "tell"])
}

/// A delay, a disabled node, a failure that is caught, and a stop while another branch waits.
fn ending(graph: Graph, receiver: &Receiver) -> Graph {
    let output = json!({"sum": "{{ nodes['sum'].output }}", "way": "{{ vars.way }}"});
    graph
        .node(
            "pause",
            "logic-delay",
            json!({"duration": 0.02, "unit": "seconds"}),
        )
        .node_with(
            "off",
            "action-http",
            json!({"config": post(receiver, "/never"), "disabled": true}),
        )
        .node("fails", "action-http", post(receiver, "/fails"))
        .set("sorry", "failed", json!("{{ nodes['fails'].error.status }}"))
        .node("long", "logic-delay", json!({"duration": 1, "unit": "hours"}))
        .node(
            "bye",
            "logic-stop",
            json!({"status": "success", "output": output}),
        )
        .chain(&["tell", "pause", "off", "fails"])
        .edge_from("fails", "error", "sorry")
        .edge("sorry", "long")
        .edge("sorry", "bye")
}

/// The triggers by which it was not started; they never run.
fn other_triggers(graph: Graph) -> Graph {
    graph
        .node("by-event", "trigger-event", json!({}))
        .node("by-schedule", "trigger-schedule", json!({"cron": "@daily"}))
        .node("by-tool", "trigger-ai-tool", json!({"toolName": "all"}))
        .node("by-webhook", "trigger-webhook", json!({"path": "all"}))
}
