//! The decision before each hop: may this URL be requested, and by which client.
//!
//! There are two pools. What an operator listed by name goes through one whose resolver does not check, all
//! else through one that does; so a connection made under the one rule is never used under the other.

use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Client;
use url::{Host, Url};

use super::address::{NOT_PUBLIC, OTHER_PROTOCOL, is_other_protocol};
use super::resolve::{CheckedResolver, Lookup, may_reach};
use super::{AllowHosts, CONNECT_TIMEOUT, EgressError, MAX_HEADER_BYTES, POOL_IDLE, POOL_IDLE_PER_HOST};

/// The clients and the list that chooses between them.
#[derive(Clone)]
pub(super) struct Route {
    allow: Arc<AllowHosts>,
    checked: Client,
    listed: Option<Client>,
}

impl Route {
    pub(super) fn new(allow: AllowHosts, lookup: Lookup) -> Result<Route, EgressError> {
        // reqwest panics without a provider; main has installed this one already, tests have not.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let allow = Arc::new(allow);
        let checked = client(CheckedResolver {
            allow: Some(Arc::clone(&allow)),
            lookup: Arc::clone(&lookup),
        })?;
        let listed = match allow.has_names() {
            true => Some(client(CheckedResolver { allow: None, lookup })?),
            false => None,
        };
        Ok(Route {
            allow,
            checked,
            listed,
        })
    }

    /// The client for a URL.
    ///
    /// # Errors
    /// `Address` for another scheme or no host, `Denied` for what may not be reached. Names that turn out to be
    /// private are refused later, by the resolver.
    pub(super) fn choose(&self, url: &Url) -> Result<&Client, EgressError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EgressError::Address);
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(EgressError::Address);
        };
        let denied = |reason| {
            Err(EgressError::Denied {
                host: shown(url),
                reason,
            })
        };
        let literal: Option<IpAddr> = match host {
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
            // url knows all spellings of addresses; should one slip through, the connector would not ask a resolver.
            Host::Domain(name) => name.parse().ok(),
        };
        let name = url.host_str().unwrap_or_default();
        let exactly_listed = match literal {
            Some(ip) => self.allow.lists_socket(ip, port),
            None => self.allow.lists_name(name, port),
        };
        if is_other_protocol(port) && !exactly_listed {
            return denied(OTHER_PROTOCOL);
        }
        match literal {
            Some(ip) if !exactly_listed && !may_reach(ip, &self.allow) => denied(NOT_PUBLIC),
            None if self.allow.allows_name(name, port) => Ok(self.listed.as_ref().unwrap_or(&self.checked)),
            _ => Ok(&self.checked),
        }
    }
}

/// Host and port for messages: no user, no path, no query, since those carry secrets.
pub(super) fn shown(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "the address".to_owned(),
    }
}

fn client(resolver: CheckedResolver) -> Result<Client, EgressError> {
    let resolver = Arc::new(resolver);
    let builder = || {
        Client::builder()
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::clone(&resolver))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
            .http2_max_header_list_size(MAX_HEADER_BYTES as u32)
            .user_agent(concat!("automationd/", env!("CARGO_PKG_VERSION")))
    };
    builder().build().or_else(|error| {
        tracing::warn!(%error, "no certificates of the system can be read (package ca-certificates): https will fail");
        builder().tls_certs_only([]).build().map_err(EgressError::Setup)
    })
}
