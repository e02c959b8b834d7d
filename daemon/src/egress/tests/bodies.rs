//! Answers that are slow, huge, endless or not HTTP (TRUST, case 58): the request fails within its limits.

use std::time::Duration;

use super::super::EgressError;
use super::mock::{Mock, Reply, response};
use super::{client, get};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// The error that an answer of these bytes gives.
async fn error_of(reply: impl Fn() -> Reply + Send + Sync + 'static) -> EgressError {
    let server = Mock::start(move |_| reply()).await;
    client(&server.allowed(), &[])
        .send(get(&server.url("/")))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn an_answer_that_trickles_ends_with_the_time_limit() {
    for stalled in [
        "",
        "HTTP/1.1 200 OK\r\nx: y",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
        CHUNKED,
    ] {
        let server = Mock::start(move |_| Reply::Stall(stalled.into())).await;
        let mut request = get(&server.url("/"));
        request.timeout = Duration::from_millis(100);
        let error = client(&server.allowed(), &[]).send(request).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Timeout { .. }),
            "{stalled:?}: {error:?}"
        );
        assert_eq!(error.to_string(), "no complete answer within 100 ms");
    }
}

#[tokio::test]
async fn an_endless_body_stops_at_the_size_limit() {
    for (start, more) in [
        (CHUNKED, format!("4000\r\n{}\r\n", "x".repeat(0x4000))),
        ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(0x4000)),
    ] {
        let error = error_of(move || Reply::Endless(start.into(), more.clone().into())).await;
        assert!(
            matches!(error, EgressError::TooLarge { limit: 1_048_576 }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn an_announced_gigabyte_is_refused_before_it_is_read() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n";
    let error = error_of(move || Reply::Stall(head.into())).await;
    assert!(matches!(error, EgressError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let server = Mock::answering("200 OK", "", &"x".repeat(1 << 20)).await;
    let answer = client(&server.allowed(), &[])
        .send(get(&server.url("/")))
        .await
        .unwrap();
    assert_eq!(answer.body.len(), 1 << 20);
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    for bytes in [
        "",
        "hello\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    ] {
        let error = error_of(move || Reply::Bytes(bytes.into())).await;
        assert!(
            matches!(error, EgressError::Protocol { .. }),
            "{bytes:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_bomb_of_headers_is_refused() {
    let many: String = (0..500).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(1 << 20));
    let much: String = (0..50)
        .map(|n| format!("x-{n}: {}\r\n", "y".repeat(2000)))
        .collect();
    for headers in [many, long, much] {
        let error = error_of(move || Reply::Bytes(response("200 OK", &headers, ""))).await;
        assert!(
            matches!(error, EgressError::Protocol { .. } | EgressError::Headers),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_compressed_answer_is_refused_instead_of_unpacked() {
    let error = error_of(|| Reply::Bytes(response("200 OK", "content-encoding: gzip\r\n", "bomb"))).await;
    assert!(matches!(error, EgressError::Compressed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_gives_a_tls_error() {
    let server = Mock::start(|_| Reply::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())).await;
    let url = server.url("/secret").replace("http:", "https:");
    let error = client(&server.allowed(), &[]).send(get(&url)).await.unwrap_err();
    assert!(matches!(error, EgressError::Tls { .. }), "{error:?}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_a_connection_error() {
    let server = Mock::answering("200 OK", "", "").await;
    let (allowed, url) = (server.allowed(), server.url("/"));
    drop(server);
    let closed = async {
        loop {
            match client(&allowed, &[]).send(get(&url)).await {
                Ok(_) => tokio::task::yield_now().await, // the server is still going
                Err(error) => return error,
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), closed)
        .await
        .unwrap();
    assert!(
        matches!(error, EgressError::Connect { .. } | EgressError::Protocol { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn text_is_decoded_by_its_character_set() {
    let server = Mock::start(|_| {
        let mut bytes = response(
            "200 OK",
            "content-type: text/plain; charset=iso-8859-1\r\n",
            "Gr__e",
        );
        let end = bytes.len();
        bytes[end - 3..end - 1].copy_from_slice(&[0xfc, 0xdf]);
        Reply::Bytes(bytes)
    })
    .await;
    let answer = client(&server.allowed(), &[])
        .send(get(&server.url("/")))
        .await
        .unwrap();
    assert_eq!(answer.text().await, "Grüße");
}
