//! One request after another until there is an answer, and the answer read within its limits.

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};

use super::route::{Route, shown};
use super::{EgressError, MAX_HEADER_BYTES, MAX_REDIRECTS, Request, redirect};

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers as they came.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Bytes,
}

impl Answer {
    /// The body as text, in the character set that the content type names (UTF-8 without one); what is not
    /// text in it becomes U+FFFD.
    pub async fn text(&self) -> String {
        let mut whole = axum::http::Response::new(self.body.clone());
        if let Some(content_type) = self.headers.get(CONTENT_TYPE) {
            whole.headers_mut().insert(CONTENT_TYPE, content_type.clone());
        }
        // reqwest holds the decoder; a body that is complete cannot fail to be read.
        Response::from(whole).text().await.unwrap_or_default()
    }
}

/// Sends the request, follows redirects, reads the answer. The caller bounds the time.
pub(super) async fn follow(route: &Route, mut request: Request) -> Result<Answer, EgressError> {
    for _ in 0..=MAX_REDIRECTS {
        let client = route.choose(&request.url)?;
        let explain = |error: reqwest::Error| EgressError::explain(&error, shown(&request.url));
        let mut sending = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if !request.body.is_empty() {
            sending = sending.body(request.body.clone());
        }
        let response = sending.send().await.map_err(explain)?;
        let next = match request.follow {
            true => redirect::next(&request, response.status(), response.headers())?,
            false => None,
        };
        match next {
            Some(next) => request = next,
            None => return read(response, &request).await,
        }
    }
    Err(EgressError::Redirects { limit: MAX_REDIRECTS })
}

/// Reads the body piece by piece and stops at the limit, whatever the headers promised.
async fn read(mut response: Response, request: &Request) -> Result<Answer, EgressError> {
    let size: usize = response
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if size > MAX_HEADER_BYTES {
        return Err(EgressError::Headers);
    }
    let too_large = EgressError::TooLarge {
        limit: request.max_bytes,
    };
    if response
        .content_length()
        .is_some_and(|length| length > request.max_bytes as u64)
    {
        return Err(too_large);
    }
    let mut body = BytesMut::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| EgressError::explain(&error, shown(&request.url)))?
    {
        if body.len() + piece.len() > request.max_bytes {
            return Err(too_large);
        }
        body.extend_from_slice(&piece);
    }
    if !body.is_empty()
        && let Some(encoding) = compression(response.headers())
    {
        return Err(EgressError::Compressed { encoding });
    }
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: body.freeze(),
    })
}

/// How the body is compressed, if the server did that unasked.
fn compression(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get(CONTENT_ENCODING)?;
    let plain = encoding.is_empty() || encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    (!plain).then(|| {
        String::from_utf8_lossy(encoding.as_bytes())
            .chars()
            .take(40)
            .collect()
    })
}
