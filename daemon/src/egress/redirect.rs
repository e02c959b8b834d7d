//! What the next request is after a redirect: as browsers do it, with less going to a stranger.

use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, USER_AGENT,
};
use reqwest::{Method, StatusCode};
use url::Url;

use super::{EgressError, Request};

/// All that another host gets to see of the headers. Keys hide in headers of any name, so this is a list of what
/// is harmless, not of what is secret; the idempotency key stays at home too, it is a name of our execution.
const HARMLESS: [HeaderName; 4] = [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT];

/// Headers that describe a body and go with it.
const OF_THE_BODY: [HeaderName; 5] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
];

/// The request that follows, or `None` if this answer is no redirect.
///
/// # Errors
/// `Address` if the location cannot be read. Whether it may be reached is decided before it is requested.
pub(super) fn next(
    request: &Request,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Request>, EgressError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else {
        return Ok(None);
    };
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| EgressError::Address)?;
    let mut next = request.clone();
    next.url = request.url.join(location).map_err(|_| EgressError::Address)?;

    // What a server puts there is no credential of the tenant's; on the way through one host his own stay.
    let (user, password) = match same_host(&request.url, &next.url) {
        true => (request.url.username(), request.url.password()),
        false => ("", None),
    };
    if next.url.has_host() {
        let _ = next.url.set_username(user);
        let _ = next.url.set_password(password);
    }
    if !same_host(&request.url, &next.url) {
        let kept: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| HARMLESS.contains(name))
            .collect();
        next.headers = kept
            .into_iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
    }
    let becomes_get = match status {
        StatusCode::SEE_OTHER => !matches!(request.method, Method::GET | Method::HEAD),
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method == Method::POST,
        _ => false,
    };
    if becomes_get {
        next.method = Method::GET;
        next.body = bytes::Bytes::new();
        for name in &OF_THE_BODY {
            next.headers.remove(name);
        }
    }
    Ok(Some(next))
}

/// Whether credentials may go along: the same origin, or the same host's step from http to https.
fn same_host(from: &Url, to: &Url) -> bool {
    let secured = from.scheme() == "http"
        && to.scheme() == "https"
        && from.host() == to.host()
        && from.port().is_none()
        && to.port().is_none();
    secured || from.origin() == to.origin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn request(method: Method, url: &str) -> Request {
        let headers = [
            ("authorization", "Bearer s"),
            ("x-api-key", "s"),
            ("cookie", "s"),
            ("idempotency-key", "k"),
        ];
        let headers = headers
            .into_iter()
            .chain([("content-type", "application/json"), ("accept", "*/*")]);
        Request {
            method,
            url: url.parse().unwrap(),
            headers: headers
                .map(|(n, v)| (HeaderName::from_static(n), v.parse().unwrap()))
                .collect(),
            body: "{}".into(),
            timeout: Duration::from_secs(1),
            max_bytes: 1,
            follow: true,
        }
    }

    fn hop(request: &Request, status: u16, location: &str) -> Request {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        next(request, StatusCode::from_u16(status).unwrap(), &headers)
            .unwrap()
            .unwrap()
    }

    #[test]
    fn another_host_gets_no_credentials_and_no_key() {
        for location in [
            "https://b.example/",
            "//b.example/",
            "https://a.example:8443/",
            "http://a.example/",
        ] {
            let next = hop(&request(Method::POST, "https://u:p@a.example/"), 307, location);
            let mut names: Vec<_> = next.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["accept", "content-type"], "{location}");
            assert_eq!(
                (next.url.username(), next.url.password()),
                ("", None),
                "{location}"
            );
        }
    }

    #[test]
    fn the_same_host_keeps_them() {
        for (from, to) in [
            ("https://u:p@a.example/x", "/y"),
            ("http://u:p@a.example/", "https://a.example/"),
        ] {
            let next = hop(&request(Method::GET, from), 302, to);
            assert!(
                next.headers.contains_key("authorization") && next.headers.contains_key("idempotency-key")
            );
            assert_eq!(next.url.username(), "u");
        }
    }

    #[test]
    fn credentials_in_a_location_are_dropped() {
        let next = hop(
            &request(Method::GET, "https://a.example/"),
            302,
            "https://evil:pw@b.example/",
        );
        assert_eq!(next.url.as_str(), "https://b.example/");
    }

    #[test]
    fn methods_change_as_in_browsers() {
        for (status, method, expected) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (301, Method::PUT, Method::PUT),
            (302, Method::DELETE, Method::DELETE),
            (307, Method::POST, Method::POST),
            (308, Method::POST, Method::POST),
        ] {
            let next = hop(&request(method.clone(), "https://a.example/"), status, "/next");
            assert_eq!(next.method, expected, "{status} {method}");
            let lost = method != Method::GET && expected == Method::GET;
            assert_eq!(next.body.is_empty(), lost, "{status} {method}");
            assert_eq!(
                next.headers.contains_key("content-type"),
                !lost,
                "{status} {method}"
            );
        }
    }

    #[test]
    fn an_answer_without_a_location_or_with_another_status_is_no_redirect() {
        let request = request(Method::GET, "https://a.example/");
        assert!(
            next(&request, StatusCode::FOUND, &HeaderMap::new())
                .unwrap()
                .is_none()
        );
        let headers = HeaderMap::from_iter([(LOCATION, "/x".parse().unwrap())]);
        assert!(next(&request, StatusCode::CREATED, &headers).unwrap().is_none());
        assert!(
            next(&request, StatusCode::NOT_MODIFIED, &headers)
                .unwrap()
                .is_none()
        );
    }
}
