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
use super::names::{Rows, StepNames};
use crate::backoff::Backoff;
use crate::definitions::{Definition, Prepared};
use crate::nodes::{Class, Done, NodeError, NodeRun};
use crate::queue::error::{is_gone, is_transient};
use crate::queue::tenant::{Tenant, TenantError, TenantTransaction, Trouble};

/// Below the server's default `deadlock_timeout` of a second: we give way before anybody is chosen as a victim.
const LOCK_TIMEOUT_MS: i64 = 500;
/// How long one statement as the tenant may take.
const STATEMENT_TIMEOUT_MS: i64 = 30_000;
/// How often a transaction that collided is tried.
const COLLISIONS: u32 = 6;

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
    /// Runs the node. Dropping the future gives the run up.
    pub async fn go(self) -> Acted {
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
                };
                let work = AssertUnwindSafe(run.go(names, &rows, attempt, &mut ran)).catch_unwind();
                let limit = node.timeout.unwrap_or(Duration::MAX);
                match tokio::time::timeout(limit, work).await {
                    Ok(Ok(result)) => result,
                    Ok(Err(_)) => Err(NodeError::failed("the node stopped with an internal error")),
                    Err(_) => {
                        let limit = humantime::format_duration(limit);
                        Err(NodeError::new("timeout", format!("not done within {limit}")).retryable())
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
        Acted {
            step,
            input,
            attempt,
            started_at,
            took: began.elapsed(),
            result,
            warnings,
            message,
            transaction,
        }
    }
}

/// The parts of a run that stay the same while it is tried.
#[derive(Clone, Copy)]
struct Run<'a> {
    engine: &'a Engine,
    execution: &'a Execution,
    step: &'a StepId,
    input: &'a Value,
    node: &'a Node,
    prepared: &'a Prepared,
}

impl Run<'_> {
    async fn go(
        self,
        mut names: StepNames,
        rows: &OnceCell<Arc<Rows>>,
        attempt: u32,
        ran: &mut Ran,
    ) -> Result<Done, NodeError> {
        let Some(kind) = self.prepared.kind else {
            let name = self.node.kind.name;
            return Err(NodeError::failed(format!(
                "this daemon cannot run nodes of the type {name} yet"
            )));
        };
        if self.prepared.mentions.rows {
            names = names.with_rows(rows.get_or_try_init(|| self.rows()).await?.clone());
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
            .filter(|_| test && !is_choosing(self.node))
        {
            return Ok(Done::with(pinned.clone()));
        }
        if test && acts {
            return Ok(Done::with(kind.describe(&config)));
        }
        let run = NodeRun {
            execution: self.execution,
            step: self.step,
            node: self.node,
            config: &config,
            input: self.input,
            names: &names,
            idempotency_key: self.step.idempotency_key(self.execution.id),
            attempt,
            services: &self.engine.services,
            tenant: None,
        };
        let mut done = if kind.class() == Class::Tenant {
            let (done, transaction) = self.as_tenant(kind, run).await?;
            ran.transaction = Some(transaction);
            done
        } else {
            kind.run(run).await?
        };
        if matches!(done.outcome, Outcome::Stopped(_)) {
            ran.message = config.get("message").and_then(Value::as_str).map(str::to_owned);
        }
        if let Some(pinned) = self.node.pinned_output.as_ref().filter(|_| test) {
            done.output = pinned.clone();
        }
        Ok(done)
    }

    /// The whole transaction but its record and commit; what collided is tried again from its beginning.
    async fn as_tenant(
        self,
        kind: &dyn crate::nodes::NodeKind,
        run: NodeRun<'_>,
    ) -> Result<(Done, TenantTransaction), NodeError> {
        let mut tries = Tries::default();
        loop {
            let mut transaction = match self.begin().await {
                Ok(transaction) => transaction,
                Err((trouble, error)) => {
                    tries.again(trouble, error).await?;
                    continue;
                }
            };
            let result = kind
                .run(NodeRun {
                    tenant: Some(&transaction),
                    ..run
                })
                .await;
            match result {
                Err(error) => {
                    let trouble = transaction.trouble();
                    drop(transaction);
                    tries.again(trouble, error).await?;
                }
                Ok(done) => match transaction.leave().await {
                    Ok(()) => return Ok((done, transaction)),
                    Err(error) => {
                        drop(transaction);
                        tries.again(error.trouble(), error.into()).await?;
                    }
                },
            }
        }
    }

    /// The current rows of lead and conversation, as the tenant sees them.
    async fn rows(self) -> Result<Arc<Rows>, NodeError> {
        if self.execution.lead_id.is_none() && self.execution.conversation_id.is_none() {
            return Ok(Arc::default());
        }
        let mut tries = Tries::default();
        loop {
            let read = async {
                let transaction = self.begin().await?;
                let seen = |error: TenantError| (error.trouble(), NodeError::from(error));
                let read = transaction.read(self.execution.lead_id, self.execution.conversation_id);
                let rows = read.await.map_err(seen)?;
                transaction.rollback().await.map_err(seen)?;
                Ok(rows)
            };
            match read.await {
                Ok(rows) => return Ok(Arc::new(rows)),
                Err((trouble, error)) => tries.again(trouble, error).await?,
            }
        }
    }

    async fn begin(self) -> Result<TenantTransaction, (Option<Trouble>, NodeError)> {
        let connection = self.engine.queue.connection().await.map_err(|error| {
            let trouble = match error.sqlstate() {
                Some(sqlstate) if is_transient(sqlstate) => Some(Trouble::Collision),
                Some(sqlstate) if !is_gone(sqlstate) => None,
                _ => Some(Trouble::Gone),
            };
            (trouble, NodeError::failed(error.to_string()))
        })?;
        let tenant = Tenant {
            account_id: self.execution.account_id,
            execution_id: self.execution.id,
            depth: self.execution.depth,
            lock_timeout_ms: LOCK_TIMEOUT_MS,
            statement_timeout_ms: STATEMENT_TIMEOUT_MS,
        };
        let begun = TenantTransaction::begin(connection, tenant).await;
        begun.map_err(|error| (error.trouble(), error.into()))
    }
}

/// A node whose run chooses between handles runs for real in test mode, also with a pinned output.
fn is_choosing(node: &Node) -> bool {
    matches!(
        node.kind.name,
        "logic-condition" | "logic-switch" | "logic-loop" | "logic-stop" | "logic-break"
    )
}

/// Collisions are tried a few times; a database that is gone as long as the lease lasts, which the walk watches.
struct Tries {
    collisions: u32,
    backoff: Backoff,
}

impl Default for Tries {
    fn default() -> Tries {
        Tries {
            collisions: 0,
            backoff: Backoff::new(Duration::from_millis(20), Duration::from_secs(1)),
        }
    }
}

impl Tries {
    async fn again(&mut self, trouble: Option<Trouble>, error: NodeError) -> Result<(), NodeError> {
        match trouble {
            None => return Err(error),
            Some(Trouble::Collision) => {
                self.collisions += 1;
                if self.collisions >= COLLISIONS {
                    return Err(error.retryable());
                }
            }
            Some(Trouble::Gone) => {}
        }
        tracing::debug!(%error, "a database node is tried again");
        self.backoff.wait().await;
        Ok(())
    }
}

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
