//! Whether a request may call a webhook. Everything is compared in constant time and on the bytes as they came; what
//! fails costs the same whatever the reason, so that an answer tells nothing about which webhooks there are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{KeyInit, Mac};
use sha2::{Sha256, Sha512};

use super::auth::Auth;
use super::problem;
use crate::problem::Problem;
use crate::sealed::Secret;

/// Seconds by which a timestamp may be away, both ways.
pub const TOLERANCE: i64 = 300;
/// Secrets that one webhook has at most: as many codes are computed for whatever fails.
const MAX_SECRETS: usize = 2;
/// Bytes of a name of an occasion that are stored as they are; of a longer one a digest is.
const MAX_ID: usize = 200;

/// What a request shows.
pub struct Request<'r> {
    /// A header by its name in small letters.
    pub header: &'r dyn Fn(&str) -> Option<&'r [u8]>,
    /// The body as it came.
    pub body: &'r [u8],
    /// Seconds since 1970 by the database's clock.
    pub now: i64,
}

/// A request that may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// By which it is known: a second one with it is the same occasion. None: nothing says so.
    pub id: Option<String>,
}

/// How a code is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a code is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal, small or capital letters.
    Hex,
    /// Base64 with the alphabet of RFC 4648, section 4.
    Base64,
}

/// A part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Timestamp,
    Id,
    Body,
}

/// The settings of `hmac`.
#[derive(Debug, Clone)]
pub struct Hmac {
    pub(super) header: String,
    pub(super) prefix: String,
    pub(super) algorithm: Algorithm,
    pub(super) encoding: Encoding,
    pub(super) id_header: Option<String>,
    pub(super) timestamp_header: Option<String>,
    pub(super) signed: Vec<Part>,
    pub(super) secrets: Vec<Secret>,
    /// Without an id, whether the same code is the same occasion.
    pub(super) deduplicate: bool,
    pub(super) verify_token: Option<Secret>,
}

impl Hmac {
    /// As GitHub signs.
    pub(super) fn by(secrets: Vec<Secret>) -> Hmac {
        Hmac {
            header: "x-hub-signature-256".to_owned(),
            prefix: "sha256=".to_owned(),
            algorithm: Algorithm::Sha256,
            encoding: Encoding::Hex,
            id_header: None,
            timestamp_header: None,
            signed: vec![Part::Body],
            secrets,
            deduplicate: true,
            verify_token: None,
        }
    }
}

impl Part {
    /// Reads `{timestamp}.{body}` and the like.
    pub(super) fn all(text: &str, has_timestamp: bool) -> Result<Vec<Part>, Problem> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(match name {
                "body" => Part::Body,
                "id" => Part::Id,
                "timestamp" if has_timestamp => Part::Timestamp,
                _ => {
                    return Err(problem(
                        "`auth.signed` holds {body}, and perhaps {id} and, with `timestamp_header`, {timestamp}",
                    ));
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let bodies = parts.iter().filter(|part| **part == Part::Body).count();
        // a timestamp that is not signed can be renewed by whoever replays
        if bodies != 1 || parts.len() > 10 || has_timestamp && !parts.contains(&Part::Timestamp) {
            return Err(problem(
                "`auth.signed` must hold {body} once and, with `timestamp_header`, {timestamp}",
            ));
        }
        Ok(parts)
    }
}

/// The whole of it; see [`Auth::verify`].
pub(super) fn verify(auth: &Auth, request: &Request<'_>) -> Option<Verified> {
    let mut made = 0;
    let verified = match auth {
        Auth::None => Some(Verified { id: None }),
        Auth::Token { header, token } => {
            let given = (request.header)(header).unwrap_or_default();
            let given = match header == "authorization" {
                true => after_word(given, b"bearer").unwrap_or_default(),
                false => given,
            };
            token.is(given).then_some(Verified { id: None })
        }
        Auth::Basic { username, password } => basic(username, password, request),
        Auth::Hmac(hmac) => by_code(hmac, request, &mut made),
        Auth::Standard { secrets } => standard(secrets, request, &mut made),
    };
    if verified.is_none() {
        for _ in made..MAX_SECRETS {
            std::hint::black_box(matches(
                Algorithm::Sha256,
                &Secret::Closed,
                &[request.body],
                &[&[0; 32]],
            ));
        }
    }
    verified
}

fn basic(username: &str, password: &Secret, request: &Request<'_>) -> Option<Verified> {
    let given = (request.header)("authorization").unwrap_or_default();
    let given = after_word(given, b"basic").and_then(|text| STANDARD.decode(text).ok());
    let given = given.unwrap_or_default();
    let colon = given.iter().position(|byte| *byte == b':').unwrap_or(0);
    let (name, rest) = given.split_at(colon);
    let secret = rest.split_first().map_or(&[][..], |(_, secret)| secret);
    // both are compared, whatever the first one says
    let known = Secret::Plain(username.as_bytes().to_vec()).is(name);
    (password.is(secret) & known & !secret.is_empty()).then_some(Verified { id: None })
}

fn by_code(hmac: &Hmac, request: &Request<'_>, made: &mut usize) -> Option<Verified> {
    let given = (request.header)(&hmac.header).unwrap_or_default();
    let id = hmac
        .id_header
        .as_deref()
        .and_then(request.header)
        .unwrap_or_default();
    let timestamp = hmac
        .timestamp_header
        .as_deref()
        .and_then(request.header)
        .unwrap_or_default();
    let parts: Vec<&[u8]> = hmac
        .signed
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_bytes(),
            Part::Timestamp => timestamp,
            Part::Id => id,
            Part::Body => request.body,
        })
        .collect();
    let code = given
        .strip_prefix(hmac.prefix.as_bytes())
        .and_then(|text| decode(hmac.encoding, text))
        .unwrap_or_default();
    let signed = any(&hmac.secrets, hmac.algorithm, &parts, &[&code], made);
    let timely = hmac.timestamp_header.is_none() || is_timely(timestamp, request.now);
    let id = match id {
        b"" if hmac.deduplicate => Some(named("code", &code)),
        b"" => None,
        id => Some(named("id", id)),
    };
    (signed & timely).then_some(Verified { id })
}

