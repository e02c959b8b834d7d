//! HTTP: what load balancers, probes and Prometheus ask. Errors are `application/problem+json`.

mod problem;
mod status;

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use self::problem::Problem;
use crate::health::Health;
use crate::stop::Stop;

/// What the handlers look at.
#[derive(Clone)]
struct Shown {
    health: Health,
    recorder: PrometheusHandle,
}

/// Binds the address (port 0 picks one) and serves until asked to stop. Returns the address.
pub async fn serve(
    address: SocketAddr,
    health: Health,
    recorder: PrometheusHandle,
    stop: Stop,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let app = Router::new()
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/metrics", get(status::metrics))
        .fallback(|| async { Problem::new(404, "There is nothing here.") })
        .method_not_allowed_fallback(|| async { Problem::new(405, "This cannot be done here.") })
        .with_state(Shown { health, recorder });
    tokio::spawn(async move {
        let stopped = async move { stop.asked().await };
        if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "HTTP ended");
        }
    });
    Ok(bound)
}
