//! The node against a server of our own.

use serde_json::{Value, json};

use super::super::tests::Run;
use super::super::{Done, NodeError, NodeKind};
use super::ActionHttp;
use crate::egress::tests::mock::Mock;

async fn send(server: &Mock, mut config: Value) -> Result<Done, NodeError> {
    config["url"] = server.url(config["url"].as_str().unwrap_or("/")).into();
    Run::new("action-http", config)
        .allowing(&server.allowed())
        .go(&ActionHttp)
        .await
}

/// The request that a configuration makes, as the server saw it.
async fn seen(config: Value) -> String {
    let server = Mock::answering("200 OK", "", "").await;
    send(&server, config).await.unwrap();
    server.requests().remove(0)
}

#[tokio::test]
async fn requests_are_written_as_configured() {
    for (config, parts) in [
        (
            json!({}),
            &["GET / HTTP/1.1", "idempotency-key: ", "user-agent: automationd/"][..],
        ),
        (
            json!({"method": "put", "url": "/a?x=1", "query": {"q": "ä &", "n": [1, 2], "z": null}}),
            &["PUT /a?x=1&n=1&n=2&q=%C3%A4+%26 "],
        ),
        (
            json!({"method": "POST", "body": {"a": [1, null]}}),
            &["content-type: application/json", "\r\n\r\n{\"a\":[1,null]}"],
        ),
        (
            json!({"method": "POST", "body": "{\"a\": 1}"}),
            &["content-type: application/json", "\r\n\r\n{\"a\": 1}"],
        ),
        (json!({"method": "POST", "body": "hello"}), &["\r\n\r\n\"hello\""]),
        (
            json!({"method": "POST", "bodyType": "form", "body": {"a": "b c", "l": [1, 2]}}),
            &[
                "content-type: application/x-www-form-urlencoded",
                "\r\n\r\na=b+c&l=1&l=2",
            ],
        ),
        (
            json!({"method": "POST", "bodyType": "raw", "body": "<x/>", "headers": {"Content-Type": "text/xml"}}),
            &["content-type: text/xml", "\r\n\r\n<x/>"],
        ),
        (
            json!({"headers": {"X-One": 1, "X-Two": ["a", "b"], "X-None": null}}),
            &["x-one: 1", "x-two: a\r\nx-two: b"],
        ),
        (
            json!({"headers": {"Idempotency-Key": "mine"}}),
            &["idempotency-key: mine"],
        ),
    ] {
        let request = seen(config.clone()).await;
        for part in parts {
            assert!(request.contains(part), "{config}: {part} in {request}");
        }
    }
}

#[tokio::test]
async fn headers_of_the_connection_are_left_out_with_a_warning() {
    let server = Mock::answering("200 OK", "", "").await;
    let headers =
        json!({"Host": "evil", "Transfer-Encoding": "chunked", "Content-Length": "5", "Connection": "x"});
    let done = send(&server, json!({"headers": headers})).await.unwrap();
    assert_eq!(done.warnings.len(), 4);
    let request = server.requests().remove(0);
    assert!(
        !request.contains("evil") && !request.contains("chunked") && !request.contains("content-length"),
        "{request}"
    );
}

#[tokio::test]
async fn line_breaks_cannot_be_smuggled_into_a_request() {
    let server = Mock::answering("200 OK", "", "").await;
    for config in [
        json!({"headers": {"X-A": "a\r\nX-B: b"}}),
        json!({"headers": {"X-A": "a\nX-B: b"}}),
        json!({"headers": {"X-A": "a\r"}}),
        json!({"headers": {"X-A": "a\u{0}b"}}),
        json!({"headers": {"X-A": ["fine", "a\r\nb"]}}),
        json!({"headers": {"X-A": "a\u{7f}"}}),
        json!({"headers": {"X-A\r\nX-B": "b"}}),
        json!({"headers": {"X-A: b\r\nX-B": "b"}}),
        json!({"headers": {"X A": "b"}}),
        json!({"headers": {"": "b"}}),
        json!({"headers": {"Ünicode": "b"}}),
        json!({"headers": {"Authorization": "Bearer x\r\n\r\nGET /admin HTTP/1.1"}}),
        json!({"headers": {"Cookie": "a=b\r\nHost: evil"}}),
        json!({"headers": {"Content-Type": "text/html\r\nX: y"}}),
        json!({"headers": {"Idempotency-Key": "k\r\nX: y"}}),
        json!({"headers": {"User-Agent": "k\nX: y"}}),
        json!({"method": "GET / HTTP/1.1\r\nX: y\r\n\r\n"}),
        json!({"method": "PO\nST"}),
        json!({"headers": "X-A: b"}),
        json!({"headers": {"X-A": "y".repeat(40_000)}}),
    ] {
        let error = send(&server, config.clone())
            .await
            .expect_err(&config.to_string());
        assert!(
            !error.message.contains(['\r', '\n']) && error.code == "node_failed",
            "{config}: {error:?}"
        );
    }
    // In an address a line break vanishes or is escaped; it never ends the request line.
    let done = send(
        &server,
        json!({"url": "/a\r\nX-Evil: b", "query": {"q": "\r\nX-Evil: b"}}),
    )
    .await;
    assert!(done.is_ok());
    assert_eq!(server.requests().len(), 1);
    assert!(!server.requests().remove(0).to_lowercase().contains("\r\nx-evil"));
}

