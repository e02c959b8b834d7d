//! Names to addresses, once, with every answer checked.
//!
//! reqwest connects only to what its resolver returns, so between the check and the connection there is no
//! second look-up that could answer differently (DNS rebinding).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{is_own, is_public};
use super::allow::AllowHosts;

/// Looks a name up; tests put a table in the place of the system's resolver.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's own resolver (`getaddrinfo`), so `/etc/hosts` and search domains count as elsewhere.
pub(super) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Why a name has no addresses for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// At least one of its addresses is not public and not allowed.
    #[error("the address is not public")]
    Private,
    /// It has no address.
    #[error("the name was not found")]
    NotFound,
}

/// A resolver that answers only if every address of a name may be reached.
pub(super) struct CheckedResolver {
    /// What may be reached although it is not public; `None` for everything (names that an operator listed).
    pub(super) allow: Option<Arc<AllowHosts>>,
    /// Where names are looked up.
    pub(super) lookup: Lookup,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow, looked_up) = (self.allow.clone(), (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = looked_up.await.map_err(|_| Refusal::NotFound)?;
            let checked = checked(found, allow.as_deref())?;
            Ok(Box::new(checked.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

/// All of the addresses, or a refusal if one of them may not be reached.
fn checked(found: Vec<IpAddr>, allow: Option<&AllowHosts>) -> Result<Vec<IpAddr>, Refusal> {
    if found.is_empty() {
        return Err(Refusal::NotFound);
    }
    match allow {
        Some(allow) if !found.iter().all(|ip| may_reach(*ip, allow)) => Err(Refusal::Private),
        _ => Ok(found),
    }
}

/// Whether an address may be connected to.
pub(super) fn may_reach(ip: IpAddr, allow: &AllowHosts) -> bool {
    allow.allows_ip(ip) || (is_public(ip) && !is_own(ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(list: &str) -> Vec<IpAddr> {
        list.split_whitespace().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn one_private_answer_among_public_ones_refuses_the_name() {
        let none = AllowHosts::default();
        assert_eq!(
            checked(ips("1.1.1.1 10.0.0.1"), Some(&none)),
            Err(Refusal::Private)
        );
        assert_eq!(
            checked(ips("1.1.1.1 ::ffff:127.0.0.1"), Some(&none)),
            Err(Refusal::Private)
        );
        assert_eq!(
            checked(ips("1.1.1.1 2606:4700::1"), Some(&none)),
            Ok(ips("1.1.1.1 2606:4700::1"))
        );
    }

    #[test]
    fn listed_networks_and_listed_names_are_let_through() {
        let ten = "10.0.0.0/8".parse::<AllowHosts>().unwrap();
        assert_eq!(checked(ips("10.0.0.1"), Some(&ten)), Ok(ips("10.0.0.1")));
        assert_eq!(
            checked(ips("10.0.0.1 127.0.0.1"), Some(&ten)),
            Err(Refusal::Private)
        );
        assert_eq!(checked(ips("127.0.0.1"), None), Ok(ips("127.0.0.1")));
    }

    #[test]
    fn a_name_without_addresses_is_not_found() {
        assert_eq!(checked(Vec::new(), None), Err(Refusal::NotFound));
    }
}
