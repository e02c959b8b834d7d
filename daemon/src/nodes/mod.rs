//! The nodes: what each type of the catalogue does when its step runs. One file per type, all of one shape:
//! a unit struct that implements [`NodeKind`], and a line in [`registry`].
//!
//! A node sees its rendered configuration, its input and the services; it knows nothing of leases, records,
//! parking or the graph. The engine decides what surrounds a run by the node's [`Class`].

mod action_create_booking;
mod action_db;
mod action_emit;
mod action_http;
mod action_send_message;
mod action_update_lead;
mod expression;
mod items;
mod logic_approval;
mod logic_break;
mod logic_condition;
mod logic_delay;
mod logic_loop;
mod logic_merge;
mod logic_stop;
mod logic_sub_automation;
mod logic_switch;
mod logic_wait;
mod moment;
pub mod outside;
mod setting;
mod span;
#[cfg(test)]
mod tests;
mod transform_aggregate;
mod transform_filter;
mod transform_map;
mod transform_set_variable;
mod trigger;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use uuid::Uuid;

use self::outside::{Came, Child, Wait};
use crate::egress::Egress;
use crate::engine::execution::Execution;
use crate::queue::tenant::{TenantError, TenantTransaction};
use crate::settings::Limits;

/// What the engine must do around a run of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Computes and nothing else: recorded together with the next durable write, runs again after a crash.
    Pure,
    /// Acts outside of the database: a `started` record with the idempotency key goes before it (DESIGN D8).
    External,
    /// Acts in the database as the tenant: effect and record are one transaction (D8, D9).
    Tenant,
    /// Only waits: the execution is parked when nothing else runs.
    Parks,
    /// Waits for something outside, which [`NodeKind::arrived`] makes a result of.
    Waits,
}

/// Everything a run of a node may look at.
#[derive(Clone, Copy)]
pub struct NodeRun<'a> {
    /// The execution that the step belongs to.
    pub execution: &'a Execution,
    /// The node as it was saved; `node.config` is not rendered.
    pub node: &'a flow::Node,
    /// The node's configuration with its templates rendered. What a node evaluates itself, for each item or with
    /// names of its own (conditions, expressions, a mapping), stands here as it was saved.
    pub config: &'a Value,
    /// The output of the node that led here.
    pub input: &'a Arc<Value>,
    /// The names that templates and conditions may use, for what is evaluated per element.
    pub names: &'a (dyn flow::Names + Sync),
    /// The same for every attempt of this step.
    pub idempotency_key: Uuid,
    /// What nodes use to act.
    pub services: &'a Services,
    /// The open transaction of a [`Class::Tenant`] node; `None` for every other class.
    pub tenant: Option<&'a TenantTransaction>,
}

impl<'a> NodeRun<'a> {
    /// The transaction of a [`Class::Tenant`] node.
    fn as_tenant(&self) -> Result<&'a TenantTransaction, NodeError> {
        self.tenant
            .ok_or_else(|| NodeError::failed("the node was run outside of its transaction"))
    }
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The step's output. What only passes its input on gives that very value, which is kept and shown once.
    pub output: Arc<Value>,
    /// What the run chose.
    pub outcome: flow::Outcome,
    /// Variables that it set.
    pub variables: Map<String, Value>,
    /// Noted on the step.
    pub warnings: Vec<String>,
    /// Some: the step waits before it completes. Where it only waits for a while it completes with `output`.
    pub park: Option<Park>,
    /// Some: an execution is to be started before anything else becomes of the step.
    pub child: Option<Child>,
}

impl Done {
    /// The ordinary end: leaves by the default handle with this output.
    pub fn with(output: impl Into<Arc<Value>>) -> Done {
        Done {
            output: output.into(),
            outcome: flow::Outcome::Default,
            variables: Map::new(),
            warnings: Vec::new(),
            park: None,
            child: None,
        }
    }

    /// Leaves by one named handle.
    pub fn chose(output: impl Into<Arc<Value>>, handle: impl Into<String>) -> Done {
        Done {
            outcome: flow::Outcome::Chose(vec![handle.into()]),
            ..Done::with(output)
        }
    }
}

/// How a step waits in the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Park {
    /// For how long at most; `None`: until what it waits for has come.
    pub wake_in: Option<Duration>,
    /// What it waits for outside; `None`: only for the time to pass.
    pub wait: Option<Wait>,
}

impl Park {
    /// Waits for the time to pass.
    pub fn during(wait: Duration) -> Park {
        Park {
            wake_in: Some(wait),
            wait: None,
        }
    }
}

