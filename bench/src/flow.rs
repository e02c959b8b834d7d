//! The graphs that are measured.

use end_to_end::Graph;
use serde_json::json;

use crate::receiver::FastReceiver;

/// Trigger and stop: what an execution costs of which nothing is asked.
pub fn noop() -> Graph {
    Graph::from("trigger-event")
        .node("stop", "logic-stop", json!({}))
        .chain(&["start", "stop"])
}

/// Condition, POST, UPDATE of the lead as the tenant: what an ordinary automation does.
pub fn ordinary(receiver: &FastReceiver) -> Graph {
    let rules =
        json!({"logic": "and", "rules": [{"field": "trigger.new.score", "operator": "gte", "value": 0}]});
    let post = json!({
        "method": "POST",
        "url": format!("http://{}/lead", receiver.host),
        "bodyType": "json",
        "body": {"lead": "{{ trigger.new.id }}", "name": "{{ trigger.new.name }}"},
    });
    Graph::from("trigger-event")
        .node("good", "logic-condition", rules)
        .node("post", "action-http", post)
        .node(
            "mark",
            "action-update-lead",
            json!({"updates": {"status": "contacted"}}),
        )
        .edge("start", "good")
        .edge_from("good", "true", "post")
        .edge_from("post", "success", "mark")
}

/// Waits until the time that the lead's notes say, and without any for a day: a parked row.
pub fn waits() -> Graph {
    let until = json!({"until": "{{ trigger.new.notes | default('') }}", "duration": 1, "unit": "days"});
    Graph::from("trigger-event")
        .node("wait", "logic-delay", until)
        .chain(&["start", "wait"])
}

/// Trigger and a transform: what an agent is told.
pub fn tool() -> Graph {
    Graph::from("trigger-ai-tool")
        .set("answer", "said", json!("{{ trigger.question }}"))
        .chain(&["start", "answer"])
}

/// Trigger and stop, by a schedule.
pub fn every_minute() -> Graph {
    Graph::from("trigger-schedule")
        .node("stop", "logic-stop", json!({}))
        .chain(&["start", "stop"])
}
