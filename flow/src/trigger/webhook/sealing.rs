//! Where secrets stand in what somebody saves, and what stands there instead. Whoever saves an automation writes them
//! in clear; they are sealed before the row is written, so no version, backup of a row or reader of it has them.

use serde_json::{Map, Value};

use crate::sealed::{SealKey, Secret};

/// Only compared: a code of it is kept.
const COMPARED: [&str; 3] = ["token", "password", "verify_token"];
/// Signed with: kept, so that it can be.
const SIGNED_WITH: [&str; 2] = ["secret", "previous_secret"];

/// One secret: the way to it in the JSON, and the sealed text for that place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing {
    /// Keys and indexes, as `jsonb_set` takes them.
    pub path: Vec<String>,
    /// What stands there from now on.
    pub text: String,
}

/// Secrets that still stand in clear in `trigger_config` and in the nodes of a graph.
pub fn to_seal(trigger_config: &Value, nodes: &Value, key: &SealKey) -> (Vec<Sealing>, Vec<Sealing>) {
    let mut in_config = Vec::new();
    in_auth(trigger_config, &[], key, &mut in_config);
    let mut in_nodes = Vec::new();
    for (at, node) in nodes.as_array().into_iter().flatten().enumerate() {
        if node.get("type").and_then(Value::as_str) != Some("trigger-webhook") {
            continue;
        }
        let data = node.get("data").unwrap_or(&Value::Null);
        let at = at.to_string();
        in_auth(data, &[&at, "data"], key, &mut in_nodes);
        in_auth(
            data.get("config").unwrap_or(&Value::Null),
            &[&at, "data", "config"],
            key,
            &mut in_nodes,
        );
    }
    (in_config, in_nodes)
}

fn in_auth(config: &Value, way: &[&str], key: &SealKey, found: &mut Vec<Sealing>) {
    let Some(auth) = config.get("auth").and_then(Value::as_object) else {
        return;
    };
    for (name, text) in secrets(auth) {
        let field = super::super::snake_case(name);
        let secret = match COMPARED.contains(&field.as_str()) {
            true => key.hashed(text.as_bytes()),
            false => Secret::Plain(text.as_bytes().to_vec()),
        };
        let path = way
            .iter()
            .chain(&["auth", name.as_str()])
            .map(|&step| step.to_owned())
            .collect();
        found.extend(key.seal(&secret).map(|text| Sealing { path, text }));
    }
}

fn secrets(auth: &Map<String, Value>) -> impl Iterator<Item = (&String, &str)> {
    auth.iter().filter_map(|(name, value)| {
        let field = super::super::snake_case(name);
        let is_secret = COMPARED.contains(&field.as_str()) || SIGNED_WITH.contains(&field.as_str());
        let text = value.as_str()?;
        (is_secret && !text.is_empty() && !Secret::is_sealed(text)).then_some((name, text))
    })
}
