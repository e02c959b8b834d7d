//! Who may call a webhook: the `auth` of its settings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::signature::{Algorithm, Encoding, Hmac, Part, Request, Verified};
use super::{flag, header_name, problem, text};
use crate::problem::Problem;
use crate::sealed::{SealKey, Secret};

/// Bytes of a secret.
const MAX_SECRET: usize = 1_000;

/// How a caller shows that he may call.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Whoever knows the address.
    None,
    /// A token in a header.
    Token {
        /// Its name in small letters.
        header: String,
        /// As given, without `Bearer`.
        token: Secret,
    },
    /// Name and password (RFC 7617).
    Basic {
        /// No secret.
        username: String,
        /// Its password.
        password: Secret,
    },
    /// A code over the raw body in a header.
    Hmac(Box<Hmac>),
    /// As <https://www.standardwebhooks.com> describes it.
    Standard {
        /// One, or two while they are changed; decoded.
        secrets: Vec<Secret>,
    },
}

impl Auth {
    /// What a call is checked by whose webhook does not exist: it fails, at the same cost.
    pub fn nobody() -> Auth {
        Auth::Hmac(Box::new(Hmac::by(vec![Secret::Closed])))
    }

    /// Reads `auth`: a name, or an object with `type` and what that needs (camelCase or snake_case).
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub(super) fn from_config(auth: Option<&Value>, key: Option<&SealKey>) -> Result<Auth, Problem> {
        let auth = match auth {
            None | Some(Value::Null) => return Ok(Auth::None),
            Some(Value::String(name)) => serde_json::json!({ "type": name }),
            Some(Value::Object(given)) => {
                let named = given
                    .iter()
                    .map(|(name, value)| (super::super::snake_case(name), value.clone()));
                Value::Object(named.collect())
            }
            Some(_) => return Err(problem("`auth` must be an object with `type`")),
        };
        match text(&auth, "type")? {
            None | Some("none") => Ok(Auth::None),
            Some("token") => Ok(Auth::Token {
                header: header_name(text(&auth, "header")?.unwrap_or("Authorization"), "auth.header")?,
                token: one(&auth, "token", key)?,
            }),
            Some("basic") => Ok(Auth::Basic {
                username: username(&auth)?,
                password: one(&auth, "password", key)?,
            }),
            Some("hmac") => Ok(Auth::Hmac(Box::new(hmac(&auth, key)?))),
            Some("standard-webhooks" | "standard_webhooks") => Ok(Auth::Standard {
                secrets: some(&auth, key)?
                    .into_iter()
                    .map(decoded)
                    .collect::<Result<_, _>>()?,
            }),
            Some(_) => Err(problem(
                "`auth.type` is none, token, basic, hmac or standard-webhooks",
            )),
        }
    }

    /// Whether this request may call, and the id by which it is known. Whatever is wrong, it takes the same time.
    pub fn verify(&self, request: &Request<'_>) -> Option<Verified> {
        super::signature::verify(self, request)
    }

    /// The answer to a GET by which a sender asks whether this address wants its calls (Meta: `hub.mode`,
    /// `hub.verify_token`, `hub.challenge`). None: nothing is set up for that.
    pub fn challenged(&self, query: &dyn Fn(&str) -> Option<String>) -> Option<Option<String>> {
        let Auth::Hmac(hmac) = self else { return None };
        let expected = hmac.verify_token.as_ref()?;
        let challenge = query("hub.challenge")?;
        let asks = query("hub.mode").as_deref() == Some("subscribe");
        let given = query("hub.verify_token").unwrap_or_default();
        let right = expected.is(given.as_bytes()) && asks && challenge.len() <= 200;
        Some(right.then_some(challenge))
    }

    /// Headers that must not travel on, in small letters.
    pub fn headers(&self) -> Vec<&str> {
        match self {
            Auth::None | Auth::Basic { .. } => Vec::new(),
            Auth::Token { header, .. } => vec![header],
            Auth::Hmac(hmac) => vec![&hmac.header],
            Auth::Standard { .. } => vec!["webhook-signature"],
        }
    }
}

