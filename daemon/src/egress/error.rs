//! What can go wrong with a request, in words that a tenant may read: no resolved address, no path, no query.

use std::error::Error as _;
use std::time::Duration;

use super::resolve::Refusal;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The client could not be built.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(#[source] reqwest::Error),
    /// The address is not a usable `http` or `https` URL.
    #[error("only http and https addresses with a host can be reached")]
    Address,
    /// The host is, or resolves to, an address that is not public, or the port belongs to another protocol.
    #[error("{host} may not be reached: {reason}")]
    Denied {
        /// Host and port as the caller wrote them.
        host: String,
        /// What rule refused it.
        reason: &'static str,
    },
    /// The name does not resolve.
    #[error("the host {host} was not found")]
    NotFound {
        /// Host and port as the caller wrote them.
        host: String,
    },
    /// No connection was made.
    #[error("no connection to {host} could be made")]
    Connect {
        /// Host and port as the caller wrote them.
        host: String,
    },
    /// The certificate or the handshake was not acceptable.
    #[error("the TLS connection to {host} failed: {reason}")]
    Tls {
        /// Host and port as the caller wrote them.
        host: String,
        /// The TLS library's reason (it knows names and certificates, no addresses).
        reason: String,
    },
    /// The time was up.
    #[error("no complete answer within {} ms", .limit.as_millis())]
    Timeout {
        /// The limit that was passed.
        limit: Duration,
    },
    /// The peer broke off or does not speak HTTP.
    #[error("{host} did not answer with valid HTTP")]
    Protocol {
        /// Host and port as the caller wrote them.
        host: String,
    },
    /// The body is larger than asked for.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer's headers are too large.
    #[error("the answer's headers are too large")]
    Headers,
    /// The answer is compressed although that was not asked for.
    #[error("the answer is compressed ({encoding}), which was not asked for")]
    Compressed {
        /// The `Content-Encoding` that was announced.
        encoding: String,
    },
    /// More redirects than are followed.
    #[error("more than {limit} redirects")]
    Redirects {
        /// The limit.
        limit: usize,
    },
}

impl EgressError {
    /// Reads the cause out of reqwest's chain of errors, dropping everything that names an address.
    pub(super) fn explain(error: &reqwest::Error, host: String) -> EgressError {
        let mut source = error.source();
        let mut tls = None;
        while let Some(cause) = source {
            if let Some(refusal) = cause.downcast_ref::<Refusal>() {
                return match refusal {
                    Refusal::Private => EgressError::Denied {
                        host,
                        reason: super::address::NOT_PUBLIC,
                    },
                    Refusal::NotFound => EgressError::NotFound { host },
                };
            }
            if let Some(found) = tls_error(cause) {
                tls = Some(found);
            }
            source = cause.source();
        }
        if let Some(reason) = tls {
            EgressError::Tls { host, reason }
        } else if error.is_timeout() && error.is_connect() {
            EgressError::Timeout {
                limit: super::CONNECT_TIMEOUT,
            }
        } else if error.is_connect() {
            EgressError::Connect { host }
        } else {
            EgressError::Protocol { host }
        }
    }
}

/// The TLS library's reason. An `io::Error` does not give what it wraps as its source, and here one wraps another.
fn tls_error(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = cause;
    while let Some(inner) = cause.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref()) {
        cause = inner;
    }
    let reason = cause.downcast_ref::<rustls::Error>()?.to_string();
    Some(reason.chars().take(200).collect())
}
