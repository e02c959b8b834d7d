//! What a webhook trigger asks for: its path, who may call it, and what the caller gets. Checked when it is saved, and
//! read by the daemon in the same words.

mod auth;
mod sealing;
mod signature;

use serde_json::Value;

pub use auth::Auth;
pub use sealing::{Sealing, to_seal};
pub use signature::{Algorithm, Encoding, Hmac, Request, TOLERANCE, Verified};

use super::{flag, text};
use crate::problem::Problem;
use crate::sealed::SealKey;

/// Characters of a path.
const MAX_PATH: usize = 200;
/// What may be answered; HEAD and OPTIONS carry nothing that could start an execution.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Calls a minute that a webhook may allow itself.
const MAX_RATE: u32 = 600_000;

/// What the caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 202 and the id of the execution, as soon as that is on disk.
    Immediate,
    /// The result of the execution.
    LastNode,
}

/// A webhook's settings, from a resolved `trigger_config`.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// What follows `/hooks/{account}/`, without slashes around it.
    pub path: String,
    /// In capitals; POST where nothing is said.
    pub methods: Vec<String>,
    /// Who may call.
    pub auth: Auth,
    /// What the caller gets.
    pub response: Answer,
    /// Each call is kept as an event, for replay.
    pub keep: bool,
    /// The header whose value names an occasion, where the authentication has no id of its own.
    pub idempotency_header: String,
    /// Calls a minute; the daemon's own limit where nothing is said.
    pub calls_per_minute: Option<u32>,
}

impl Webhook {
    /// Reads the settings. `key` opens secrets; without one, sealed ones stay closed, which is enough for a check.
    ///
    /// # Errors
    /// The first setting that cannot be, by its name. It never shows a secret.
    pub fn from_config(resolved: &Value, key: Option<&SealKey>) -> Result<Webhook, Problem> {
        let header = text(resolved, "idempotency_header")?.unwrap_or("Idempotency-Key");
        Ok(Webhook {
            path: path(resolved)?,
            methods: methods(resolved)?,
            auth: Auth::from_config(resolved.get("auth"), key)?,
            response: match text(resolved, "response")? {
                None | Some("immediate") => Answer::Immediate,
                Some("last_node") => Answer::LastNode,
                Some(_) => return Err(problem("`response` is immediate or last_node")),
            },
            keep: flag(resolved, "keep")?.unwrap_or(false),
            idempotency_header: header_name(header, "idempotency_header")?,
            calls_per_minute: rate(resolved)?,
        })
    }
}

fn path(resolved: &Value) -> Result<String, Problem> {
    let Some(path) = text(resolved, "path")? else {
        return Err(problem("`path` is missing: it is what follows /hooks/{account}/"));
    };
    let path = path.trim_matches('/');
    let part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    if path.len() > MAX_PATH || !path.split('/').all(part) {
        return Err(problem(
            "`path` has up to 200 letters, digits and -._~ in parts that slashes separate",
        ));
    }
    Ok(path.to_owned())
}

fn methods(resolved: &Value) -> Result<Vec<String>, Problem> {
    let wrong = || problem("`methods` is a list of GET, POST, PUT, PATCH and DELETE");
    let given: Vec<&Value> = match resolved.get("methods") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(methods)) => methods.iter().collect(),
        Some(one) => vec![one],
    };
    let mut methods = Vec::new();
    for method in given {
        let method = method.as_str().ok_or_else(wrong)?.trim().to_ascii_uppercase();
        if !METHODS.contains(&method.as_str()) {
            return Err(wrong());
        }
        methods.push(method);
    }
    methods.sort();
    methods.dedup();
    if methods.is_empty() {
        methods.push("POST".to_owned());
    }
    Ok(methods)
}

fn rate(resolved: &Value) -> Result<Option<u32>, Problem> {
    match resolved.get("calls_per_minute") {
        None | Some(Value::Null) => Ok(None),
        Some(number) => number
            .as_u64()
            .or_else(|| number.as_str()?.trim().parse().ok())
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..=MAX_RATE).contains(number))
            .map(Some)
            .ok_or_else(|| problem("`calls_per_minute` is a whole number from 1 to 600000")),
    }
}

/// The name of a header, in small letters.
fn header_name(name: &str, setting: &str) -> Result<String, Problem> {
    let fits = (1..=100).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte));
    match fits {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(problem(format!("`{setting}` must be the name of a header"))),
    }
}

fn problem(message: impl Into<String>) -> Problem {
    Problem::error("trigger_config", None, message)
}
