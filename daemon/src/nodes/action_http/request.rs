//! A rendered configuration as a request.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::super::{NodeError, setting};
use crate::egress::Request;

/// Milliseconds without a `timeout`, and at most.
const DEFAULT_TIMEOUT: u64 = 10_000;
const MAX_TIMEOUT: u64 = 600_000;
/// Headers of one request. Servers refuse far fewer bytes than this many headers can hold.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// Headers that belong to the connection or to the body's framing. People copy them from other tools; they are left
/// out with a warning, because two meanings of where a request ends are how requests are smuggled.
const OF_THE_CLIENT: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The request, and what was left out of it.
pub(super) fn build(config: &Value, key: Uuid, limit: usize) -> Result<(Request, Vec<String>), NodeError> {
    let mut warnings = Vec::new();
    let mut headers = headers(config, &mut warnings)?;
    let (body, content_type) = body(config)?;
    if let Some(content_type) = content_type {
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(content_type));
    }
    if let Ok(key) = HeaderValue::try_from(key.to_string()) {
        headers.entry("idempotency-key").or_insert(key);
    }
    let most = limit as u64;
    let request = Request {
        method: method(config)?,
        url: url(config)?,
        headers,
        body,
        timeout: Duration::from_millis(setting::integer(
            config,
            "timeout",
            DEFAULT_TIMEOUT,
            1..=MAX_TIMEOUT,
        )?),
        max_bytes: setting::integer(config, "maxBytes", most, 1..=u64::MAX)?.min(most) as usize,
        follow: true,
    };
    Ok((request, warnings))
}

pub(super) fn method(config: &Value) -> Result<Method, NodeError> {
    let method =
        setting::text(config, "method")?.map_or("GET".to_owned(), |text| text.trim().to_ascii_uppercase());
    match method.as_str() {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS" => {
            Method::from_bytes(method.as_bytes())
                .map_err(|_| NodeError::failed("method is not an HTTP method"))
        }
        _ => Err(NodeError::failed(
            "method must be GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS",
        )),
    }
}

/// The address with the query added to it.
pub(super) fn url(config: &Value) -> Result<Url, NodeError> {
    let text = setting::required_text(config, "url")?;
    // The text is not repeated: addresses carry secrets.
    let mut url = Url::parse(text.trim()).map_err(|error| {
        NodeError::failed(format!("url is not an absolute http or https address ({error})"))
    })?;
    match setting::given(config, "query") {
        None => {}
        Some(Value::Object(query)) => {
            let pairs: Vec<_> = query
                .iter()
                .flat_map(|(name, value)| pairs(name, value))
                .collect();
            if !pairs.is_empty() {
                url.query_pairs_mut().extend_pairs(pairs);
            }
        }
        Some(other) => return Err(setting::wrong("query", "an object", other)),
    }
    Ok(url)
}

/// A name with its value, with each of them if it is a list, or not at all if it is null.
fn pairs<'a>(name: &'a str, value: &'a Value) -> Vec<(&'a str, String)> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values
            .iter()
            .map(|value| (name, setting::as_text(value)))
            .collect(),
        value => vec![(name, setting::as_text(value))],
    }
}

fn headers(config: &Value, warnings: &mut Vec<String>) -> Result<HeaderMap, NodeError> {
    let given = match setting::given(config, "headers") {
        None => return Ok(HeaderMap::new()),
        Some(Value::Object(given)) => given,
        Some(other) => return Err(setting::wrong("headers", "an object", other)),
    };
    let mut headers = HeaderMap::new();
    let mut size = 0;
    for (written, value) in given.iter().flat_map(|(name, value)| pairs(name, value)) {
        let shown: String = written.chars().filter(|c| !c.is_control()).take(60).collect();
        let name = HeaderName::from_bytes(written.trim().as_bytes())
            .map_err(|_| NodeError::failed(format!("'{shown}' is not a header's name")))?;
        if OF_THE_CLIENT.contains(&name.as_str()) {
            warnings.push(format!(
                "the header {name} is set by the client itself and was left out"
            ));
            continue;
        }
        if value.contains(['\r', '\n', '\0']) {
            return Err(NodeError::failed(format!(
                "the header {name} holds a line break, which is not allowed"
            )));
        }
        let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| {
            NodeError::failed(format!("the header {name} holds characters that are not allowed"))
        })?;
        size += name.as_str().len() + value.len();
        headers.append(name, value);
    }
    if headers.len() > MAX_HEADERS || size > MAX_HEADER_BYTES {
        return Err(NodeError::failed(format!(
            "more than {MAX_HEADERS} headers or {MAX_HEADER_BYTES} bytes of them"
        )));
    }
    Ok(headers)
}

/// The body's bytes, and the content type that goes with them unless the configuration has one.
fn body(config: &Value) -> Result<(Bytes, Option<&'static str>), NodeError> {
    let kind = setting::text(config, "bodyType")?.unwrap_or_else(|| "json".to_owned());
    let Some(body) = setting::given(config, "body") else {
        return Ok((Bytes::new(), None));
    };
    let (text, content_type) = match kind.as_str() {
        "json" => (json(body)?, "application/json"),
        "form" => (form(body)?, "application/x-www-form-urlencoded"),
        "raw" => (setting::as_text(body), "text/plain; charset=utf-8"),
        _ => return Err(NodeError::failed("bodyType must be json, form or raw")),
    };
    Ok((text.into(), Some(content_type)))
}

/// A text that is JSON already goes as it is (an editor's field is a text). One that was meant to be and is not would
/// arrive as a string nobody expects, so it is refused.
fn json(body: &Value) -> Result<String, NodeError> {
    match body {
        Value::String(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
            Ok(text.clone())
        }
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => Err(NodeError::failed(
            "body is not valid JSON: write it as an object, so that values are quoted for you",
        )),
        body => Ok(body.to_string()),
    }
}

fn form(body: &Value) -> Result<String, NodeError> {
    match body {
        Value::String(text) => Ok(text.clone()),
        Value::Object(fields) => {
            let fields = fields.iter().flat_map(|(name, value)| pairs(name, value));
            Ok(url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish())
        }
        other => Err(setting::wrong("body", "an object for a form", other)),
    }
}
