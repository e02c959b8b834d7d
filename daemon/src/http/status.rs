//! `/healthz`, `/readyz` and `/metrics`.

use axum::Json;
use axum::extract::State as With;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shown;
use super::problem::Problem;
use crate::health::State;

/// The process is alive; says nothing of the database, so that a restart is never tried as a cure for it.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 while executions are claimed, else 503 with what stands in the way.
pub async fn readyz(With(shown): With<Shown>) -> Response {
    let status = shown.health.status();
    match status.state {
        State::Claiming => Json(json!({ "status": "ready", "listening": status.listening })).into_response(),
        State::Starting => Problem::new(503, "starting: not connected to the database yet").into_response(),
        State::Stopping => Problem::new(503, "stopping").into_response(),
        State::Waiting(why) => Problem::new(503, why).into_response(),
    }
}

/// Prometheus' text format.
pub async fn metrics(With(shown): With<Shown>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        shown.recorder.render(),
    )
}
