//! Egress: the one client for everything that leaves the daemon.
//!
//! Whatever a tenant may choose the address of (HTTP nodes, webhooks, model servers) goes through
//! [`Egress::send`], so that there is one place which decides what may be reached:
//!
//! * only `http` and `https`; a literal address is checked before the request, because reqwest does not ask
//!   a resolver for those, and a name is resolved once by [`resolve::CheckedResolver`], which refuses the name
//!   if *any* of its addresses is not public and hands the checked addresses to the connector;
//! * redirects are followed here, one hop at a time, each checked like the first ([`redirect`]);
//! * no proxy from the environment, no cookies, no decompression (nothing is asked for that would need it,
//!   so a compressed bomb stays as small as it was sent), bounded headers, body and time;
//! * errors name the host that the tenant wrote, never the address it resolved to, a path or a query.
//!
//! What an operator lists in `--allow-hosts` is lifted from the refusal ([`AllowHosts`]).

mod address;
mod allow;
mod error;
mod redirect;
mod resolve;
mod route;
mod send;

#[cfg(test)]
pub(crate) mod tests;

pub use allow::AllowHosts;
pub use error::EgressError;
pub use send::Answer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderMap;
use tokio::sync::OnceCell;
use url::Url;

/// How long a connection may take to be made, TLS included (TRUST 2.3).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects that are followed before the request fails.
const MAX_REDIRECTS: usize = 3;
/// Names and values of an answer's headers together, in bytes. Servers themselves refuse far less.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// How long an unused connection is kept for the next request to the same host.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Unused connections kept for each host: as many as the executions of one claim under load, which ask the same one at once;
/// what is closed behind one group is made again for the next. Each is an open file as long as it is kept.
const POOL_IDLE_PER_HOST: usize = 32;

/// One request that is to leave.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The address; user and password in it are sent as basic authentication.
    pub url: Url,
    /// Headers as they are sent (`Host`, `Content-Length` and the like are the client's own).
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// From the first look-up to the last byte of the answer, redirects included.
    pub timeout: Duration,
    /// The largest body accepted, in bytes.
    pub max_bytes: usize,
    /// Whether redirects are followed; if not, they are the answer.
    pub follow: bool,
}

/// The client: pooled connections and the rules for making them. Cheap to clone. It is made with the first request: the
/// certificates of a system take a quarter of the time of a start, and memory that many daemons never need.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    allow: AllowHosts,
    lookup: resolve::Lookup,
    route: OnceCell<route::Route>,
}

impl Egress {
    /// One that may reach these too.
    ///
    /// Certificates are those of the operating system. If it has none, the client is built all the same
    /// (plain `http` works, every `https` fails with [`EgressError::Tls`]) and says so in the log.
    pub fn new(allow: AllowHosts) -> Egress {
        Egress::looking_up(allow, resolve::system())
    }

    /// The same with another way to look names up.
    fn looking_up(allow: AllowHosts, lookup: resolve::Lookup) -> Egress {
        Egress(Arc::new(Inner {
            allow,
            lookup,
            route: OnceCell::new(),
        }))
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// Any [`EgressError`]; `Setup` if TLS cannot be initialised at all.
    pub async fn send(&self, request: Request) -> Result<Answer, EgressError> {
        let limit = request.timeout;
        let sent = send::follow(self.route().await?, request);
        tokio::time::timeout(limit, sent)
            .await
            .unwrap_or(Err(EgressError::Timeout { limit }))
    }

    /// Made once, by whoever comes first; the others wait for it.
    async fn route(&self) -> Result<&route::Route, EgressError> {
        let make = || async { route::Route::new(self.0.allow.clone(), self.0.lookup.clone()) };
        self.0.route.get_or_try_init(make).await
    }
}
