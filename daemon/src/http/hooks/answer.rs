//! What callers of webhooks are told: fixed sentences, never anything of the automation's own but its output.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use flow::trigger::webhook::Auth;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::http::body::{Broken, Unread};
use crate::http::problem::{Problem, retry_after};
use crate::queue::{Outcome, QueueError};

/// Why a call starts nothing.
#[derive(Debug)]
pub enum Refusal {
    /// It may not call, or nobody is called there: which of them is nobody's business.
    Nobody,
    /// Not by this method; these are allowed.
    Method(String),
    /// Too often; free again after this time.
    TooMany(Duration),
    /// Larger than this many bytes.
    TooLarge(usize),
    /// The body is not understood.
    Unread(Unread),
    /// The database refuses it.
    Unwritable(Option<String>),
    /// Not now.
    Busy,
}

impl Refusal {
    /// The answer.
    pub fn response(self) -> Response {
        match self {
            Refusal::Nobody => Problem::new(401, "This call is not allowed.").into_response(),
            Refusal::Method(allowed) => {
                let problem = Problem::new(405, "This webhook is not called by this method.");
                ([(header::ALLOW, allowed)], problem).into_response()
            }
            Refusal::TooMany(wait) => {
                let problem = Problem::new(429, "Too many calls.");
                ([retry_after(wait)], problem).into_response()
            }
            Refusal::TooLarge(most) => {
                Problem::new(413, format!("A call may have {most} bytes.")).into_response()
            }
            Refusal::Unread(Unread::Type(why)) => Problem::new(415, why).into_response(),
            Refusal::Unread(Unread::Malformed(why)) => Problem::new(400, why).into_response(),
            // what start_execution() says of input that is too large as Postgres writes it
            Refusal::Unwritable(Some(state)) if state == "22023" => {
                Problem::new(413, "The call is too large.").into_response()
            }
            Refusal::Unwritable(_) => Problem::new(400, "The call cannot be stored.").into_response(),
            Refusal::Busy => busy(),
        }
    }
}

/// 202 and the execution, which is on disk.
pub fn accepted(id: Uuid) -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "execution_id": id }))).into_response()
}

/// The result, for `last_node`; of one that goes on, its id.
pub fn outcome(id: Uuid, ended: Result<Option<Outcome>, QueueError>) -> Response {
    match ended {
        Ok(Some(outcome)) if outcome.status == "completed" => {
            let output = outcome.output.unwrap_or_else(|| "null".to_owned());
            ([(header::CONTENT_TYPE, "application/json")], output).into_response()
        }
        // why is for the owner of the automation, who finds it by the id
        Ok(Some(outcome)) => {
            Problem::new(500, format!("Execution {id} ended as {}.", outcome.status)).into_response()
        }
        Ok(None) | Err(_) => accepted(id),
    }
}

/// The answer to a sender's question, where it is set up and right.
pub fn challenge(auth: &Auth, query: &Value) -> Option<Response> {
    let asked = |name: &str| Some(query.get(name)?.as_str()?.to_owned());
    let answer = auth.challenged(&asked)??;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Some((headers, answer).into_response())
}

/// Before anything was looked at.
pub fn broken(broken: Broken) -> Response {
    let close = [(header::CONNECTION, "close")];
    match broken {
        Broken::Slow => (close, Problem::new(408, "The body took too long.")).into_response(),
        Broken::Cut => (close, Problem::new(400, "The body was cut off.")).into_response(),
        Broken::Full => busy(),
    }
}

fn busy() -> Response {
    let problem = Problem::new(503, "Not now: try again.");
    ([retry_after(Duration::from_secs(1))], problem).into_response()
}
