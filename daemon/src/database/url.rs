//! A connection string as libpq reads it: a URL or `key=value` pairs. tokio-postgres refuses four of the six
//! `sslmode`s and `sslrootcert`, and people's URLs contain them, so those are taken out here and the rest is its.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode as Negotiate, TargetSessionAttrs};

/// How TLS is wanted; the words and the meaning are libpq's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only where the server refuses without.
    Allow,
    /// Where the server can, without looking at its certificate. The default.
    Prefer,
    /// Always, without looking at the certificate (with `sslrootcert`: as `verify-ca`).
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// Always, with such a certificate for this host name.
    VerifyFull,
}

impl FromStr for SslMode {
    type Err = UrlError;

    fn from_str(word: &str) -> Result<SslMode, UrlError> {
        Ok(match word {
            "disable" => SslMode::Disable,
            "allow" => SslMode::Allow,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => return Err(UrlError::SslMode),
        })
    }
}

/// A connection string that cannot be used. Never holds a part of it: it may be the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// A word that libpq does not know either.
    #[error("sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full")]
    SslMode,
    /// Quotes or equal signs are missing.
    #[error("not a connection string: give postgres://USER@HOST/DATABASE or key=value pairs")]
    Shape,
    /// A parameter that this program cannot honour.
    #[error("the parameter {0} is not supported")]
    Unsupported(&'static str),
    /// What tokio-postgres said.
    #[error("{0}")]
    Refused(String),
}

/// A checked connection string.
#[derive(Clone)]
pub struct DatabaseUrl {
    /// Everything but TLS.
    pub config: Config,
    /// How TLS is wanted.
    pub ssl_mode: SslMode,
    /// Which authorities are known: a PEM file, or the word `system`.
    pub root_cert: Option<PathBuf>,
}

impl DatabaseUrl {
    /// Reads a connection string.
    pub fn parse(text: &str) -> Result<DatabaseUrl, UrlError> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let (rest, pairs) = if is_url {
            of_url(text)
        } else {
            (String::new(), of_pairs(text)?)
        };
        let (mut ssl_mode, mut root_cert, mut kept) = (SslMode::Prefer, None, Vec::new());
        for (key, value) in pairs {
            match key.as_str() {
                "sslmode" => ssl_mode = value.parse()?,
                "sslrootcert" => root_cert = Some(PathBuf::from(value)),
                "sslcert" if !value.is_empty() => return Err(UrlError::Unsupported("sslcert")),
                "sslkey" if !value.is_empty() => return Err(UrlError::Unsupported("sslkey")),
                "sslcrl" if !value.is_empty() => return Err(UrlError::Unsupported("sslcrl")),
                "sslcert" | "sslkey" | "sslcrl" | "gssencmode" | "client_encoding" => {}
                "keepalives_count" => kept.push(("keepalives_retries".to_owned(), value)),
                _ => kept.push((key, value)),
            }
        }
        let text = if is_url {
            join_url(&rest, &kept)
        } else {
            join_pairs(&kept)
        };
        let mut config = Config::from_str(&text).map_err(|error| UrlError::Refused(reason(&error)))?;
        finish(&mut config);
        let by_socket_only = config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)))
            && config.get_hostaddrs().is_empty();
        if by_socket_only {
            ssl_mode = SslMode::Disable; // as libpq: a socket file has no TLS
        }
        if ssl_mode == SslMode::Require && root_cert.is_some() {
            ssl_mode = SslMode::VerifyCa; // as libpq
        }
        config.ssl_mode(match ssl_mode {
            SslMode::Disable | SslMode::Allow => Negotiate::Disable,
            SslMode::Prefer => Negotiate::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Negotiate::Require,
        });
        Ok(DatabaseUrl {
            config,
            ssl_mode,
            root_cert,
        })
    }
}

/// What is not said: a server that takes writes, and a dead peer noticed within about ten seconds (TRUST part 1).
fn finish(config: &mut Config) {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("/var/run/postgresql");
    }
    if *config.get_connect_timeout().unwrap_or(&Duration::ZERO) == Duration::ZERO {
        config.connect_timeout(Duration::from_secs(10));
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(10));
    }
    config.keepalives_idle(Duration::from_secs(10));
    config.keepalives_interval(Duration::from_secs(3));
    config.keepalives_retries(3);
    if config.get_target_session_attrs() == TargetSessionAttrs::Any {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    if config.get_application_name().is_none() {
        config.application_name("automationd");
    }
}

fn reason(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => "not a connection string".to_owned(),
    }
}

