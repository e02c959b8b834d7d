//! The request as test mode shows it: what would have been sent, without what looks like a secret.

use serde_json::{Map, Value, json};

use super::super::NodeError;
use super::request;

/// What a name holds if it is that of a secret.
const HIDDEN: &str = "***";

/// Parts of names under which people keep secrets.
const SECRET: [&str; 9] = [
    "auth",
    "cookie",
    "credential",
    "key",
    "passw",
    "secret",
    "session",
    "signature",
    "token",
];

/// Method, address, headers and body of the request.
pub(super) fn request(config: &Value) -> Result<Value, NodeError> {
    let mut url = request::url(config)?;
    if url.password().is_some() {
        let _ = url.set_password(Some(HIDDEN));
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if pairs.iter().any(|(name, _)| is_secret(name)) {
        let hidden = |name: &str, value: String| if is_secret(name) { HIDDEN.to_owned() } else { value };
        let pairs: Vec<_> = pairs
            .into_iter()
            .map(|(name, value)| {
                let value = hidden(&name, value);
                (name, value)
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    let headers: Map<String, Value> = match config.get("headers") {
        Some(Value::Object(headers)) => headers
            .iter()
            .map(|(name, value)| {
                (
                    name.clone(),
                    if is_secret(name) {
                        HIDDEN.into()
                    } else {
                        value.clone()
                    },
                )
            })
            .collect(),
        _ => Map::new(),
    };
    Ok(json!({
        "method": request::method(config)?.as_str(),
        "url": url.as_str(),
        "headers": headers,
        "body": config.get("body").cloned().unwrap_or_default(),
    }))
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name != "idempotency-key" && SECRET.iter().any(|part| name.contains(part))
}
