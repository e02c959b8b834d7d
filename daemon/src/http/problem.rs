//! `application/problem+json` (RFC 9457): the one shape of every error that HTTP gives.

use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error for whoever asked; never says more than its sentence.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    /// With this status and sentence.
    pub fn new(status: u16, detail: impl Into<String>) -> Problem {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Problem {
            status,
            detail: detail.into(),
        }
    }
}

/// The header of an answer that says when to come again, in seconds.
pub fn retry_after(wait: Duration) -> (HeaderName, String) {
    (
        header::RETRY_AFTER,
        wait.as_secs_f64().ceil().max(1.0).to_string(),
    )
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        (
            self.status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body.to_string(),
        )
            .into_response()
    }
}
