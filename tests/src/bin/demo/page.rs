//! How the demonstration looks: a few words of colour on a terminal, plain text elsewhere.

use std::io::IsTerminal;

use end_to_end::Execution;
use serde_json::{Map, Value};

/// Where it is written.
pub struct Page {
    colour: bool,
}

impl Page {
    /// Standard output.
    pub fn new() -> Page {
        Page {
            colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A new chapter.
    pub fn title(&self, text: &str) {
        println!("\n{}", self.styled("1", text));
    }

    /// A line of it.
    pub fn line(&self, text: &str) {
        println!("  {text}");
    }

    /// What somebody does.
    pub fn does(&self, who: &str, what: &str) {
        println!("\n  {} {what}", self.styled("1;34", &format!("{who}:")));
    }

    /// An execution that waits for its time.
    pub fn waits(&self, name: &str, execution: &Execution) {
        println!(
            "    {} {}",
            self.styled("1", name),
            self.styled("33", "waits: rows in the database, nothing else")
        );
        self.nodes(execution, false);
    }

    /// An execution that is over, node by node.
    pub fn over(&self, name: &str, execution: &Execution, caused_by: Option<&str>) {
        let because = caused_by
            .map(|cause| format!(" (started by what {cause} wrote)"))
            .unwrap_or_default();
        println!("    {}{because}", self.styled("1", name));
        self.nodes(execution, true);
        let colour = if execution.status == "completed" {
            "32"
        } else {
            "31"
        };
        let took = execution
            .duration_ms
            .map(|ms| format!(" in {ms} ms"))
            .unwrap_or_default();
        let error = execution
            .error
            .as_deref()
            .map(|error| format!(": {error}"))
            .unwrap_or_default();
        println!("      {}{took}{error}", self.styled(colour, &execution.status));
    }

    fn nodes(&self, execution: &Execution, all: bool) {
        for node in &execution.nodes {
            let text = |key: &str| node[key].as_str().unwrap_or_default();
            let label = if text("label").is_empty() {
                text("node_id")
            } else {
                text("label")
            };
            if text("status") == "skipped" {
                if !all {
                    continue; // it may yet be taken
                }
                println!("{}", self.styled("2", &format!("      - {label:<28} not taken")));
                continue;
            }
            let (mark, colour) = if text("status") == "success" {
                ("+", "32")
            } else {
                ("!", "31")
            };
            let took = node["duration_ms"].as_i64().unwrap_or(0);
            println!(
                "      {} {label:<28} {took:>5} ms   {}",
                self.styled(colour, mark),
                result(node)
            );
        }
    }

    /// The columns that are different after than before.
    pub fn changed(&self, what: &str, before: &Value, after: &Value) {
        let empty = Map::new();
        let (before, after) = (
            before.as_object().unwrap_or(&empty),
            after.as_object().unwrap_or(&empty),
        );
        for (column, new) in after {
            let old = before.get(column).unwrap_or(&Value::Null);
            if old != new && column != "updated_at" {
                println!(
                    "    {} {column}: {} -> {}",
                    self.styled("36", what),
                    short(old),
                    short(new)
                );
            }
        }
    }
}

/// What a node gave, in a few words.
fn result(node: &Value) -> String {
    let (kind, output) = (node["node_type"].as_str().unwrap_or_default(), &node["output"]);
    if let Some(message) = node["error"]["message"].as_str() {
        return message.to_owned();
    }
    match kind {
        "action-http" => format!("HTTP {}", output["status"]),
        "transform-set-variable" => pairs(output),
        "logic-condition" => if output["result"] == true { "yes" } else { "no" }.to_owned(),
        "logic-switch" => output["case"].as_str().unwrap_or("none of its cases").to_owned(),
        _ => String::new(),
    }
}

/// `score = 100, team = sales`.
fn pairs(value: &Value) -> String {
    let Some(object) = value.as_object() else {
        return short(value);
    };
    let pairs: Vec<String> = object
        .iter()
        .map(|(name, value)| format!("{name} = {}", short(value)))
        .collect();
    pairs.join(", ")
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "(nothing)".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() <= 70 {
        text
    } else {
        text.chars().take(67).chain("...".chars()).collect()
    }
}
