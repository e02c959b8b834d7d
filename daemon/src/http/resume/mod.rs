//! `/resume/{token}`: what a person opens who was sent a link. GET shows a page with buttons and changes nothing, because
//! mail scanners and previews follow links; POST resumes, once. Programs, which do not ask for HTML, get JSON.
//! Who has the token may use it; of one that we have not signed nothing is looked up.

mod page;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as With};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use flow::{ResumeToken, TokenKind};
use serde_json::{Map, Value, json};

use self::page::Page;
use super::body::{self, Broken, Room, Unread};
use super::problem::{Problem, retry_after};
use crate::engine::clean;
use crate::queue::waiting_step::WaitingStep;
use crate::queue::{Queue, QueueError};
use crate::signing::Signing;

/// Bytes of what is given to a step.
const PAYLOAD: usize = 1 << 20;
/// Bodies in memory, in MiB.
const IN_MEMORY: usize = 16;

/// What the handlers share.
pub struct Resumes {
    queue: Queue,
    signing: Arc<Signing>,
    room: Room,
}

/// What is said instead of resuming.
#[derive(Debug)]
enum Refusal {
    /// No token of ours.
    Unknown,
    /// Used, too late, or its execution has ended.
    Gone,
    /// An approval without a decision.
    Undecided,
    TooLarge,
    Unread(Unread),
    Broken(Broken),
    /// Not now.
    Busy,
}

impl Resumes {
    /// Over this database.
    pub fn new(queue: Queue, signing: Arc<Signing>) -> Arc<Resumes> {
        Arc::new(Resumes {
            queue,
            signing,
            room: Room::new(IN_MEMORY),
        })
    }

    async fn named(&self, token: &str) -> Result<ResumeToken, Refusal> {
        let secret = self.signing.secret().await.map_err(busy)?;
        ResumeToken::verify(token, secret).map_err(|_| Refusal::Unknown)
    }

    async fn look(&self, token: &str) -> Result<(TokenKind, WaitingStep), Refusal> {
        let token = self.named(token).await?;
        let step = self.queue.waiting_step(token.execution, token.step).await;
        match step.map_err(busy)? {
            step if step.is_open => Ok((token.kind, step)),
            _ => Err(Refusal::Gone),
        }
    }

    async fn resume(&self, token: &str, headers: &HeaderMap, body: Body) -> Result<Option<String>, Refusal> {
        let kind = self.named(token).await?.kind;
        let read = self.room.read(body, PAYLOAD).await.map_err(Refusal::Broken)?;
        if read.too_large {
            return Err(Refusal::TooLarge);
        }
        let given = body::parse(headers, &read.bytes).map_err(Refusal::Unread)?;
        let (outcome, mut payload) = match kind {
            TokenKind::Wait => (None, given),
            TokenKind::Approval => decided(given)?,
        };
        clean::without_nul(&mut payload);
        match clean::fits(&payload, PAYLOAD) {
            Ok(()) => {}
            Err(clean::TooLarge::Bytes(_)) => return Err(Refusal::TooLarge),
            Err(clean::TooLarge::Depth) => {
                let why = "The body is nested deeper than 100 levels.".to_owned();
                return Err(Refusal::Unread(Unread::Malformed(why)));
            }
        }
        match self.queue.resume(token, &payload, outcome.as_deref()).await {
            Ok(true) => Ok(outcome),
            Ok(false) => Err(Refusal::Gone),
            // Postgres writes some numbers longer than we do
            Err(error) if error.sqlstate() == Some("22023") => Err(Refusal::TooLarge),
            Err(error) => Err(busy(error)),
        }
    }
}

fn busy(error: QueueError) -> Refusal {
    tracing::warn!(%error, "a link could not be followed");
    Refusal::Busy
}

/// The outcome of an approval, and what else was said: a form's empty fields are nothing.
fn decided(given: Value) -> Result<(Option<String>, Value), Refusal> {
    let Value::Object(mut fields) = given else {
        return Err(Refusal::Undecided);
    };
    match fields.remove("outcome") {
        Some(Value::String(outcome)) if matches!(outcome.as_str(), "approved" | "rejected") => {
            let said: Map<String, Value> = fields
                .into_iter()
                .filter(|(_, value)| value.as_str().is_none_or(|text| !text.trim().is_empty()))
                .collect();
            Ok((Some(outcome), Value::Object(said)))
        }
        _ => Err(Refusal::Undecided),
    }
}

