//! An answer as the step's output, or as its failure.

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Map, Value, json};

use super::super::{NodeError, setting};
use crate::egress::Answer;

/// Bytes of body that a failure keeps.
const MAX_FAILURE_BODY: usize = 64 * 1024;

/// `{status, headers, body}`: names of headers in lower case, the body parsed if its content type is JSON.
pub(super) async fn output(answer: &Answer, warnings: &mut Vec<String>) -> Value {
    json!({
        "status": answer.status.as_u16(),
        "headers": headers(answer),
        "body": body(answer, warnings).await,
    })
}

/// The failure of a status that does not count as success.
pub(super) fn refused(answer: &Answer, mut output: Value) -> NodeError {
    let status = answer.status.as_u16();
    let reason = answer.status.canonical_reason().unwrap_or("no reason known");
    let mut failure = NodeError::failed(format!("the server answered {status} ({reason})"))
        .detail("status", status)
        .detail("headers", output["headers"].take())
        .detail("body", kept(output["body"].take()));
    if let Some(after) = answer
        .headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
    {
        failure = failure.detail("retryAfter", after.trim());
    }
    failure
}

/// A failure's body as it is kept: whole if it is short, else the beginning of its text. Failures are copied to where
/// people look for them, and long ones are pages for a browser.
fn kept(body: Value) -> Value {
    let text = setting::as_text(&body);
    if text.len() <= MAX_FAILURE_BODY {
        return body;
    }
    let end = text.floor_char_boundary(MAX_FAILURE_BODY);
    format!("{} ...", text.get(..end).unwrap_or_default()).into()
}

/// Several values of one header as one text, as the standard joins them; cookies cannot be joined and stay a list.
fn headers(answer: &Answer) -> Map<String, Value> {
    let mut headers = Map::new();
    for name in answer.headers.keys() {
        let values: Vec<String> = answer
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let value = match name.as_str() {
            "set-cookie" => json!(values),
            _ => values.join(", ").into(),
        };
        headers.insert(name.as_str().to_owned(), value);
    }
    headers
}

async fn body(answer: &Answer, warnings: &mut Vec<String>) -> Value {
    if answer.body.is_empty() {
        return Value::Null;
    }
    let content_type = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let text = answer.text().await;
    if essence.ends_with("/json") || essence.ends_with("+json") {
        match serde_json::from_str(&text) {
            Ok(value) => return value,
            Err(_) => warnings.push("the answer says that it is JSON, but cannot be read as such".to_owned()),
        }
    } else if text.contains('\u{fffd}') {
        warnings.push("the answer holds bytes that are not text".to_owned());
    }
    text.into()
}
