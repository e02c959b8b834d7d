//! One run of one node: names, templates, test mode, the time limit, and a net under panics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use flow::{Node, Outcome, StepId};
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Engine;
use super::execution::Execution;
use super::mentions::Nodes;
use super::names::{Rows, StepNames};
use crate::definitions::{Definition, Prepared};
use crate::nodes::{Class, Done, NodeError, NodeRun};
use crate::queue::tenant::TenantTransaction;

/// A run that is about to begin.
pub struct Act {
    /// What every walk shares.
    pub engine: Arc<Engine>,
    /// Whose step it is.
    pub execution: Arc<Execution>,
    /// The graph.
    pub definition: Arc<Definition>,
    /// The step.
    pub step: StepId,
    /// What led here.
    pub input: Arc<Value>,
    /// The names, without rows.
    pub names: StepNames,
    /// The rows, read at most once until something may have changed them.
    pub rows: Arc<OnceCell<Arc<Rows>>>,
    /// From 1.
    pub attempt: u32,
    /// Of a database node: with how many others of its account a transaction is worth sharing; none: it has its own.
    pub company: Option<usize>,
}

/// A run that has ended.
pub struct Acted {
    /// The step.
    pub step: StepId,
    /// What led here.
    pub input: Arc<Value>,
    /// From 1.
    pub attempt: u32,
    /// When it began, for people.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// What it came to.
    pub result: Result<Done, NodeError>,
    /// Noted while its templates were rendered.
    pub warnings: Vec<String>,
    /// The message of a `logic-stop`.
    pub message: Option<String>,
    /// Of a database node: still open, to be committed with its record.
    pub transaction: Option<TenantTransaction>,
}

#[derive(Default)]
struct Ran {
    warnings: Vec<String>,
    message: Option<String>,
    transaction: Option<TenantTransaction>,
}

impl Act {
    /// Runs the node. Dropping the future gives the run up. What it came to is in a box: a walk moves it from hand to hand.
    pub async fn go(self) -> Box<Acted> {
        let (started_at, began) = (Utc::now(), Instant::now());
        let Act {
            engine,
            execution,
            definition,
            step,
            input,
            names,
            rows,
            attempt,
            company,
        } = self;
        let mut ran = Ran::default();
        let result = match (definition.plan.node(&step.node), definition.nodes.get(&step.node)) {
            (Some(node), Some(prepared)) => {
                let run = Run {
                    engine: &engine,
                    execution: &execution,
                    step: &step,
                    input: &input,
                    node,
                    prepared,
                    company,
                };
                let work = AssertUnwindSafe(run.go(names, &rows, &mut ran)).catch_unwind();
                let limit = node.timeout.unwrap_or(Duration::MAX);
                match tokio::time::timeout(limit, work).await {
                    Ok(Ok(result)) => result,
                    Ok(Err(_)) => Err(NodeError::failed("the node stopped with an internal error")),
                    Err(_) => {
                        let limit = humantime::format_duration(limit);
                        Err(NodeError::new("timeout", format!("not done within {limit}")))
                    }
                }
            }
            _ => Err(NodeError::new("invalid_graph", "there is no such node")),
        };
        let Ran {
            warnings,
            message,
            transaction,
        } = ran;
        // a failed run must not commit what it did before it failed
        let transaction = transaction.filter(|_| result.is_ok());
        Box::new(Acted {
            step,
            input,
            attempt,
            started_at,
            took: began.elapsed(),
            result,
            warnings,
            message,
            transaction,
        })
    }
}

/// The parts of a run that stay the same while it is tried.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) engine: &'a Engine,
    pub(super) execution: &'a Execution,
    step: &'a StepId,
    input: &'a Arc<Value>,
    node: &'a Node,
    prepared: &'a Prepared,
    pub(super) company: Option<usize>,
}

impl Run<'_> {
    async fn go(
        self,
        mut names: StepNames,
        rows: &OnceCell<Arc<Rows>>,
        ran: &mut Ran,
    ) -> Result<Done, NodeError> {
        let Some(kind) = self.prepared.kind else {
            let name = self.node.kind.name;
            return Err(NodeError::failed(format!(
                "this daemon cannot run nodes of the type {name} yet"
            )));
        };
        if self.prepared.mentions.rows {
            names = names.with_rows(rows.get_or_try_init(|| Box::pin(self.rows())).await?.clone());
        }
        if self.prepared.mentions.resume != Nodes::None {
            let signed = Box::pin(self.engine.links.sign(names.tokens())).await?;
            names = names.with_resume(signed);
        }
        let configured = self.prepared.configured.as_ref();
        let configured = configured.map_err(|error| NodeError::new("invalid_graph", error.to_string()))?;
        let rendered = configured
            .render(&names)
            .map_err(|error| NodeError::failed(error.to_string()))?;
        ran.warnings = rendered.warnings;
        let (config, test) = (rendered.value, self.execution.test_mode);
        let acts = matches!(kind.class(), Class::External | Class::Tenant);
        if let Some(pinned) = self
            .node
            .pinned_output
            .as_ref()
            .filter(|pinned| test && !runs_for_real(self.node, pinned))
        {
            return Ok(Done {
                outcome: kind.pinned(pinned),
                ..Done::with(pinned.clone())
            });
        }
        if test && acts {
            return Ok(Done::with(kind.describe(&config)));
        }
        let run = NodeRun {
            execution: self.execution,
            node: self.node,
            config: &config,
            input: self.input,
            names: &names,
            idempotency_key: self.step.idempotency_key(self.execution.id),
            services: &self.engine.services,
            tenant: None,
        };
        let mut done = if kind.class() == Class::Tenant {
            let (done, transaction) = Box::pin(self.as_tenant(kind, run)).await?;
            ran.transaction = Some(transaction);
            done
        } else {
            kind.run(run).await?
        };
        if matches!(done.outcome, Outcome::Stopped(_)) {
            ran.message = config.get("message").and_then(Value::as_str).map(str::to_owned);
        }
        if let Some(pinned) = self.node.pinned_output.as_ref().filter(|_| test) {
            if self.node.kind.name == "logic-loop" {
                let warning = "what is pinned to a loop is its list of items; this is none and is not used";
                done.warnings.push(warning.to_owned());
            } else {
                done.output = Arc::new(pinned.clone());
            }
        }
        Ok(done)
    }
}

/// A node whose run chooses between handles runs for real in test mode, also with a pinned output. What is pinned to a
/// loop are its items.
fn runs_for_real(node: &Node, pinned: &Value) -> bool {
    match node.kind.name {
        "logic-condition" | "logic-switch" | "logic-stop" | "logic-break" => true,
        "logic-loop" => pinned.as_array().is_none_or(|items| items.len() > MOST_PINNED),
        _ => false,
    }
}

/// Items that may be pinned to a loop: more are not looked at one by one by anybody.
const MOST_PINNED: usize = 1_000;

/// What a failed run looks like as `nodes['id'].error`, cleaned.
pub fn error_json(error: &NodeError) -> Value {
    let mut json = error.to_json();
    super::clean::without_nul(&mut json);
    if super::clean::fits(&json, 64 << 10).is_err() {
        let message: String = super::clean::replaced(&error.message)
            .chars()
            .take(1_000)
            .collect();
        return json!({ "message": message, "code": error.code, "cut": true });
    }
    json
}