fn hmac(auth: &Value, key: Option<&SealKey>) -> Result<Hmac, Problem> {
    let name = |setting: &'static str| match text(auth, setting)? {
        Some(name) => header_name(name, setting).map(Some),
        None => Ok(None),
    };
    let timestamp_header = name("timestamp_header")?;
    let header = name("header")?.unwrap_or_else(|| "x-hub-signature-256".to_owned());
    // what GitHub and Meta write before the code, where only the header is theirs
    let usual = if header == "x-hub-signature-256" {
        "sha256="
    } else {
        ""
    };
    let signed = match (text(auth, "signed")?, &timestamp_header) {
        (Some(signed), _) => signed,
        (None, Some(_)) => "{timestamp}.{body}",
        (None, None) => "{body}",
    };
    Ok(Hmac {
        algorithm: match text(auth, "algorithm")?.map(|name| name.replace('-', "").to_ascii_lowercase()) {
            None => Algorithm::Sha256,
            Some(name) if name == "sha256" => Algorithm::Sha256,
            Some(name) if name == "sha512" => Algorithm::Sha512,
            Some(_) => return Err(problem("`auth.algorithm` is sha256 or sha512")),
        },
        encoding: match text(auth, "encoding")? {
            None | Some("hex") => Encoding::Hex,
            Some("base64") => Encoding::Base64,
            Some(_) => return Err(problem("`auth.encoding` is hex or base64")),
        },
        prefix: match auth.get("prefix") {
            None | Some(Value::Null) => usual.to_owned(),
            Some(Value::String(prefix)) if prefix.len() <= 50 => prefix.clone(),
            Some(_) => return Err(problem("`auth.prefix` must be text of up to 50 characters")),
        },
        id_header: name("id_header")?,
        signed: Part::all(signed, timestamp_header.is_some())?,
        deduplicate: flag(auth, "deduplicate")?.unwrap_or(true),
        verify_token: match auth.get("verify_token") {
            None | Some(Value::Null) => None,
            Some(_) => Some(one(auth, "verify_token", key)?),
        },
        secrets: some(auth, key)?,
        header,
        timestamp_header,
    })
}

fn username(auth: &Value) -> Result<String, Problem> {
    match text(auth, "username")? {
        Some(name) if !name.contains(':') => Ok(name.to_owned()),
        _ => Err(problem("`auth.username` is missing, or has a colon in it")),
    }
}

/// One secret of this name.
fn one(auth: &Value, name: &str, key: Option<&SealKey>) -> Result<Secret, Problem> {
    match auth.get(name).and_then(Value::as_str) {
        Some(secret) if !secret.is_empty() && secret.len() <= 2 * MAX_SECRET => Ok(Secret::read(secret, key)),
        _ => Err(problem(format!(
            "`auth.{name}` is missing, or longer than 1000 characters"
        ))),
    }
}

/// `secret`, and `previous_secret` while they are changed.
fn some(auth: &Value, key: Option<&SealKey>) -> Result<Vec<Secret>, Problem> {
    let mut secrets = vec![one(auth, "secret", key)?];
    if auth
        .get("previous_secret")
        .is_some_and(|value| !value.is_null() && value != "")
    {
        secrets.push(one(auth, "previous_secret", key)?);
    }
    Ok(secrets)
}

/// The bytes of a standard-webhooks secret: `whsec_` and base64.
fn decoded(secret: Secret) -> Result<Secret, Problem> {
    let Secret::Plain(text) = secret else {
        return Ok(secret);
    };
    let base64 = text.strip_prefix(b"whsec_").unwrap_or(&text);
    match STANDARD.decode(base64) {
        Ok(bytes) if !bytes.is_empty() => Ok(Secret::Plain(bytes)),
        _ => Err(problem(
            "`auth.secret` and `auth.previous_secret` of standard-webhooks are whsec_ and base64",
        )),
    }
}
