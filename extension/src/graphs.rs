//! Graphs, for SQL: the check that saving makes, and the trigger configuration that counts.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, JsonB};

use crate::jsonb;

/// `automations.validate(nodes, edges)`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn validate(
    nodes: Option<AnyElement>,
    edges: Option<AnyElement>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(severity, String),
            name!(code, String),
            name!(node_id, Option<String>),
            name!(message, String),
        ),
    >,
    ErrorReport,
> {
    let problems = match (jsonb::argument(nodes, "nodes"), jsonb::argument(edges, "edges")) {
        (Ok(nodes), Ok(edges)) => flow::check(&nodes, &edges, None, &flow::Limits::default()),
        (Err(refusal), _) | (_, Err(refusal)) => {
            vec![flow::Problem::error("unreadable", None, refusal.to_string())]
        }
    };
    Ok(TableIterator::new(problems.into_iter().map(|problem| {
        let severity = problem.severity.as_str().to_owned();
        (
            severity,
            problem.code.to_owned(),
            problem.node_id,
            problem.message,
        )
    })))
}

/// `automations.resolve_trigger(trigger_type, trigger_config, nodes)`.
#[pg_extern(sql = false)]
fn resolve_trigger(
    trigger_type: Option<&str>,
    trigger_config: Option<AnyElement>,
    nodes: Option<AnyElement>,
) -> Result<JsonB, ErrorReport> {
    let config = jsonb::argument(trigger_config, "trigger_config")?;
    let nodes = jsonb::argument(nodes, "nodes")?;
    Ok(JsonB(flow::trigger::resolve(
        trigger_type.unwrap_or_default(),
        &config,
        &nodes,
    )))
}
