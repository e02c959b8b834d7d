//! What must never be reached (TRUST, case 57): a server on every address of this machine sees no connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{AllowHosts, Egress, EgressError, resolve};
use super::mock::Mock;
use super::{client, get};

/// `PORT` stands for the port of the server that listens.
const REFUSED: &[&str] = &[
    // Loopback in every spelling that the URL standard reads as an address.
    "http://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/",
    "http://127.0.0.1/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://127.255.255.254:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7F.1:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://017700000001:PORT/",
    "http://0x7f.0x0.0x0.0x1:PORT/",
    "http://①②⑦.0.0.1:PORT/",
    "http://127。0。0。1:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://127.0.0.1.:PORT/",
    "http:127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT\\",
    "http://user:password@127.0.0.1:PORT/",
    "http://example.com@127.0.0.1:PORT/",
    "http://example.com:80@127.0.0.1:PORT/",
    "http://example.com%2f@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@example.com/",
    "http://127.0.0.1:PORT?@example.com/",
    " http://127.0.0.1:PORT/ ",
    "HTTP://127.0.0.1:PORT/",
    "http://127.0.0.1\t:PORT/",
    // This host, by its unspecified address.
    "http://0.0.0.0:PORT/",
    "http://0:PORT/",
    "http://0x0:PORT/",
    "http://[::]:PORT/",
    // IPv6: loopback, mapped, compatible, translated, NAT64, 6to4, Teredo.
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[::ffff:0:127.0.0.1]:PORT/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://[64:ff9b::a9fe:a9fe]/latest/meta-data/",
    "http://[64:ff9b:1::7f00:1]:PORT/",
    "http://[2002:7f00:1::1]:PORT/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:PORT/",
    "http://[fe80::1]:PORT/",
    "http://[fc00::1]:PORT/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fec0::1]:PORT/",
    "http://[ff02::1]:PORT/",
    "http://[2001:db8::1]:PORT/",
    "http://[fe80::1%25eth0]:PORT/",
    "http://[fe80::1%eth0]:PORT/",
    // Private networks and metadata of the clouds.
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.254/",
    "http://192.168.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://100.100.100.200/latest/meta-data/",
    "http://100.64.0.1/",
    "http://192.0.0.192/latest/",
    "http://198.18.0.1/",
    "http://192.0.2.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    // Names that resolve to such addresses, alone or among public ones.
    "http://localhost:PORT/",
    "http://LOCALHOST:PORT/",
    "http://localhost.:PORT/",
    "http://private.example:PORT/",
    "http://mixed.example:PORT/",
    "http://six.example:PORT/",
    "http://mapped.example:PORT/",
    "http://translated.example:PORT/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://example.com:secret@private.example:PORT/",
    // Other protocols, by scheme and by port.
    "file:///etc/passwd",
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_GET",
    "unix:/var/run/docker.sock",
    "data:text/plain,hello",
    "ws://127.0.0.1:PORT/",
    "javascript:alert(1)",
    "http:///",
    "http://public.example:5432/",
    "http://public.example:6379/",
    "http://public.example:25/",
    "http://1.1.1.1:22/",
];

const NAMES: &[(&str, &str)] = &[
    ("localhost", "127.0.0.1 ::1"),
    ("localhost.", "127.0.0.1"),
    ("private.example", "127.0.0.1"),
    ("mixed.example", "1.1.1.1 127.0.0.1"),
    ("six.example", "::1"),
    ("mapped.example", "::ffff:127.0.0.1"),
    ("translated.example", "64:ff9b::7f00:1"),
    ("metadata.google.internal", "169.254.169.254"),
    ("public.example", "1.1.1.1"),
];

#[tokio::test]
async fn no_private_destination_sees_a_connection() {
    assert!(REFUSED.len() >= 70);
    let server = Mock::answering("200 OK", "", "reached").await;
    let egress = client("", NAMES);
    for address in REFUSED {
        let address = address.replace("PORT", &server.port.to_string());
        let Ok(url) = url::Url::parse(&address) else {
            continue;
        };
        let mut request = get("http://x/");
        request.url = url;
        let error = egress.send(request).await.expect_err(&address);
        assert!(
            matches!(error, EgressError::Denied { .. } | EgressError::Address),
            "{address}: {error:?}"
        );
        let message = error.to_string();
        for hidden in ["secret", "password", "meta-data"] {
            assert!(!message.contains(hidden), "{address}: {message}");
        }
        if address.contains(".example") || address.contains("localhost") {
            assert!(
                !message.contains("127.0.0.1") && !message.contains("::1"),
                "{address}: {message}"
            );
        }
    }
    // The server does listen: the same request, allowed, is the first that it sees.
    client(&server.allowed(), NAMES)
        .send(get(&server.url("/")))
        .await
        .unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_allowed_name_is_reached_and_its_neighbours_are_not() {
    let server = Mock::answering("200 OK", "", "reached").await;
    let allowed = format!("private.example:{}", server.port);
    let egress = client(&allowed, NAMES);
    egress
        .send(get(&format!("http://private.example:{}/", server.port)))
        .await
        .unwrap();
    for denied in [
        "http://localhost:PORT/",
        "http://127.0.0.1:PORT/",
        "http://private.example:1234/",
    ] {
        let error = egress
            .send(get(&denied.replace("PORT", &server.port.to_string())))
            .await
            .unwrap_err();
        assert!(matches!(error, EgressError::Denied { .. }), "{denied}: {error:?}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_name_that_is_rebound_between_two_requests_is_refused_the_second_time() {
    let server = Mock::answering("200 OK", "", "reached").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let lookup: resolve::Lookup = Arc::new(move |_| {
        let answers: [IpAddr; 2] = ["127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let answer = answers[asked.fetch_add(1, Ordering::SeqCst) % 2];
        Box::pin(std::future::ready(Ok(vec![answer])))
    });
    let allow: AllowHosts = "127.0.0.2".parse().unwrap();
    let egress = Egress::looking_up(allow, lookup);
    let url = format!("http://rebound.example:{}/", server.port);
    egress.send(get(&url)).await.unwrap();
    let error = egress.send(get(&url)).await.unwrap_err();
    assert!(matches!(error, EgressError::Denied { .. }), "{error:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_name_that_does_not_exist_says_so() {
    let error = client("", NAMES)
        .send(get("http://nowhere.example/"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::NotFound { ref host } if host == "nowhere.example"),
        "{error:?}"
    );
}
