//! `validate`: checks a React Flow export as saving it into an active automation would.

use std::path::Path;
use std::process::ExitCode;

use flow::{Limits, Problem, Severity};
use serde_json::Value;

use super::{CommandError, say};

/// One line per problem; exit 1 if one of them is an error.
pub fn validate(file: &Path, limits: &Limits) -> Result<ExitCode, CommandError> {
    let failed = |why: String| CommandError::File {
        path: file.display().to_string(),
        why,
    };
    let text = std::fs::read_to_string(file).map_err(|why| failed(why.to_string()))?;
    let problems = problems(&text, limits).map_err(|why| failed(why.to_string()))?;
    for problem in &problems {
        say(&line(problem));
    }
    let wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
    if !wrong {
        say(&format!("{}: the graph can run", file.display()));
    }
    Ok(if wrong {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// An export is `{"nodes": [...], "edges": [...]}`, alone or inside an automation's row.
fn problems(text: &str, limits: &Limits) -> Result<Vec<Problem>, serde_json::Error> {
    let export: Value = serde_json::from_str(text)?;
    let none = Value::Array(Vec::new());
    let part = |name: &str| export.get(name).unwrap_or(&none);
    let trigger_type = export.get("trigger_type").and_then(Value::as_str);
    Ok(flow::check(part("nodes"), part("edges"), trigger_type, limits))
}

fn line(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    match &problem.node_id {
        Some(node) => format!("{severity} {} node {node}: {}", problem.code, problem.message),
        None => format!("{severity} {}: {}", problem.code, problem.message),
    }
}
