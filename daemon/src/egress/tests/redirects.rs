//! Redirects are followed by us, each checked like the first request.

use super::super::EgressError;
use super::mock::{Mock, Reply, response};
use super::{client, get};

/// A server that redirects everything but `/end`.
async fn redirecting(status: &'static str, location: String) -> Mock {
    Mock::start(move |request| {
        if request.contains(" /end ") {
            return Reply::Bytes(response("200 OK", "", "the end"));
        }
        Reply::Bytes(response(status, &format!("location: {location}\r\n"), "moved"))
    })
    .await
}

#[tokio::test]
async fn a_redirect_to_a_private_destination_is_refused() {
    let target = Mock::answering("200 OK", "", "reached").await;
    let names = &[("inside.example", "127.0.0.1")];
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        for location in [
            target.url("/"),
            format!("http://inside.example:{}/", target.port),
            format!("http://[::ffff:127.0.0.1]:{}/", target.port),
            format!("//2130706433:{}/", target.port),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "file:///etc/passwd".to_owned(),
            "ftp://example.com/".to_owned(),
        ] {
            let front = redirecting(status, location.clone()).await;
            let error = client(&front.allowed(), names)
                .send(get(&front.url("/")))
                .await
                .unwrap_err();
            let refused = matches!(error, EgressError::Denied { .. } | EgressError::Address);
            assert!(refused, "{status} {location}: {error:?}");
            assert_eq!(front.connections(), 1);
        }
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_redirect_within_the_host_is_followed_with_its_headers() {
    let server = redirecting("307 Temporary", "/end".to_owned()).await;
    let mut request = get(&server.url("/start"));
    request.method = reqwest::Method::POST;
    request.body = "payload".into();
    request
        .headers
        .insert("authorization", "Bearer s".parse().unwrap());
    let answer = client(&server.allowed(), &[]).send(request).await.unwrap();
    assert_eq!(answer.text().await, "the end");
    let last = server.requests().pop().unwrap();
    assert!(
        last.starts_with("POST /end ") && last.ends_with("payload"),
        "{last}"
    );
    assert!(last.contains("authorization: Bearer s"), "{last}");
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_origin() {
    let other = Mock::answering("200 OK", "", "other").await;
    let front = redirecting("302 Found", other.url("/end?x=1")).await;
    let mut request = get(&front.url("/").replace("http://", "http://user:pass@"));
    request.headers.insert("x-api-key", "key".parse().unwrap());
    request.headers.insert("idempotency-key", "once".parse().unwrap());
    request.headers.insert("cookie", "session".parse().unwrap());
    let allow = format!("{},{}", front.allowed(), other.allowed());
    client(&allow, &[]).send(request).await.unwrap();
    let (first, second) = (front.requests().remove(0), other.requests().remove(0));
    assert!(first.contains("authorization: Basic dXNlcjpwYXNz"), "{first}");
    for name in [
        "authorization",
        "x-api-key",
        "idempotency-key",
        "cookie",
        "referer",
    ] {
        assert!(!second.contains(name), "{name} in {second}");
    }
}

#[tokio::test]
async fn a_chain_that_does_not_end_is_given_up_after_three_redirects() {
    let server = redirecting("302 Found", "/again".to_owned()).await;
    let error = client(&server.allowed(), &[])
        .send(get(&server.url("/")))
        .await
        .unwrap_err();
    assert!(matches!(error, EgressError::Redirects { limit: 3 }), "{error:?}");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_redirect_that_is_not_to_be_followed_is_the_answer() {
    let server = redirecting("302 Found", "/end".to_owned()).await;
    let mut request = get(&server.url("/"));
    request.follow = false;
    let answer = client(&server.allowed(), &[]).send(request).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(server.requests().len(), 1);
}
