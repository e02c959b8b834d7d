//! The subcommands: one file each. What they tell a person goes to standard output, what went wrong to standard
//! error in one line.

mod check;
mod install;
mod keygen;
mod run;
mod validate;

use std::io::Write;
use std::process::ExitCode;

use crate::settings::{Command, CommandLine, Settings, SettingsError};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings are wrong: exit 2.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The login is a superuser or bypasses row level security, and nobody said that this is meant: exit 2.
    #[error(
        "--allow-superuser: the login of --database-url is {0}, for which no row level security holds; \
         grant automations_daemon to another login, or give this flag"
    )]
    Superuser(&'static str),
    /// Certificates.
    #[error("--database-url: {0}")]
    Tls(#[from] crate::database::tls::TlsError),
    /// The pool.
    #[error("the connection pool could not be made: {0}")]
    Pool(#[from] deadpool_postgres::BuildError),
    /// The recorder.
    #[error("metrics could not be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The address of HTTP.
    #[error("--http: {address} cannot be listened on: {why}")]
    Http {
        /// As given.
        address: std::net::SocketAddr,
        /// What the system says.
        #[source]
        why: std::io::Error,
    },
    /// The database said no.
    #[error("{0}")]
    Database(#[from] crate::queue::QueueError),
    /// A file.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: String,
        /// What the system or the parser says.
        why: String,
    },
    /// The system.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl CommandError {
    fn code(&self) -> ExitCode {
        match self {
            CommandError::Settings(_)
            | CommandError::Superuser(_)
            | CommandError::Tls(_)
            | CommandError::Http { .. } => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Does what the command line says.
pub async fn perform(line: CommandLine) -> ExitCode {
    let done = match line.command {
        None | Some(Command::Run) => match Settings::new(line.flags) {
            Ok(settings) => run::run(settings).await,
            Err(error) => Err(error.into()),
        },
        Some(Command::Install { sample_app }) => match Settings::new(line.flags) {
            Ok(settings) => install::install(settings, sample_app).await,
            Err(error) => Err(error.into()),
        },
        Some(Command::Check) => match Settings::new(line.flags) {
            Ok(settings) => check::check(settings).await,
            Err(error) => Err(error.into()),
        },
        Some(Command::Keygen { file }) => keygen::keygen(&file),
        Some(Command::Validate { file }) => validate::validate(&file, &line.flags.limits.graph()),
    };
    done.unwrap_or_else(|error| {
        complain(&error.to_string());
        error.code()
    })
}

/// One line for a person, to standard output.
pub fn say(line: &str) {
    // a closed pipe is no reason to fail
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// One line about what went wrong, to standard error.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "automationd: {line}");
}
