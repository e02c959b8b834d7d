//! A run of one node as the engine would make it: configuration rendered, nothing else around it.

use std::sync::Arc;

use chrono::DateTime;
use flow::{Configured, catalogue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Done, NodeError, NodeKind, NodeRun, Services, registry};
use crate::egress::Egress;
use crate::engine::execution::Execution;
use crate::settings::Limits;

/// What a node is run with.
pub(super) struct Run {
    kind: &'static str,
    config: Value,
    names: Value,
    input: Value,
    allow: String,
}

impl Run {
    pub(super) fn new(kind: &'static str, config: Value) -> Run {
        Run {
            kind,
            config,
            names: json!({}),
            input: Value::Null,
            allow: String::new(),
        }
    }

    pub(super) fn names(self, names: Value) -> Run {
        Run { names, ..self }
    }

    pub(super) fn input(self, input: Value) -> Run {
        Run { input, ..self }
    }

    pub(super) fn allowing(self, hosts: &str) -> Run {
        Run {
            allow: hosts.to_owned(),
            ..self
        }
    }

    pub(super) async fn go(self, node: &dyn NodeKind) -> Result<Done, NodeError> {
        let kind = catalogue::node_type(self.kind).unwrap();
        let config = Configured::compile(&self.config, kind).and_then(|config| config.render(&self.names));
        let config = config
            .map_err(|error| NodeError::failed(error.to_string()))?
            .value;
        let services = Services {
            egress: Egress::new(self.allow.parse().unwrap()),
            limits: Limits::default(),
        };
        let node_of_graph = flow::Node {
            id: "n".into(),
            kind,
            label: "n".to_owned(),
            disabled: false,
            config: self.config.clone(),
            on_error: Default::default(),
            on_interrupted: Default::default(),
            pinned_output: None,
            output_variable: None,
            timeout: None,
            retry: None,
        };
        let execution = execution(self.names.get("trigger").cloned().unwrap_or_default());
        node.run(NodeRun {
            execution: &execution,
            node: &node_of_graph,
            config: &config,
            input: &Arc::new(self.input),
            names: &self.names,
            idempotency_key: Uuid::from_u128(7),
            services: &services,
            tenant: None,
        })
        .await
    }
}

fn execution(trigger: Value) -> Execution {
    Execution {
        id: Uuid::from_u128(1),
        account_id: Uuid::from_u128(2),
        automation_id: Uuid::from_u128(3),
        version: Some(1),
        agent_id: None,
        trigger_type: "manual".to_owned(),
        trigger: Arc::new(trigger),
        lead_id: None,
        conversation_id: None,
        depth: 0,
        test_mode: false,
        started_at: DateTime::UNIX_EPOCH,
    }
}

/// The handles that a run chose.
pub(super) fn chosen(done: &Done) -> Vec<String> {
    match &done.outcome {
        flow::Outcome::Chose(handles) => handles.clone(),
        other => panic!("chose nothing: {other:?}"),
    }
}

#[test]
fn every_registered_node_is_in_the_catalogue_once() {
    let mut names: Vec<_> = registry().iter().map(|kind| kind.name()).collect();
    for name in &names {
        assert!(catalogue::node_type(name).is_some(), "{name}");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[tokio::test]
async fn a_trigger_gives_the_trigger_data() {
    let run = Run::new("trigger-manual", json!({})).names(json!({"trigger": {"a": 1}}));
    let done = run.go(&super::trigger::Trigger("trigger-manual")).await.unwrap();
    assert_eq!(*done.output, json!({"a": 1}));
}

#[tokio::test]
async fn a_condition_chooses_true_or_false() {
    let rules = |value: Value| json!([{"field": "trigger.new.score", "operator": "gte", "value": value}]);
    for (config, handle) in [
        (json!({"rules": rules(json!(50))}), "true"),
        (json!({"rules": rules(json!("90"))}), "false"),
        (json!({"rules": rules(json!("{{ least }}"))}), "true"),
        (json!({"expression": "trigger.new.score > 70"}), "true"),
        (json!({"expression": "{{ trigger.new.gone }}"}), "false"),
    ] {
        let names = json!({"trigger": {"new": {"score": 80}}, "least": 80});
        let done = Run::new("logic-condition", config.clone())
            .names(names)
            .go(&super::logic_condition::LogicCondition)
            .await;
        assert_eq!(chosen(&done.unwrap()), [handle], "{config}");
    }
}

#[tokio::test]
async fn a_merge_passes_its_input_on_and_a_delay_parks_with_it() {
    let input = json!({"x": 1});
    let merged = Run::new("logic-merge", json!({}))
        .input(input.clone())
        .go(&super::logic_merge::LogicMerge)
        .await
        .unwrap();
    assert_eq!(merged, Done::with(input.clone()));
    let names = json!({"env": {"now": "2026-01-01T00:00:00Z"}});
    for (until, parks) in [("2026-01-01T00:01:00Z", true), ("2025-01-01", false)] {
        let run = Run::new("logic-delay", json!({"until": until}))
            .names(names.clone())
            .input(input.clone());
        let done = run.go(&super::logic_delay::LogicDelay).await.unwrap();
        assert_eq!((done.park.is_some(), &*done.output), (parks, &input), "{until}");
    }
}

#[tokio::test]
async fn a_tenant_node_without_its_transaction_fails_instead_of_acting() {
    let config = json!({"operation": "find", "table": "leads"});
    let error = Run::new("action-db", config)
        .go(&super::action_db::ActionDb)
        .await
        .unwrap_err();
    assert_eq!(error.code, "node_failed");
}