/// The routes.
pub fn routes(resumes: Arc<Resumes>) -> Router {
    Router::new()
        .route("/resume/{token}", get(shown).post(resumed))
        .method_not_allowed_fallback(|| async { Problem::new(405, "This cannot be done here.") })
        .layer(middleware::from_fn(quietly))
        .with_state(resumes)
}

async fn shown(
    With(resumes): With<Arc<Resumes>>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match (resumes.look(&text(token)).await, wants_html(&headers)) {
        (Ok((kind, step)), true) => Page::asking(kind, &step).response(200),
        (Ok((kind, step)), false) => {
            let waits_for = match kind {
                TokenKind::Wait => "resume",
                TokenKind::Approval => "approval",
            };
            Json(json!({ "waits_for": waits_for, "message": step.message, "label": step.label }))
                .into_response()
        }
        (Err(refusal), html) => refusal.response(html),
    }
}

async fn resumed(
    With(resumes): With<Arc<Resumes>>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let resumed = resumes.resume(&text(token), &headers, body).await;
    match (resumed, wants_html(&headers)) {
        (Ok(outcome), true) => Page::done(outcome.as_deref()).response(200),
        (Ok(outcome), false) => Json(json!({ "resumed": true, "outcome": outcome })).into_response(),
        (Err(refusal), html) => refusal.response(html),
    }
}

/// What is no text is no token.
fn text(token: Result<Path<String>, PathRejection>) -> String {
    token.map_or_else(|_| String::new(), |Path(token)| token)
}

/// The address is a secret: it is in no cache, no search engine and no `Referer`.
async fn quietly(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::HeaderName::from_static("x-robots-tag"),
            "noindex, nofollow",
        ),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A browser says so; programs say `*/*` or nothing.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter();
    accepts
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("text/html"))
}

impl Refusal {
    fn response(self, html: bool) -> Response {
        let (status, said): (u16, String) = match self {
            Refusal::Unknown => (404, "This link is not valid.".to_owned()),
            Refusal::Gone => (
                410,
                "This link has been used, or it is too late for it.".to_owned(),
            ),
            Refusal::Undecided => (400, "`outcome` is missing: approved or rejected.".to_owned()),
            Refusal::TooLarge => (413, format!("What is sent may have {PAYLOAD} bytes.")),
            Refusal::Unread(Unread::Type(why)) => (415, why.to_owned()),
            Refusal::Unread(Unread::Malformed(why)) => (400, why),
            Refusal::Broken(Broken::Slow) => (408, "The body took too long.".to_owned()),
            Refusal::Broken(Broken::Cut) => (400, "The body was cut off.".to_owned()),
            Refusal::Broken(Broken::Full) | Refusal::Busy => (503, "Not now: please try again.".to_owned()),
        };
        let mut response = match html {
            true => Page::saying(&said).response(status),
            false => Problem::new(status, said).into_response(),
        };
        if status == 503 {
            let (name, value) = retry_after(Duration::from_secs(1));
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        if status == 408 {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_takes_its_outcome_and_what_else_was_said() {
        let (outcome, payload) =
            decided(json!({"outcome": "approved", "comment": " ", "by": "Ada", "n": 0})).unwrap();
        assert_eq!(outcome.as_deref(), Some("approved"));
        assert_eq!(payload, json!({"by": "Ada", "n": 0}));
        for given in [
            json!(null),
            json!("approved"),
            json!({}),
            json!({"outcome": "perhaps"}),
            json!({"outcome": ["approved", "rejected"]}),
        ] {
            assert!(
                matches!(decided(given.clone()), Err(Refusal::Undecided)),
                "{given}"
            );
        }
    }

    #[test]
    fn who_asks_for_html_gets_it() {
        for (accept, html) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/json", false),
            ("*/*", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(wants_html(&headers), html, "{accept}");
        }
        assert!(!wants_html(&HeaderMap::new()));
    }
}