/// A URL without its query, and the query's pairs. In a connection URL `+` is a plus sign.
fn of_url(text: &str) -> (String, Vec<(String, String)>) {
    let (rest, query) = text.split_once('?').unwrap_or((text, ""));
    let query = query.replace('+', "%2B");
    (
        rest.to_owned(),
        ::url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
    )
}

fn join_url(rest: &str, pairs: &[(String, String)]) -> String {
    let query = ::url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    if query.is_empty() {
        rest.to_owned()
    } else {
        format!("{rest}?{}", query.replace('+', "%20"))
    }
}

/// `host=x password='it''s \'quoted\''` as libpq reads it.
fn of_pairs(text: &str) -> Result<Vec<(String, String)>, UrlError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or(UrlError::Shape)?;
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(UrlError::Shape);
        }
        let after = after.trim_start();
        let quoted = after.starts_with('\'');
        let mut characters = after.char_indices().skip(usize::from(quoted));
        let (mut value, mut end, mut closed) = (String::new(), after.len(), !quoted);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => value.extend(characters.next().map(|(_, next)| next)),
                '\'' if quoted => {
                    (end, closed) = (at + 1, true);
                    break;
                }
                space if space.is_whitespace() && !quoted => {
                    end = at;
                    break;
                }
                other => value.push(other),
            }
        }
        if !closed {
            return Err(UrlError::Shape);
        }
        pairs.push((key.to_owned(), value));
        rest = after.get(end..).unwrap_or("").trim_start();
    }
    if pairs.is_empty() {
        Err(UrlError::Shape)
    } else {
        Ok(pairs)
    }
}

fn join_pairs(pairs: &[(String, String)]) -> String {
    let quote = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
    pairs
        .iter()
        .map(|(key, value)| format!("{key}='{}'", quote(value)))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        DatabaseUrl::parse(text).unwrap()
    }

    #[test]
    fn all_six_sslmodes_of_libpq_are_understood() {
        let modes = [
            ("disable", SslMode::Disable),
            ("allow", SslMode::Allow),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
            ("verify-ca", SslMode::VerifyCa),
            ("verify-full", SslMode::VerifyFull),
        ];
        for (word, mode) in modes {
            assert_eq!(
                url(&format!("postgres://u:p@h:6000/d?sslmode={word}")).ssl_mode,
                mode
            );
            assert_eq!(url(&format!("host=h sslmode={word} dbname=d")).ssl_mode, mode);
        }
        assert_eq!(url("postgres://h/d").ssl_mode, SslMode::Prefer);
        assert_eq!(
            DatabaseUrl::parse("postgres://h/d?sslmode=maybe").err(),
            Some(UrlError::SslMode)
        );
    }

    #[test]
    fn require_with_a_root_certificate_verifies_the_authority() {
        let url = url("postgres://h/d?sslmode=require&sslrootcert=%2Fetc%2Fca.pem");
        assert_eq!(url.ssl_mode, SslMode::VerifyCa);
        assert_eq!(url.root_cert, Some(PathBuf::from("/etc/ca.pem")));
    }

    #[test]
    fn a_socket_file_never_has_tls() {
        assert_eq!(
            url("postgres:///d?host=/tmp/x&sslmode=verify-full").ssl_mode,
            SslMode::Disable
        );
        assert_eq!(url("host=/tmp/x user=me").ssl_mode, SslMode::Disable);
        assert!(matches!(url("postgres:///d").config.get_hosts(), [Host::Unix(_)]));
    }

    #[test]
    fn what_tokio_postgres_knows_stays_as_it_was() {
        let url =
            url("postgres://u:a%2Bb@h:6000/d?application_name=my%20app&sslmode=disable&connect_timeout=3");
        assert_eq!(url.config.get_password(), Some("a+b".as_bytes()));
        assert_eq!(url.config.get_ports(), [6000]);
        assert_eq!(url.config.get_application_name(), Some("my app"));
        assert_eq!(url.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
    }

    #[test]
    fn quotes_and_backslashes_in_pairs_are_libpqs() {
        let url = url(r"host=h user='a b' password='it\'s \\' dbname=d");
        assert_eq!(url.config.get_user(), Some("a b"));
        assert_eq!(url.config.get_password(), Some(r"it's \".as_bytes()));
    }

    #[test]
    fn nothing_of_a_wrong_string_is_repeated() {
        for text in [
            "secret",
            "postgres://u:secret@h:port/d",
            "host=h secret",
            "password='secret",
            "=secret",
        ] {
            let error = DatabaseUrl::parse(text).err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
