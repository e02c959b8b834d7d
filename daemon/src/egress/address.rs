//! Which addresses are public. Everything else (private, local, reserved, our own) is refused.
//!
//! For IPv6 the rule is turned round: only global unicast (2000::/3) can be public, and in it the ranges that
//! carry an IPv4 address or are set aside are refused. Forms that hold an IPv4 address (mapped, NAT64) are
//! unwrapped first, so that `::ffff:10.0.0.1` is judged as `10.0.0.1`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Why such an address is refused, in a tenant's words.
pub(super) const NOT_PUBLIC: &str = "its address is not public (an operator can list it in --allow-hosts)";
/// Why such a port is refused.
pub(super) const OTHER_PROTOCOL: &str = "its port belongs to another protocol than HTTP";

/// The address itself, or the IPv4 address that it stands for.
pub(super) fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Ipv4Addr::new(a, b, c, d).into()
        }
        _ => ip,
    }
}

/// Whether an address is one of the public internet.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match unwrapped(ip) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !matches!(
        ip.octets(),
        [0 | 10 | 127, ..]
            | [100, 64..=127, ..] // shared by carriers; Alibaba's metadata
            | [169, 254, ..] // link-local; most clouds' metadata
            | [172, 16..=31, ..]
            | [192, 0, 0, _] // protocol assignments; Oracle's metadata
            | [192, 0, 2, _] // documentation, as are the next two
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [192, 88, 99, _] // 6to4 relays
            | [192, 168, ..]
            | [198, 18..=19, ..] // benchmarks
            | [224..=255, ..] // multicast, reserved, broadcast
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let global = matches!(segments, [0x2000..=0x3fff, ..]);
    let carries_or_reserved = matches!(
        segments,
        [0x2001, 0..=0x01ff, ..] // Teredo, ORCHID, benchmarks and other protocol assignments
            | [0x2001, 0x0db8, ..] // documentation, as is 3fff::/20
            | [0x2002, ..] // 6to4
            | [0x3fff, 0..=0x0fff, ..]
    );
    global && !carries_or_reserved
}

/// Whether an address is one of this machine's own. Asking the kernel which source it would use sends nothing:
/// for an own address that is the address itself.
pub(super) fn is_own(ip: IpAddr) -> bool {
    let ip = unwrapped(ip);
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = UdpSocket::bind(SocketAddr::new(any, 0)).and_then(|socket| {
        socket.connect(SocketAddr::new(ip, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == ip)
}

/// Whether a port is one that something other than HTTP listens on (mail, shells, databases, caches): a request
/// there is an attempt to speak another protocol through ours. Mail and shells as browsers refuse them.
pub(super) fn is_other_protocol(port: u16) -> bool {
    const PORTS: &[u16] = &[
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
        103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445, 465,
        512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 873, 989, 990, 993,
        995, 1433, 1521, 1719, 1720, 1723, 2049, 3306, 3389, 3659, 4045, 5060, 5061, 5432, 5433, 6000, 6379,
        6432, 6566, 6665, 6666, 6667, 6668, 6669, 6697, 9042, 10080, 11211, 27017,
    ];
    PORTS.binary_search(&port).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_reserved_addresses_are_not_public() {
        for text in "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.255 \
            169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 \
            198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 \
            ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe \
            64:ff9b:1::808:808 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 \
            2001:db8::1 2002:7f00:1::1 2002:808:808::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1"
            .split_whitespace()
        {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 192.167.1.1 198.17.0.1 \
            198.20.0.1 223.255.255.255 ::ffff:8.8.8.8 64:ff9b::808:808 2606:4700::1111 2a00:1450::1 2001:4860::8888"
            .split_whitespace()
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn own_addresses_are_recognised_and_foreign_ones_are_not() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("192.0.2.77".parse().unwrap()));
    }

    #[test]
    fn ports_of_databases_are_other_protocols_and_web_ports_are_not() {
        for port in [22, 25, 5432, 6379, 6432, 11211] {
            assert!(is_other_protocol(port), "{port}");
        }
        for port in [80, 443, 3000, 8080, 8443, 9200] {
            assert!(!is_other_protocol(port), "{port}");
        }
    }
}
