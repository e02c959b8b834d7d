//! The body of a request: read with limits on bytes, memory and time, and parsed by its content type and nothing else (a
//! body that is taken for something it does not say it is has opened whole servers: n8n CVE-2026-21858).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// A body that is too large is read this many times the limit, so that its signature can be checked: only who may call
/// is told that it was too large.
const READ_ON: usize = 4;
/// Between two parts of a body.
const PAUSE: Duration = Duration::from_secs(10);
/// For all of a body.
const WHOLE: Duration = Duration::from_secs(30);

/// The memory that bodies may take, and the time.
#[derive(Clone)]
pub struct Room {
    /// In KiB.
    memory: Arc<Semaphore>,
    pause: Duration,
    whole: Duration,
}

/// A body as it came; it takes room until it is dropped.
pub struct Read {
    /// Its bytes; of one that is far too large none.
    pub bytes: Bytes,
    /// Whether it passed the limit.
    pub too_large: bool,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It took too long.
    Slow,
    /// The connection or its framing broke.
    Cut,
    /// Too many bodies are in memory.
    Full,
}

/// Why a body was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// Its type is none that is taken.
    Type(&'static str),
    /// It is not what it says it is.
    Malformed(String),
}

impl Room {
    /// For so many MiB of bodies.
    pub fn new(mebibytes: usize) -> Room {
        Room {
            memory: Arc::new(Semaphore::new(mebibytes << 10)),
            pause: PAUSE,
            whole: WHOLE,
        }
    }

    /// Reads a body of at most `limit` bytes.
    pub async fn read(&self, body: Body, limit: usize) -> Result<Read, Broken> {
        let most = limit.saturating_mul(READ_ON);
        let until = Instant::now() + self.whole;
        let mut parts = body.into_data_stream();
        let mut bytes = Vec::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        loop {
            let next = timeout_at(until.min(Instant::now() + self.pause), parts.next());
            let part = match next.await {
                Err(_) => return Err(Broken::Slow),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(Broken::Cut),
                Ok(Some(Ok(part))) => part,
            };
            if bytes.len() + part.len() > most {
                return Ok(Read {
                    bytes: Bytes::new(),
                    too_large: true,
                    _room: None,
                });
            }
            bytes.extend_from_slice(&part);
            let taken = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let wanted = bytes.len().div_ceil(1 << 10).saturating_sub(taken);
            let more = u32::try_from(wanted).unwrap_or(u32::MAX);
            let more = self
                .memory
                .clone()
                .try_acquire_many_owned(more)
                .map_err(|_| Broken::Full)?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
        }
        Ok(Read {
            too_large: bytes.len() > limit,
            bytes: bytes.into(),
            _room: room,
        })
    }
}

/// The body as a value, by its content type: JSON, a form, text, or base64 of bytes.
pub fn parse(headers: &HeaderMap, bytes: &Bytes) -> Result<Value, Unread> {
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Unread::Type("A body must not be compressed."));
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(named), None) = (types.next(), types.next()) else {
        return Err(Unread::Type("A body needs one Content-Type."));
    };
    let named = named.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = named.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let foreign = |part: &str| {
        let charset = part
            .strip_prefix("charset=")
            .map(|charset| charset.trim_matches('"'));
        charset.is_some_and(|charset| !matches!(charset, "utf-8" | "utf8" | "us-ascii"))
    };
    if parts.any(foreign) {
        return Err(Unread::Type("The charset of a body must be UTF-8."));
    }
    let text = || {
        let text = std::str::from_utf8(bytes);
        text.map_err(|_| Unread::Malformed("The body is not UTF-8.".to_owned()))
    };
    match kind {
        "application/json" => json_of(bytes),
        "application/x-www-form-urlencoded" => text().map(|text| pairs(text.as_bytes())),
        "application/octet-stream" => Ok(json!({ "base64": STANDARD.encode(bytes) })),
        _ if kind.ends_with("+json") => json_of(bytes),
        _ if kind.starts_with("text/") || kind == "application/xml" || kind.ends_with("+xml") => {
            text().map(|text| json!(text))
        }
        _ => Err(Unread::Type(
            "The Content-Type of a body is application/json, application/x-www-form-urlencoded, \
             application/octet-stream, application/xml or text.",
        )),
    }
}

