//! What an execution tells of itself, against its row.

use end_to_end::Execution;
use serde_json::Value;

use super::{row::Row, world::World};

/// What differs, a line each.
pub fn deviations(row: &Row, execution: &Execution, world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differs = |what: &str, is: &Value, wanted: &Value| {
        if is != wanted {
            wrong.push(format!(
                "{}: {what}\n    is     {is}\n    wanted {wanted}",
                row.file
            ));
        }
    };
    let expected = &row.expected;
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
    differs("status", &execution.status.as_str().into(), &expected["status"]);
    differs(
        "error_code",
        &text(&execution.error_code),
        &expected["error_code"],
    );
    differs(
        "error_node_id",
        &text(&execution.error_node),
        &expected["error_node_id"],
    );
    let (mut is, mut wanted) = (path(execution), wanted(expected));
    if expected["any_order"] == Value::Bool(true) {
        is.sort();
        wanted.sort();
    }
    differs("path", &is.into(), &wanted.into());
    for key in ["variables", "output"] {
        let is = if key == "output" {
            &execution.output
        } else {
            &execution.variables
        };
        if let Some(wanted) = expected.get(key) {
            differs(key, is, wanted);
        }
    }
    for (node, attempts) in expected["attempts"].as_object().into_iter().flatten() {
        differs(
            &format!("attempts of {node}"),
            &execution.node(node)["attempt"],
            attempts,
        );
    }
    for (path, count) in expected["requests"].as_object().into_iter().flatten() {
        differs(
            &format!("requests to {path}"),
            &world.asked(row, path).into(),
            count,
        );
    }
    if !wrong.is_empty() {
        wrong.push(format!("{}: error {:?}", row.file, execution.error));
    }
    wrong
}

/// What ran, in the order of completion, as rows write it; what was never reached is listed without a run.
fn path(execution: &Execution) -> Vec<String> {
    let ran = execution.nodes.iter().filter(|entry| entry["run"] != 0);
    ran.map(|entry| {
        let mark = match entry["status"].as_str() {
            Some("failed") => "!",
            Some("skipped") => "~",
            _ => "",
        };
        let around = entry["iteration"].as_array().into_iter().flatten();
        let around: Vec<String> = around
            .map(|one| match one["run"].as_u64() {
                Some(1) => format!("{}:{}", word(&one["loop"]), one["item"]),
                _ => format!("{}#{}:{}", word(&one["loop"]), one["run"], one["item"]),
            })
            .collect();
        let at = if around.is_empty() {
            String::new()
        } else {
            format!("@{}", around.join("/"))
        };
        format!("{}{mark}{at}", word(&entry["node_id"]))
    })
    .collect()
}

/// The path of a row without the handles, which an execution does not tell. A loop that leaves by `error` has failed.
fn wanted(expected: &Value) -> Vec<String> {
    let path = expected["path"].as_array().into_iter().flatten();
    path.map(|entry| {
        let (step, place) = word(entry)
            .split_once('@')
            .map_or((word(entry), None), |(s, p)| (s, Some(p)));
        let (node, handle) = step.split_once('.').unwrap_or((step, ""));
        let mark = if handle == "error" { "!" } else { "" };
        let at = place.map_or(String::new(), |place| format!("@{place}"));
        format!("{node}{mark}{at}")
    })
    .collect()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
