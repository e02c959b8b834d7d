//! The settings: one struct that checks itself. What is wrong is one line that names the flag, and exit 2.

pub mod flags;
pub mod limits;
mod spoken;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use flags::{Command, CommandLine, LogFormat};
pub use limits::Limits;
pub use spoken::{Answer, parse};

use crate::database::url::{DatabaseUrl, UrlError};
use crate::egress::AllowHosts;
use crate::queue::abort::AbortAt;
use flags::Flags;

/// Something about the settings is wrong; the sentence names the flag and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A flag that has no default was not given.
    #[error("{flag} ({variable}) is required")]
    Missing {
        /// As typed.
        flag: &'static str,
        /// The environment variable that would do as well.
        variable: &'static str,
    },
    /// A value that cannot be used.
    #[error("{flag}: {why}")]
    Invalid {
        /// As typed.
        flag: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// One of the two connection strings.
    #[error("{flag}: {why}")]
    Url {
        /// As typed.
        flag: &'static str,
        /// What is wrong with it.
        #[source]
        why: UrlError,
    },
}

/// Where LISTEN goes.
#[derive(Clone)]
pub enum Listen {
    /// A connection of its own to here.
    At(Box<DatabaseUrl>),
    /// Nowhere: polling only.
    None,
}

/// What the flags mean, checked.
#[derive(Clone)]
pub struct Settings {
    /// The database.
    pub database: DatabaseUrl,
    /// Where LISTEN goes.
    pub listen: Listen,
    /// Where HTTP listens; `None` for nowhere.
    pub http: Option<SocketAddr>,
    /// Executions in flight at once.
    pub concurrency: usize,
    /// Pool size.
    pub connections: usize,
    /// Longest time without a look at the queue.
    pub poll_interval: Duration,
    /// How long a claim holds.
    pub lease: Duration,
    /// From SIGTERM to handing back.
    pub stop_timeout: Duration,
    /// Opens sealed secrets.
    pub private_key_file: Option<PathBuf>,
    /// Private destinations that nodes may reach.
    pub allow_hosts: AllowHosts,
    /// What links begin with; `None`: the address that HTTP has in the end.
    pub public_url: Option<url::Url>,
    /// Payloads of applications start executions.
    pub accept_notify_payloads: bool,
    /// Starts as a superuser all the same.
    pub allow_superuser: bool,
    /// For tests only: the write at which the process ends itself.
    pub abort_at_write: Option<AbortAt>,
    /// Limits of CONTRACT section 6.
    pub limits: Limits,
}

impl Settings {
    /// Checks the flags.
    pub fn new(flags: Flags) -> Result<Settings, SettingsError> {
        let url = flags
            .database_url
            .filter(|url| !url.is_empty())
            .ok_or(SettingsError::Missing {
                flag: "--database-url",
                variable: "DATABASE_URL",
            })?;
        let database = DatabaseUrl::parse(&url).map_err(|why| SettingsError::Url {
            flag: "--database-url",
            why,
        })?;
        let listen = match flags.listen_database_url.as_deref() {
            None | Some("") => Listen::At(Box::new(database.clone())),
            Some("none") => Listen::None,
            Some(url) => Listen::At(Box::new(DatabaseUrl::parse(url).map_err(|why| {
                SettingsError::Url {
                    flag: "--listen-database-url",
                    why,
                }
            })?)),
        };
        let http = match flags.http.as_str() {
            "none" => None,
            address => Some(address.parse().map_err(|_| {
                invalid(
                    "--http",
                    "not an address: give IP:PORT (127.0.0.1:8787, [::1]:0) or none",
                )
            })?),
        };
        at_least("--poll-interval", flags.poll_interval, Duration::from_millis(20))?;
        at_least("--lease", flags.lease, Duration::from_secs(1))?;
        let public_url = flags
            .public_url
            .as_deref()
            .filter(|url| !url.is_empty())
            .map(public_url)
            .transpose()?;
        let allow_hosts = flags.allow_hosts.parse::<AllowHosts>();
        let allow_hosts = allow_hosts.map_err(|why| invalid("--allow-hosts", &why.to_string()))?;
        Ok(Settings {
            database,
            listen,
            http,
            concurrency: flags.concurrency as usize,
            connections: flags.connections as usize,
            poll_interval: flags.poll_interval,
            lease: flags.lease,
            stop_timeout: flags.stop_timeout,
            private_key_file: flags.private_key_file,
            allow_hosts,
            public_url,
            accept_notify_payloads: flags.accept_notify_payloads,
            allow_superuser: flags.allow_superuser,
            abort_at_write: flags.abort_at_write,
            limits: flags.limits,
        })
    }
}

fn public_url(text: &str) -> Result<url::Url, SettingsError> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(url),
        _ => Err(invalid("--public-url", "not an http or https URL")),
    }
}

fn at_least(flag: &'static str, value: Duration, least: Duration) -> Result<(), SettingsError> {
    if value >= least {
        return Ok(());
    }
    Err(invalid(
        flag,
        &format!("must be at least {}", humantime::format_duration(least)),
    ))
}

fn invalid(flag: &'static str, why: &str) -> SettingsError {
    SettingsError::Invalid {
        flag,
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn settings(arguments: &[&str]) -> Result<Settings, SettingsError> {
        let all = ["automationd"].iter().chain(arguments);
        Settings::new(CommandLine::try_parse_from(all).unwrap().flags)
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let settings = settings(&["--database-url", "postgres://u:p@localhost/d"]).unwrap();
        assert_eq!(settings.concurrency, 64);
        assert_eq!(settings.poll_interval, Duration::from_secs(5));
        assert_eq!(settings.lease, Duration::from_secs(30));
        assert_eq!(settings.stop_timeout, Duration::from_secs(20));
        assert_eq!(settings.http, Some("127.0.0.1:8787".parse().unwrap()));
        assert!(matches!(settings.listen, Listen::At(_)));
        assert_eq!(settings.limits.max_output, 2 << 20);
    }

    #[test]
    fn what_is_wrong_is_one_line_that_names_the_flag() {
        let cases: [(&[&str], &str); 5] = [
            (&["--database-url", ""], "--database-url"),
            (
                &["--database-url", "postgres://u:secret@h/d?sslmode=perhaps"],
                "--database-url",
            ),
            (
                &["--database-url", "postgres://h/d", "--http", "everywhere"],
                "--http",
            ),
            (&["--database-url", "postgres://h/d", "--lease", "1ms"], "--lease"),
            (
                &["--database-url", "postgres://h/d", "--public-url", "ftp://x"],
                "--public-url",
            ),
        ];
        for (arguments, flag) in cases {
            let line = settings(arguments).err().unwrap().to_string();
            assert!(
                line.contains(flag) && !line.contains('\n') && !line.contains("secret"),
                "{line}"
            );
        }
    }

    #[test]
    fn flags_may_stand_behind_the_subcommand() {
        let line = CommandLine::try_parse_from(["automationd", "check", "--lease", "9s"]).unwrap();
        assert_eq!(line.flags.lease, Duration::from_secs(9));
    }
}