fn json_of(bytes: &Bytes) -> Result<Value, Unread> {
    serde_json::from_slice(bytes)
        .map_err(|error| Unread::Malformed(format!("The body is not JSON: {error}.")))
}

/// Names and values; a name that comes several times has a list.
pub fn pairs(text: &[u8]) -> Value {
    let mut object: Map<String, Value> = Map::new();
    for (name, value) in url::form_urlencoded::parse(text) {
        match object.get_mut(name.as_ref()) {
            None => {
                object.insert(name.into_owned(), json!(value));
            }
            Some(Value::Array(values)) => values.push(json!(value)),
            Some(one) => *one = json!([one.take(), value]),
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(kinds: &[&str], body: &str) -> Result<Value, Unread> {
        let mut headers = HeaderMap::new();
        for kind in kinds {
            headers.append(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        parse(&headers, &Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn a_body_is_what_its_content_type_says_and_nothing_else() {
        let json = r#"{"a": [1]}"#;
        assert_eq!(parsed(&["application/json"], json), Ok(json!({"a": [1]})));
        assert_eq!(
            parsed(&["Application/CloudEvents+JSON; charset=UTF-8"], json),
            Ok(json!({"a": [1]}))
        );
        assert_eq!(parsed(&["text/plain"], json), Ok(json!(json)));
        assert_eq!(
            parsed(&["application/octet-stream"], "ab"),
            Ok(json!({"base64": "YWI="}))
        );
        assert_eq!(
            parsed(&["application/x-www-form-urlencoded"], "a=1&b=x+y&a=%C3%A9"),
            Ok(json!({"a": ["1", "é"], "b": "x y"}))
        );
        assert_eq!(parsed(&[], ""), Ok(Value::Null));
        for kinds in [
            &[][..],
            &["application/json", "text/plain"],
            &["multipart/form-data; boundary=x"],
            &["application/json; charset=utf-16"],
            &["json"],
        ] {
            assert!(matches!(parsed(kinds, json), Err(Unread::Type(_))), "{kinds:?}");
        }
        for body in [
            "{",
            "{\"a\": 1e400}",
            "nul",
            "\u{feff}{}",
            "{} {}",
            &"[".repeat(200),
        ] {
            assert!(
                matches!(parsed(&["application/json"], body), Err(Unread::Malformed(_))),
                "{body:.20}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_beyond_its_limit_is_read_a_little_further_and_no_more() {
        let room = Room::new(1);
        let read = async |size: usize| {
            room.read(Body::from(vec![b'x'; size]), 10)
                .await
                .map(|read| (read.bytes.len(), read.too_large))
        };
        assert_eq!(read(10).await, Ok((10, false)));
        assert_eq!(read(40).await, Ok((40, true)));
        assert_eq!(read(41).await, Ok((0, true)));
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_given_up() {
        let room = |pause, whole| Room {
            pause,
            whole,
            ..Room::new(1)
        };
        let (short, long) = (Duration::from_millis(20), Duration::from_secs(3_600));
        let endless = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let read = room(short, long).read(Body::from_stream(endless), 10).await;
        assert_eq!(read.err(), Some(Broken::Slow));
        let slow = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(9)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let read = room(long, short).read(Body::from_stream(slow), 10).await;
        assert_eq!(read.err(), Some(Broken::Slow));
    }

    #[tokio::test]
    async fn bodies_take_no_more_memory_than_there_is_room_for() {
        let room = Room::new(1);
        let read = async || room.read(Body::from(vec![b'x'; 600 << 10]), 1 << 20).await;
        let first = read().await.unwrap();
        assert_eq!(read().await.err(), Some(Broken::Full));
        drop(first);
        assert!(read().await.is_ok());
    }
}
