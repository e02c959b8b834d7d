//! The names that templates and conditions may read (CONTRACT section 3), as they are when a step begins.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, SecondsFormat, Utc};
use flow::{Place, ResumeToken, StepId, TokenKind};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::execution::Execution;
use super::mentions::{Mentions, Nodes};
use super::story::Story;

/// The current rows of the execution's lead and conversation; null where there is none.
pub type Rows = (Value, Value);

/// A snapshot for one step.
pub struct StepNames {
    trigger: Arc<Value>,
    input: Arc<Value>,
    rows: Option<Arc<Rows>>,
    nodes: Value,
    variables: Arc<Value>,
    began: DateTime<Utc>,
    of: Arc<Execution>,
    /// Made when something asks for it, which most configurations do not.
    execution: OnceLock<Value>,
    /// Likewise.
    env: OnceLock<Value>,
    iteration: Map<String, Value>,
    /// Of the waits that the configuration mentions.
    tokens: Vec<(Arc<str>, ResumeToken)>,
    resume: Option<Value>,
}

impl StepNames {
    /// Takes the snapshot; of the other nodes' outputs only what the configuration mentions.
    pub fn new(
        execution: &Arc<Execution>,
        story: &Story,
        step: &StepId,
        input: Arc<Value>,
        mentions: &Mentions,
    ) -> StepNames {
        StepNames {
            trigger: execution.trigger.clone(),
            input,
            rows: None,
            nodes: nodes(story, step, &mentions.nodes),
            variables: story.variables_in(&step.place),
            began: Utc::now(),
            of: execution.clone(),
            execution: OnceLock::new(),
            env: OnceLock::new(),
            iteration: iteration(story, step),
            tokens: tokens(execution.id, story, &step.place, &mentions.resume),
            resume: None,
        }
    }

    /// What resumes the waits that the configuration mentions; to be signed, for it.
    pub fn tokens(&self) -> &[(Arc<str>, ResumeToken)] {
        &self.tokens
    }

    /// Adds the signed ones.
    pub fn with_resume(mut self, resume: Value) -> StepNames {
        self.resume = Some(resume);
        self
    }

    /// Adds the rows, for a configuration that mentions them.
    pub fn with_rows(mut self, rows: Arc<Rows>) -> StepNames {
        self.rows = Some(rows);
        self
    }
}

impl flow::Names for StepNames {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        let value = match name {
            "trigger" => &*self.trigger,
            "input" => &*self.input,
            "lead" => &self.rows.as_ref()?.0,
            "conversation" => &self.rows.as_ref()?.1,
            "nodes" => &self.nodes,
            "vars" => &self.variables,
            "execution" => self.execution.get_or_init(|| about(&self.of)),
            "env" => self.env.get_or_init(|| env(&self.of, self.began)),
            "resume" if self.resume.is_some() => self.resume.as_ref()?,
            _ => self.iteration.get(name).or_else(|| self.variables.get(name))?,
        };
        Some(Cow::Borrowed(value))
    }
}

fn about(execution: &Execution) -> Value {
    json!({
        "id": execution.id,
        "automation_id": execution.automation_id,
        "version": execution.version,
        "trigger_type": execution.trigger_type,
        "started_at": execution.started_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "test_mode": execution.test_mode,
    })
}

fn env(execution: &Execution, now: DateTime<Utc>) -> Value {
    json!({
        "now": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "today": now.format("%Y-%m-%d").to_string(),
        "agent_id": execution.agent_id,
    })
}

fn nodes(story: &Story, step: &StepId, which: &Nodes) -> Value {
    let mut object = Map::new();
    let mut add = |id: &Arc<str>| {
        if let Some(kept) = story.newest(id, &step.place) {
            let mut node = Map::new();
            node.insert("output".to_owned(), Arc::unwrap_or_clone(kept.output.value()));
            if let Some(error) = &kept.error {
                node.insert("error".to_owned(), (**error).clone());
            }
            object.insert(id.to_string(), Value::Object(node));
        }
    };
    match which {
        Nodes::None => {}
        Nodes::These(ids) => ids.iter().for_each(&mut add),
        Nodes::All => story.plan().nodes().for_each(|node| add(&node.id)),
    }
    Value::Object(object)
}

/// The run of each mentioned node that is resumed from outside: the one that waits in this place or the first one
/// outwards where it can, else its next one there. Also before it has begun, so that a message can carry it.
fn tokens(execution: Uuid, story: &Story, place: &Place, which: &Nodes) -> Vec<(Arc<str>, ResumeToken)> {
    let token = |id: &Arc<str>| {
        let node = story.plan().node(id)?;
        let kind = match node.kind.name {
            "logic-approval" => TokenKind::Approval,
            "logic-wait" if node.config.get("for") == Some(&json!("resume")) => TokenKind::Wait,
            _ => return None,
        };
        let step = story.upcoming(id, place)?.idempotency_key(execution);
        Some((
            id.clone(),
            ResumeToken {
                kind,
                execution,
                step,
            },
        ))
    };
    match which {
        Nodes::None => Vec::new(),
        Nodes::These(ids) => ids.iter().filter_map(token).collect(),
        Nodes::All => story.plan().nodes().filter_map(|node| token(&node.id)).collect(),
    }
}

/// Item and index of each loop around the step, the innermost winning.
fn iteration(story: &Story, step: &StepId) -> Map<String, Value> {
    let mut names = Map::new();
    let mut place = flow::Place::default();
    for one in step.place.iterations() {
        let config = story.plan().node(&one.loop_id).map(|node| &node.config);
        let name = |key: &str, default: &str| {
            let chosen = config
                .and_then(|config| config.get(key)?.as_str())
                .filter(|name| !name.is_empty());
            chosen.unwrap_or(default).to_owned()
        };
        let items = story.items(&one.loop_id, &place, one.run);
        let item = items
            .and_then(|items| items.get(one.item as usize).cloned())
            .unwrap_or_default();
        names.insert(name("itemVariable", "item"), item);
        names.insert(name("indexVariable", "index"), Value::from(one.item));
        place = place.inside(one.loop_id.clone(), one.run, one.item);
    }
    names
}