fn standard(secrets: &[Secret], request: &Request<'_>, made: &mut usize) -> Option<Verified> {
    let id = (request.header)("webhook-id").unwrap_or_default();
    let timestamp = (request.header)("webhook-timestamp").unwrap_or_default();
    let given = (request.header)("webhook-signature").unwrap_or_default();
    let codes: Vec<Vec<u8>> = given
        .split(|byte| *byte == b' ')
        .filter_map(|one| decode(Encoding::Base64, one.strip_prefix(b"v1,")?))
        .take(10)
        .collect();
    let codes: Vec<&[u8]> = codes.iter().map(Vec::as_slice).collect();
    let parts = [id, b".", timestamp, b".", request.body];
    let signed = any(secrets, Algorithm::Sha256, &parts, &codes, made);
    let timely = is_timely(timestamp, request.now);
    // a dot in the id would let what is signed be read in two ways
    let clear = !id.is_empty() && !id.contains(&b'.');
    (signed & timely & clear).then(|| Verified {
        id: Some(named("id", id)),
    })
}

/// Whether one of the codes is right by one of the secrets; each secret is tried.
fn any(secrets: &[Secret], algorithm: Algorithm, parts: &[&[u8]], codes: &[&[u8]], made: &mut usize) -> bool {
    secrets.iter().take(MAX_SECRETS).fold(false, |found, secret| {
        *made += 1;
        matches(algorithm, secret, parts, codes) | found
    })
}

fn matches(algorithm: Algorithm, secret: &Secret, parts: &[&[u8]], codes: &[&[u8]]) -> bool {
    let (key, usable) = match secret {
        Secret::Plain(key) => (key.as_slice(), true),
        Secret::Hashed(..) | Secret::Closed => (&[0; 32][..], false),
    };
    let right = match algorithm {
        Algorithm::Sha256 => is_one_of::<hmac::Hmac<Sha256>>(key, parts, codes),
        Algorithm::Sha512 => is_one_of::<hmac::Hmac<Sha512>>(key, parts, codes),
    };
    right & usable
}

fn is_one_of<M: Mac + KeyInit + Clone>(key: &[u8], parts: &[&[u8]], codes: &[&[u8]]) -> bool {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        return false; // HMAC takes keys of any length
    };
    for part in parts {
        mac.update(part);
    }
    codes.iter().fold(false, |found, code| {
        mac.clone().verify_slice(code).is_ok() | found
    })
}

/// Seconds, or milliseconds as some senders write them.
fn is_timely(timestamp: &[u8], now: i64) -> bool {
    let digits = !timestamp.is_empty() && timestamp.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(timestamp)
        .ok()
        .filter(|_| digits)
        .and_then(|text| text.parse::<i64>().ok());
    number.is_some_and(|number| {
        let seconds = if number > 100_000_000_000 {
            number / 1_000
        } else {
            number
        };
        (now - seconds).abs() <= TOLERANCE
    })
}

/// What stands behind a word, as `Bearer`, and a space.
fn after_word<'t>(text: &'t [u8], word: &[u8]) -> Option<&'t [u8]> {
    let (first, rest) = text.split_at_checked(word.len())?;
    first
        .eq_ignore_ascii_case(word)
        .then_some(rest)?
        .strip_prefix(b" ")
}

fn decode(encoding: Encoding, text: &[u8]) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex => {
            let digit = |byte: u8| {
                char::from(byte)
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            };
            let (pairs, rest) = text.as_chunks::<2>();
            let byte = |&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
            if rest.is_empty() {
                pairs.iter().map(byte).collect()
            } else {
                None
            }
        }
    }
}

/// The name of an occasion as it is stored: readable where that can be, else a digest.
pub(super) fn named(kind: &str, id: &[u8]) -> String {
    use sha2::Digest as _;
    let readable = id.len() <= MAX_ID && id.iter().all(u8::is_ascii_graphic);
    let name = match std::str::from_utf8(id) {
        Ok(text) if readable => text.to_owned(),
        _ => base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(id)),
    };
    let digest = if readable { "" } else { "digest:" };
    [kind, ":", digest, &name].concat()
}

impl Verified {
    /// The same with the header that names an occasion, where the authentication itself has no id.
    pub fn or_by_header(self, value: Option<&[u8]>) -> Verified {
        let by_header = || {
            value
                .filter(|value| !value.is_empty())
                .map(|value| named("key", value))
        };
        Verified {
            id: self.id.or_else(by_header),
        }
    }
}