#[tokio::test]
async fn the_output_is_status_headers_and_body() {
    for (headers, text, body) in [
        (
            "content-type: application/json\r\n",
            "{\"a\": 1}",
            json!({"a": 1}),
        ),
        (
            "content-type: application/problem+json; charset=utf-8\r\n",
            "[1]",
            json!([1]),
        ),
        ("content-type: application/json\r\n", "{broken", json!("{broken")),
        ("content-type: application/json\r\n", "1e400", json!("1e400")),
        ("content-type: text/plain\r\n", "{\"a\": 1}", json!("{\"a\": 1}")),
        ("", "plain", json!("plain")),
        ("", "", json!(null)),
    ] {
        let server = Mock::answering("201 Created", headers, text).await;
        let done = send(&server, json!({})).await.unwrap();
        assert_eq!(done.output["status"], 201);
        assert_eq!(done.output["body"], body, "{headers}{text}");
        assert_eq!(done.output["headers"]["connection"], "close");
    }
}

#[tokio::test]
async fn deeply_nested_json_stays_text() {
    let deep = "[".repeat(10_000);
    let server = Mock::answering("200 OK", "content-type: application/json\r\n", &deep).await;
    let done = send(&server, json!({})).await.unwrap();
    assert_eq!(done.output["body"], deep.as_str());
    assert_eq!(done.warnings.len(), 1);
}

#[tokio::test]
async fn cookies_stay_a_list_and_other_headers_are_joined() {
    let server = Mock::answering(
        "200 OK",
        "set-cookie: a=1\r\nset-cookie: b=2\r\nx-a: 1\r\nX-A: 2\r\n",
        "",
    )
    .await;
    let done = send(&server, json!({})).await.unwrap();
    assert_eq!(done.output["headers"]["set-cookie"], json!(["a=1", "b=2"]));
    assert_eq!(done.output["headers"]["x-a"], "1, 2");
}

#[tokio::test]
async fn a_status_that_is_no_success_fails_with_status_and_body() {
    let server = Mock::answering(
        "429 Too Many Requests",
        "content-type: application/json\r\nretry-after: 7\r\n",
        "{\"e\": 1}",
    )
    .await;
    let error = send(&server, json!({})).await.unwrap_err();
    assert_eq!(error.code, "node_failed");
    let object = error.to_json();
    assert_eq!(object["status"], 429);
    assert_eq!(object["body"], json!({"e": 1}));
    assert_eq!(object["retryAfter"], "7");
    assert_eq!(object["message"], "the server answered 429 (Too Many Requests)");
    let accepted = send(&server, json!({"successStatusCodes": ["2xx", 429]}))
        .await
        .unwrap();
    assert_eq!(accepted.output["status"], 429);
}

#[tokio::test]
async fn a_long_body_of_a_failure_is_cut() {
    let server = Mock::answering("500 Error", "", &"ä".repeat(100_000)).await;
    let error = send(&server, json!({})).await.unwrap_err().to_json();
    let body = error["body"].as_str().unwrap();
    assert!(body.len() < 70_000 && body.ends_with("ä ..."));
}

#[tokio::test]
async fn what_cannot_be_sent_fails_with_its_code() {
    let server = Mock::answering("200 OK", "", "0123456789").await;
    for (config, code) in [
        (json!({"connectionId": "c1"}), "no_secret"),
        (json!({"maxBytes": 5}), "too_large"),
        (json!({"timeout": 0}), "node_failed"),
        (json!({"bodyType": "xml", "body": "x"}), "node_failed"),
        (json!({"body": "{\"a\": unquoted}"}), "node_failed"),
        (json!({"bodyType": "form", "body": [1]}), "node_failed"),
        (json!({"query": "a=b"}), "node_failed"),
        (json!({"method": "CONNECT"}), "node_failed"),
    ] {
        assert_eq!(
            send(&server, config.clone()).await.unwrap_err().code,
            code,
            "{config}"
        );
    }
    for url in ["", "/relative", "not a url", "ftp://example.com/", "http://"] {
        let error = Run::new("action-http", json!({"url": url}))
            .go(&ActionHttp)
            .await
            .unwrap_err();
        assert_eq!(error.code, "node_failed", "{url}");
    }
    let denied = Run::new("action-http", json!({"url": "http://169.254.169.254/secret"}))
        .go(&ActionHttp)
        .await;
    let denied = denied.unwrap_err();
    assert!(denied.code == "denied" && !denied.message.contains("secret"));
}

#[test]
fn test_mode_shows_the_request_without_secrets() {
    let shown = ActionHttp.describe(&json!({
        "method": "post", "url": "https://user:hidden1@api.example/x?api_key=hidden2&page=2", "query": {"token": "hidden3"},
        "headers": {"Authorization": "Bearer hidden4", "X-Api-Key": "hidden5", "Accept": "*/*"}, "body": {"name": "Ann"},
    }));
    let text = shown.to_string();
    assert!(!text.contains("hidden"), "{text}");
    for part in ["POST", "page=2", "*/*", "Ann", "api.example"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
