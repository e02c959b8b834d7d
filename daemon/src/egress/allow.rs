//! `--allow-hosts`: private destinations that nodes may reach all the same.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use url::Host;

use super::address::unwrapped;

/// What an operator allows: comma separated `host`, `host:port`, addresses and networks (CIDR).
///
/// A host counts as it is written in a URL, whatever it resolves to; a network counts for literal addresses
/// and for what names resolve to. An entry with a port counts for that port alone, and for the host or address
/// as it is written in the URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowHosts {
    networks: Vec<IpNet>,
    sockets: Vec<SocketAddr>,
    names: Vec<(String, Option<u16>)>,
}

/// An entry that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{entry}' is not a host, host:port or network such as 10.0.0.0/8")]
pub struct AllowHostsError {
    /// The entry as it was given.
    pub entry: String,
}

impl FromStr for AllowHosts {
    type Err = AllowHostsError;

    fn from_str(list: &str) -> Result<AllowHosts, AllowHostsError> {
        let mut allow = AllowHosts::default();
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            allow.add(entry).ok_or_else(|| AllowHostsError {
                entry: entry.to_owned(),
            })?;
        }
        Ok(allow)
    }
}

impl AllowHosts {
    fn add(&mut self, entry: &str) -> Option<()> {
        if let Ok(network) = entry.parse::<IpNet>() {
            self.networks.push(network.trunc());
        } else if let Ok(ip) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
            self.networks.push(unwrapped(ip).into());
        } else if let Ok(socket) = entry.parse::<SocketAddr>() {
            self.sockets
                .push(SocketAddr::new(unwrapped(socket.ip()), socket.port()));
        } else {
            let (host, port) = match entry.rsplit_once(':') {
                Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|port| *port > 0)?)),
                None => (entry, None),
            };
            match Host::parse(host).ok()? {
                Host::Domain(name) if !name.contains('*') => self.names.push((bare(&name).to_owned(), port)),
                _ => return None,
            }
        }
        Some(())
    }

    /// Whether the address, by whatever name it was found, is allowed.
    pub(super) fn allows_ip(&self, ip: IpAddr) -> bool {
        let plain = unwrapped(ip);
        self.networks
            .iter()
            .any(|network| network.contains(&plain) || network.contains(&ip))
    }

    /// Whether a literal address with this very port is listed.
    pub(super) fn lists_socket(&self, ip: IpAddr, port: u16) -> bool {
        self.sockets.contains(&SocketAddr::new(unwrapped(ip), port))
    }

    /// Whether the host name is listed, alone or with this port.
    pub(super) fn allows_name(&self, name: &str, port: u16) -> bool {
        self.names
            .iter()
            .any(|(listed, at)| listed == bare(name) && at.is_none_or(|at| at == port))
    }

    /// Whether the host name is listed with this very port.
    pub(super) fn lists_name(&self, name: &str, port: u16) -> bool {
        self.names
            .iter()
            .any(|(listed, at)| listed == bare(name) && *at == Some(port))
    }

    /// Whether any host name is listed.
    pub(super) fn has_names(&self) -> bool {
        !self.names.is_empty()
    }
}

/// A name without the dot of the root: `localhost.` is `localhost`.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_entry_is_read() {
        let allow: AllowHosts =
            " CRM.internal, api.internal:8443 ,10.0.0.0/8, ::1, [fd00::1]:80, 127.0.0.1:9000,192.168.1.7, "
                .parse()
                .unwrap();
        assert!(allow.allows_name("crm.internal", 80) && allow.allows_name("crm.internal.", 9999));
        assert!(allow.allows_name("api.internal", 8443) && !allow.allows_name("api.internal", 443));
        assert!(!allow.allows_name("evil-crm.internal", 80));
        for ip in ["10.1.2.3", "::ffff:10.1.2.3", "::1", "192.168.1.7"] {
            assert!(allow.allows_ip(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["11.0.0.1", "127.0.0.1", "192.168.1.8", "fd00::1"] {
            assert!(!allow.allows_ip(ip.parse().unwrap()), "{ip}");
        }
        assert!(allow.lists_socket("127.0.0.1".parse().unwrap(), 9000));
        assert!(allow.lists_socket("::ffff:127.0.0.1".parse().unwrap(), 9000));
        assert!(!allow.lists_socket("127.0.0.1".parse().unwrap(), 9001));
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        assert_eq!("".parse::<AllowHosts>().unwrap(), AllowHosts::default());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for entry in [
            "http://x/",
            "a b",
            "host:0",
            "host:99999",
            "10.0.0.0/33",
            "*.internal",
            "host:",
            "x/y",
        ] {
            let error = entry.parse::<AllowHosts>().unwrap_err();
            assert_eq!(error.entry, entry);
        }
    }
}
