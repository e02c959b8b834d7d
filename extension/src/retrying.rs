//! `retry()`: an execution that has ended runs again as a new one, from the start or from a node.
//!
//! What is taken over is found by folding its records, as the daemon does when it takes an execution up: a step begins
//! when the position says so. That is as true for records of an older format as for new ones.

mod fit;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::acting::as_table_owner;
use crate::asking::is_visible_execution;
use crate::jsonb;
use crate::refusal::Refusal;
use fit::{Graph, Record};

/// The execution that is to run again, and the graphs.
struct Source {
    version: i32,
    /// The graph that is to run.
    graph: Graph,
    /// The one that ran; none where it is the same.
    ran: Option<Graph>,
}

/// `automations.retry(execution_id, from_node, latest)`.
#[pg_extern(sql = false)]
fn retry(
    execution_id: Option<Uuid>,
    from_node: Option<&str>,
    latest: Option<bool>,
) -> Result<Option<Uuid>, ErrorReport> {
    let execution_id = execution_id.ok_or(Refusal::Null("execution_id"))?;
    if !is_visible_execution(execution_id)? {
        return Err(Refusal::Unknown {
            kind: "execution",
            id: execution_id.to_string(),
        }
        .into());
    }
    let started = as_table_owner(|| {
        let source = source(execution_id, latest.unwrap_or(false))?;
        let taken_over = match from_node {
            Some(node) => taken_over(execution_id, node, &source)?,
            None => 0,
        };
        Ok(Spi::get_one_with_args::<Uuid>(
            "SELECT automations.start_retry($1, $2, $3)",
            &[execution_id.into(), source.version.into(), taken_over.into()],
        )?)
    })?;
    Ok(started)
}

/// The last ordinal that is taken over.
fn taken_over(execution_id: Uuid, node: &str, source: &Source) -> Result<i32, Refusal> {
    let records = records(execution_id)?;
    let ran = source.ran.as_ref().unwrap_or(&source.graph);
    let before = fit::before_last_run(ran, &records, node)?;
    if source.ran.is_some() {
        fit::fits(&source.graph, &before)?;
    }
    Ok(before.last().map_or(0, |taken| taken.record.ordinal))
}

fn source(execution_id: Uuid, latest: bool) -> Result<Source, Refusal> {
    Spi::connect_mut(|client| {
        let mut rows = client.update(
            "SELECT s.* FROM automations.retry_source($1, $2) s",
            Some(1),
            &[execution_id.into(), latest.into()],
        )?;
        let row = rows.next().ok_or_else(|| Refusal::Unknown {
            kind: "execution",
            id: execution_id.to_string(),
        })?;
        let text = |at| -> Result<Option<String>, Refusal> { Ok(row.get::<String>(at)?) };
        let graph = |own: usize| -> Result<Option<Graph>, Refusal> {
            let (Some(own), Some(nodes), Some(edges)) = (text(own)?, text(own + 1)?, text(own + 2)?) else {
                return Ok(None);
            };
            Ok(Some(Graph {
                trigger_type: text(2)?.unwrap_or_default(),
                own,
                nodes: jsonb::parse(&nodes, "nodes")?,
                edges: jsonb::parse(&edges, "edges")?,
            }))
        };
        let (version, ran) = (row.get::<i32>(1)?.unwrap_or_default(), row.get::<i32>(6)?);
        let (Some(runs), same) = (graph(3)?, ran == Some(version)) else {
            return Err(Refusal::NotInstalled);
        };
        let ran = match (same, graph(7)?) {
            (true, _) => None,
            // without the graph that ran nobody can say where a node began: only from the start
            (false, ran) => ran.or_else(|| Some(Graph::nothing())),
        };
        Ok(Source {
            version,
            graph: runs,
            ran,
        })
    })
}

/// The completed steps in their order.
fn records(execution_id: Uuid) -> Result<Vec<Record>, Refusal> {
    Spi::connect_mut(|client| {
        let rows = client.update(
            "SELECT s.ordinal, s.node_id, s.place, s.run, s.node_type, s.outcome::text
               FROM automations.recorded_steps s WHERE s.execution_id = $1 AND s.ordinal IS NOT NULL ORDER BY s.ordinal",
            None,
            &[execution_id.into()],
        )?;
        let mut records = Vec::new();
        for row in rows {
            records.push(Record {
                ordinal: row.get::<i32>(1)?.unwrap_or_default(),
                node: row.get::<String>(2)?.unwrap_or_default(),
                place: row.get::<String>(3)?.unwrap_or_default(),
                run: row.get::<i32>(4)?.unwrap_or_default(),
                kind: row.get::<String>(5)?,
                outcome: row.get::<String>(6)?.unwrap_or_default(),
            });
        }
        Ok(records)
    })
}
