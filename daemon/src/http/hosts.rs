//! The host names that HTTP answers to: that of `--public-url`, `localhost`, and addresses. Another name means that
//! somebody's page lets a browser ask us by a name of its own (DNS rebinding), or that `--public-url` is missing.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State as With};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// What is asked by whatever name, because probes know none, and tells nothing.
const FOR_PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The names.
#[derive(Debug, Clone)]
pub struct Hosts {
    public: Option<Arc<str>>,
}

impl Hosts {
    /// That of this address, beside the usual ones.
    pub fn new(public_url: Option<&url::Url>) -> Hosts {
        Hosts {
            public: public_url.and_then(url::Url::host_str).map(Arc::from),
        }
    }

    fn know(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let name = name.trim_end_matches('.');
        name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self
                .public
                .as_deref()
                .is_some_and(|public| name.eq_ignore_ascii_case(public))
    }
}

/// Answers 421 to a name that is not ours.
pub async fn check(With(hosts): With<Hosts>, request: Request, next: Next) -> Response {
    let mut named = request.headers().get_all(header::HOST).iter();
    let host = named.next().and_then(|host| host.to_str().ok());
    let one = named.next().is_none() && host.is_some_and(|host| hosts.know(host));
    if one || FOR_PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    Problem::new(
        421,
        "This server does not answer to that host name: --public-url names it.",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_its_own_names_are_known_and_no_others() {
        let url = url::Url::parse("https://hooks.example.com/x").unwrap();
        let hosts = Hosts::new(Some(&url));
        for host in [
            "hooks.example.com",
            "HOOKS.example.com:8787",
            "hooks.example.com.",
            "127.0.0.1:8787",
            "10.1.2.3",
            "[::1]:80",
            "localhost:1",
        ] {
            assert!(hosts.know(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "hooks.example.com.evil.test",
            "x",
            ":80",
            "[x]",
            "127.0.0.1.evil.test",
        ] {
            assert!(!hosts.know(host), "{host}");
        }
        assert!(!Hosts::new(None).know("hooks.example.com"));
    }
}