/// Why a run failed: `error_code` of CONTRACT section 2, a sentence, and what the node type adds to
/// `nodes['id'].error`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct NodeError {
    /// `node_failed`, `timeout`, `too_large`, `denied`, `no_secret`, `interrupted`.
    pub code: &'static str,
    /// A sentence for the person who drew the node.
    pub message: String,
    /// Beside `message` and `code` in the error object, for example `status` and `body`.
    pub details: Map<String, Value>,
}

impl NodeError {
    /// `node_failed` with a sentence.
    pub fn failed(message: impl Into<String>) -> NodeError {
        NodeError::new("node_failed", message)
    }

    /// Any code of CONTRACT section 2 with a sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> NodeError {
        NodeError {
            code,
            message: message.into(),
            details: Map::new(),
        }
    }

    /// Adds a key beside `message` and `code`.
    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> NodeError {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// The object that templates see as `nodes['id'].error`.
    pub fn to_json(&self) -> Value {
        let mut object = self.details.clone();
        object.insert("message".to_owned(), Value::String(self.message.clone()));
        object.insert("code".to_owned(), Value::String(self.code.to_owned()));
        Value::Object(object)
    }
}

impl From<TenantError> for NodeError {
    fn from(error: TenantError) -> NodeError {
        let code = if error.sqlstate() == Some("42501") {
            "denied"
        } else {
            "node_failed"
        };
        let failure = NodeError::new(code, error.to_string());
        match error.sqlstate() {
            Some(sqlstate) => failure.detail("sqlstate", sqlstate),
            None => failure,
        }
    }
}

/// What nodes use to act.
pub struct Services {
    /// The one client for everything that leaves (TRUST 2.3).
    pub egress: Egress,
    /// The limits of CONTRACT section 6.
    pub limits: Limits,
}

/// One type of the catalogue.
#[async_trait]
pub trait NodeKind: Send + Sync {
    /// The type's name in the graph, `logic-condition` for example.
    fn name(&self) -> &'static str;

    /// What the engine must do around a run.
    fn class(&self) -> Class;

    /// Performs one run. Dropping the future must be safe at every await: that is how a run is cancelled.
    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError>;

    /// What a step of [`Class::Waits`] comes to now that what it waited for has come, or its time is over.
    fn arrived(&self, _: Came) -> Result<Done, NodeError> {
        Err(NodeError::failed("the node waits for nothing"))
    }

    /// Test mode: which way the run takes with this pinned output.
    fn pinned(&self, _: &Value) -> flow::Outcome {
        flow::Outcome::Default
    }

    /// Test mode: what a run with this rendered configuration would have done, as its output.
    fn describe(&self, config: &Value) -> Value {
        serde_json::json!({ "test_mode": true, "would_run": self.name(), "config": config })
    }
}

/// A description for test mode: what would have been done, or why it would have failed.
fn described(name: &str, call: Result<Value, NodeError>) -> Value {
    let (key, value) = match call {
        Ok(call) => ("config", call),
        Err(error) => ("would_fail", error.to_json()),
    };
    serde_json::json!({ "test_mode": true, "would_run": name, key: value })
}

/// Every type that this daemon can perform. Adding a node is adding a file, its `mod` line and a line here.
pub fn registry() -> &'static [&'static dyn NodeKind] {
    &[
        &trigger::Trigger("trigger-event"),
        &trigger::Trigger("trigger-schedule"),
        &trigger::Trigger("trigger-manual"),
        &trigger::Trigger("trigger-ai-tool"),
        &trigger::Trigger("trigger-webhook"),
        &action_create_booking::ActionCreateBooking,
        &action_db::ActionDb,
        &action_emit::ActionEmit,
        &action_http::ActionHttp,
        &action_send_message::ActionSendMessage,
        &action_update_lead::ActionUpdateLead,
        &logic_approval::LogicApproval,
        &logic_break::LogicBreak,
        &logic_condition::LogicCondition,
        &logic_delay::LogicDelay,
        &logic_loop::LogicLoop,
        &logic_merge::LogicMerge,
        &logic_stop::LogicStop,
        &logic_sub_automation::LogicSubAutomation,
        &logic_switch::LogicSwitch,
        &logic_wait::LogicWait,
        &transform_aggregate::TransformAggregate,
        &transform_filter::TransformFilter,
        &transform_map::TransformMap,
        &transform_set_variable::TransformSetVariable,
    ]
}

/// The implementation of a type, if this daemon has one.
pub fn find(name: &str) -> Option<&'static dyn NodeKind> {
    registry().iter().copied().find(|kind| kind.name() == name)
}
