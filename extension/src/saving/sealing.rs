//! Secrets of webhooks are sealed before a row is written, so that neither the row nor its version nor a reader of either
//! has them (docs/decisions/webhook_secrets.md). jsonb does it in place: Rust would round the other numbers of a graph.

use std::ffi::CString;

use flow::trigger::webhook::{Sealing, to_seal};
use flow::{SealKey, Secret};
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use serde_json::Value;

use super::row::Row;
use crate::acting::as_table_owner;
use crate::jsonb;
use crate::refusal::Refusal;
use crate::resuming::secret;

/// The row with its secrets sealed for its owner's account. What is sealed already stays; where the automation changes
/// hands, it is sealed anew, if the row itself had it.
pub fn sealed(new: Row, old: Option<&Row>) -> Result<Row, Refusal> {
    let (Ok(config), Ok(nodes)) = (new.json("trigger_config"), new.json("nodes")) else {
        return Ok(new); // a draft that is too large or too deep to ever be active
    };
    let Some(owner) = new.uuid("user_id").filter(|_| has_auth(&config, &nodes)) else {
        return Ok(new); // nothing to look for, the commonest case
    };
    let secret = as_table_owner(secret)?;
    let key = |owner: pgrx::Uuid| SealKey::new(&secret, uuid::Uuid::from_bytes(*owner.as_bytes()));
    let before = old
        .and_then(|old| old.uuid("user_id"))
        .filter(|before| *before != owner);
    let mut sealings = to_seal(&config, &nodes, &key(owner));
    if let (Some(old), Some(before)) = (old, before) {
        let moved = |text: &str| {
            let secret = Secret::read(text, Some(&key(before)));
            key(owner).seal(&secret)
        };
        let had = (old.json("trigger_config")?, old.json("nodes")?);
        anew(&config, &had.0, &mut Vec::new(), &moved, &mut sealings.0);
        anew(&nodes, &had.1, &mut Vec::new(), &moved, &mut sealings.1);
    }
    let mut changes = Vec::new();
    for (column, sealings) in [("trigger_config", sealings.0), ("nodes", sealings.1)] {
        if !sealings.is_empty() {
            changes.push((column, Some(put(&new, column, sealings)?)));
        }
    }
    new.with(&changes)
}

fn has_auth(config: &Value, nodes: &Value) -> bool {
    let is_webhook = |node: &Value| node.get("type").and_then(Value::as_str) == Some("trigger-webhook");
    config.get("auth").is_some_and(Value::is_object)
        || nodes.as_array().is_some_and(|all| all.iter().any(is_webhook))
}

/// Texts that are sealed in both documents at the same place.
fn anew(
    new: &Value,
    old: &Value,
    way: &mut Vec<String>,
    moved: &dyn Fn(&str) -> Option<String>,
    found: &mut Vec<Sealing>,
) {
    let below =
        |key: String, one: &Value, other: Option<&Value>, way: &mut Vec<String>, found: &mut Vec<Sealing>| {
            if let Some(other) = other {
                way.push(key);
                anew(one, other, way, moved, found);
                way.pop();
            }
        };
    match new {
        Value::String(text) if new == old && Secret::is_sealed(text) => {
            let path = way.clone();
            found.extend(moved(text).map(|text| Sealing { path, text }));
        }
        Value::Object(entries) => {
            for (key, one) in entries {
                below(key.clone(), one, old.get(key), way, found);
            }
        }
        Value::Array(items) => {
            for (at, one) in items.iter().enumerate() {
                below(at.to_string(), one, old.get(at), way, found);
            }
        }
        _ => {}
    }
}

/// The column with these texts in their places.
fn put(row: &Row, column: &'static str, sealings: Vec<Sealing>) -> Result<pg_sys::Datum, Refusal> {
    let mut text: Option<String> = None;
    for sealing in sealings {
        let document: DatumWithOid<'_> = match text.take() {
            None => row.jsonb(column),
            Some(text) => text.into(),
        };
        text = Spi::get_one_with_args(
            "SELECT pg_catalog.jsonb_set($1::text::jsonb, $2, pg_catalog.to_jsonb($3::text))::text",
            &[document, sealing.path.into(), sealing.text.into()],
        )?;
    }
    let text = CString::new(text.unwrap_or_default())?;
    jsonb::datum_of(&text).ok_or(Refusal::NotInstalled)
}
