//! HTTP: what load balancers, probes and Prometheus ask. Errors are `application/problem+json`.

mod problem;
mod status;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::problem::Problem;
use crate::health::Health;

/// What the handlers look at.
#[derive(Clone)]
struct Shown {
    health: Health,
    recorder: PrometheusHandle,
}

/// HTTP while it is served. It ends after everything else, so that `/readyz` can say that the daemon is stopping and
/// the last metrics can be fetched.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    over: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Takes no more requests and waits, not for long, for those that are being answered.
    pub async fn end(self) {
        self.over.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.task).await;
    }
}

/// Binds the address (port 0 picks one) and serves until told to end.
pub async fn serve(
    address: SocketAddr,
    health: Health,
    recorder: PrometheusHandle,
) -> std::io::Result<Server> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let app = Router::new()
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/metrics", get(status::metrics))
        .fallback(|| async { Problem::new(404, "There is nothing here.") })
        .method_not_allowed_fallback(|| async { Problem::new(405, "This cannot be done here.") })
        .with_state(Shown { health, recorder });
    let over = CancellationToken::new();
    let ended = over.clone().cancelled_owned();
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(ended).await {
            tracing::error!(%error, "HTTP ended");
        }
    });
    Ok(Server { address, over, task })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::State;

    #[tokio::test]
    async fn a_daemon_that_stops_says_so_until_it_has() {
        let health = Health::default();
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new()
            .build_recorder()
            .handle();
        let server = serve(([127, 0, 0, 1], 0).into(), health.clone(), recorder)
            .await
            .unwrap();
        let address = server.address;
        health.set(State::Claiming);
        assert!(get(address, "/readyz").await.unwrap().starts_with("HTTP/1.1 200"));
        health.set(State::Stopping);
        let answer = get(address, "/readyz").await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 503") && answer.contains("stopping"),
            "{answer}"
        );
        assert!(
            get(address, "/healthz")
                .await
                .unwrap()
                .starts_with("HTTP/1.1 200")
        );
        server.end().await;
        assert!(get(address, "/healthz").await.is_err());
    }

    async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}
