//! The command line: flags, each also an environment variable (CONTRACT section 1), and subcommands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use super::limits::Limits;
use crate::queue::abort::AbortAt;

/// Runs automations: claims executions from Postgres, walks their graphs, writes the results back.
#[derive(Debug, Parser)]
#[command(name = "automationd", version, about, max_term_width = 110)]
pub struct CommandLine {
    /// The flags; every subcommand takes them too.
    #[command(flatten)]
    pub flags: Flags,
    /// What to do; `run` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What automationd can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Claims and performs executions until told to stop (the default).
    Run,
    /// Makes or migrates the tables: calls automations.install().
    Install {
        /// Brings the sample application too.
        #[arg(long)]
        sample_app: bool,
    },
    /// Looks at everything that has to be right, one line each; exit 1 if anything is not.
    Check,
    /// Makes a key pair: writes the private key to a file of its own, prints the public one.
    Keygen {
        /// Where the private key goes; an existing file is never overwritten.
        #[arg(default_value = "automationd.key")]
        file: PathBuf,
    },
    /// Checks a React Flow export: one line per problem, exit 1 if there is one.
    Validate {
        /// The JSON file, as toObject() gives it.
        file: PathBuf,
    },
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The flags as given; [`super::Settings`] is what they mean. `Debug` is not derived: the URLs hold passwords.
#[derive(clap::Args)]
pub struct Flags {
    /// Which database; TLS by libpq's sslmode (all six values) and sslrootcert.
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// A direct connection for LISTEN when the other goes through a pooler; `none` polls only [default: the same].
    #[arg(long, global = true, env = "LISTEN_DATABASE_URL", hide_env_values = true)]
    pub listen_database_url: Option<String>,
    /// Address for HTTP; `none` for no HTTP, port 0 picks one and logs it.
    #[arg(
        long,
        global = true,
        env = "AUTOMATIOND_HTTP",
        default_value = "127.0.0.1:8787"
    )]
    pub http: String,
    /// Executions in flight at once.
    #[arg(long, global = true, env = "AUTOMATIOND_CONCURRENCY", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency: u32,
    /// Connections to the database beside the listener and the heartbeat: half for the queue, half for database nodes.
    #[arg(long, global = true, env = "AUTOMATIOND_CONNECTIONS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub connections: u32,
    /// The guarantee behind the wake-up.
    #[arg(long, global = true, env = "AUTOMATIOND_POLL_INTERVAL", default_value = "5s",
          value_parser = humantime::parse_duration)]
    pub poll_interval: Duration,
    /// How long a claim holds without a heartbeat.
    #[arg(long, global = true, env = "AUTOMATIOND_LEASE", default_value = "30s",
          value_parser = humantime::parse_duration)]
    pub lease: Duration,
    /// How long running executions may go on after SIGTERM before they are handed back.
    #[arg(long, global = true, env = "AUTOMATIOND_STOP_TIMEOUT", default_value = "20s",
          value_parser = humantime::parse_duration)]
    pub stop_timeout: Duration,
    /// Opens sealed secrets; the key itself may be given as AUTOMATIOND_PRIVATE_KEY instead.
    #[arg(long, global = true, env = "AUTOMATIOND_PRIVATE_KEY_FILE")]
    pub private_key_file: Option<PathBuf>,
    /// Private destinations that nodes may reach: host, host:port or CIDR, comma separated [default: none].
    #[arg(
        long,
        global = true,
        env = "AUTOMATIOND_ALLOW_HOSTS",
        default_value = "",
        hide_default_value = true
    )]
    pub allow_hosts: String,
    /// What links in messages begin with [default: the address of --http].
    #[arg(long, global = true, env = "AUTOMATIOND_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Payloads on automation_trigger start executions: {"automation_id", "trigger_data"}, sent by any role of the database.
    #[arg(long, global = true, env = "AUTOMATIOND_ACCEPT_NOTIFY_PAYLOADS")]
    pub accept_notify_payloads: bool,
    /// Starts even when the login is a superuser or has BYPASSRLS, so that no row level security holds for it.
    #[arg(long, global = true, env = "AUTOMATIOND_ALLOW_SUPERUSER")]
    pub allow_superuser: bool,
    /// For tests only: the process aborts itself at its Nth durable write (N, N:before, N:during, N:after).
    #[arg(long, global = true, env = "AUTOMATIOND_ABORT_AT_WRITE", hide = true)]
    pub abort_at_write: Option<AbortAt>,
    /// How log lines look; levels by RUST_LOG.
    #[arg(
        long,
        global = true,
        env = "AUTOMATIOND_LOG_FORMAT",
        value_enum,
        default_value = "text"
    )]
    pub log_format: LogFormat,
    /// The limits of CONTRACT section 6.
    #[command(flatten)]
    pub limits: Limits,
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flags")
            .field("http", &self.http)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
