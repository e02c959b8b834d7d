//! Tests of the client as a whole, against a server of our own that counts connections.

mod bodies;
mod connections;
pub(crate) mod mock;
mod redirects;
mod ssrf;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Egress, Request, resolve};

/// A client whose resolver is a table; names that are not in it do not exist.
pub(super) fn client(allow: &str, names: &'static [(&'static str, &'static str)]) -> Egress {
    let lookup: resolve::Lookup = Arc::new(move |name| {
        let found = names.iter().find(|(known, _)| *known == name);
        let answer = match found {
            Some((_, ips)) => Ok(ips.split(' ').map(|ip| ip.parse::<IpAddr>().unwrap()).collect()),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        Box::pin(std::future::ready(answer))
    });
    Egress::looking_up(allow.parse().unwrap(), lookup)
}

/// A GET with generous limits.
pub(super) fn get(url: &str) -> Request {
    Request {
        method: reqwest::Method::GET,
        url: url.parse().unwrap(),
        headers: Default::default(),
        body: Default::default(),
        timeout: Duration::from_secs(20),
        max_bytes: 1 << 20,
        follow: true,
    }
}
