//! HTTP: what load balancers, probes and Prometheus ask, calls of webhooks and agents, and links
//! that resume. Errors are `application/problem+json`.

pub mod body;
pub mod hooks;
mod hosts;
pub mod problem;
pub mod resume;
mod serving;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::hooks::Hooks;
use self::hosts::Hosts;
use self::problem::Problem;
use self::resume::Resumes;
use crate::health::Health;
use crate::mcp;

/// What the handlers look at.
#[derive(Clone)]
struct Shown {
    health: Health,
    recorder: PrometheusHandle,
}

/// What HTTP is made of.
pub struct Parts {
    /// Shared with the worker.
    pub health: Health,
    /// Renders metrics.
    pub recorder: PrometheusHandle,
    /// Calls of webhooks; none in tests of the rest.
    pub hooks: Option<Arc<Hooks>>,
    /// Links that resume.
    pub resumes: Option<Arc<Resumes>>,
    /// Calls of agents; none in tests of the rest.
    pub agents: Option<mcp::Parts>,
    /// What links begin with, and the name that is answered to.
    pub public_url: Option<url::Url>,
}

/// HTTP while it is served. It ends after everything else, so that `/readyz` can say that the daemon is stopping and
/// the last metrics can be fetched.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    over: CancellationToken,
    hooks: Option<Arc<Hooks>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Takes no more requests and waits, not for long, for those that are being answered.
    pub async fn end(self) {
        self.over.cancel();
        if let Some(hooks) = &self.hooks {
            hooks.stop_waiting();
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), self.task).await;
        if let Some(hooks) = &self.hooks {
            let _ = tokio::time::timeout(Duration::from_secs(1), hooks.end()).await;
        }
    }
}

/// Binds the address (port 0 picks one) and serves until told to end.
pub async fn serve(address: SocketAddr, parts: Parts) -> std::io::Result<Server> {
    let Parts {
        health,
        recorder,
        hooks,
        resumes,
        agents,
        public_url,
    } = parts;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let over = CancellationToken::new();
    let ways = hooks
        .clone()
        .map_or_else(Router::new, hooks::routes)
        .merge(resumes.map_or_else(Router::new, resume::routes))
        .merge(agents.map_or_else(Router::new, |agents| mcp::routes(agents, over.clone())));
    let app = Router::new()
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/metrics", get(status::metrics))
        .fallback(|| async { Problem::new(404, "There is nothing here.") })
        .method_not_allowed_fallback(|| async { Problem::new(405, "This cannot be done here.") })
        .with_state(Shown { health, recorder })
        .merge(ways)
        .layer(middleware::from_fn_with_state(
            Hosts::new(public_url.as_ref()),
            hosts::check,
        ));
    let task = tokio::spawn(serving::serve(listener, app, over.clone()));
    Ok(Server {
        address,
        over,
        hooks,
        task,
    })
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
        let parts = Parts {
            health: health.clone(),
            recorder,
            hooks: None,
            resumes: None,
            agents: None,
            public_url: None,
        };
        let server = serve(([127, 0, 0, 1], 0).into(), parts).await.unwrap();
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
        assert!(
            get(address, "/metrics")
                .await
                .unwrap()
                .starts_with("HTTP/1.1 421")
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
