//! `check`: everything that has to be right, one line each; exit 1 if anything is not.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::run::{explain, queue};
use super::{CommandError, say};
use crate::database::connect::Connector;
use crate::listen;
use crate::nodes;
use crate::queue::Queue;
use crate::queue::readiness::Readiness;
use crate::queue::tenant::{OwnTransaction, Tenant};
use crate::settings::{Listen, Settings};

/// How far apart the clocks may be before people are confused by times in logs and records.
const SKEW: Duration = Duration::from_secs(5);

/// Lines as they come, and whether one of them was bad.
#[derive(Default)]
struct Report {
    bad: bool,
}

impl Report {
    fn line(&mut self, what: &str, result: Result<String, String>) {
        match result {
            Ok(text) => say(&format!("ok    {what}: {text}")),
            Err(text) => {
                self.bad = true;
                say(&format!("FAIL  {what}: {text}"));
            }
        }
    }
}

/// Looks at everything.
pub async fn check(settings: Settings) -> Result<ExitCode, CommandError> {
    let connector = Connector::new(&settings.database)?;
    let queue = queue(&connector, 2)?;
    let mut report = Report::default();
    let since = Instant::now();
    match queue.for_tenant().await.map(drop) {
        Err(error) => report.line("connection", Err(error.to_string())),
        Ok(()) => {
            report.line(
                "connection",
                Ok(format!("made in {} ms", since.elapsed().as_millis())),
            );
            match queue.readiness().await {
                Ok(readiness) => {
                    database(&mut report, &readiness, &settings);
                    tenant(&mut report, &queue, &readiness).await;
                }
                Err(error) => report.line("schema", Err(explain(&error))),
            }
            clock(&mut report, &queue).await;
        }
    }
    wake_up(&mut report, &settings).await;
    report.line("key", key(&settings));
    let mut names: Vec<&str> = nodes::registry().iter().map(|kind| kind.name()).collect();
    names.sort_unstable();
    report.line("performs", Ok(format!("node types: {}", names.join(", "))));
    Ok(if report.bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn database(report: &mut Report, readiness: &Readiness, settings: &Settings) {
    let version = readiness.server_version;
    let text = format!("PostgreSQL {}.{}", version / 10_000, version % 10_000);
    report.line(
        "server",
        if version >= 140_000 {
            Ok(text)
        } else {
            Err(format!("{text}: 14 is the oldest"))
        },
    );
    report.line(
        "role",
        match (readiness.sees_everything(), settings.allow_superuser) {
            (Some(what), false) => Err(format!(
                "{what}, for which no row level security holds (--allow-superuser)"
            )),
            (Some(what), true) => Ok(format!("{what}, as allowed")),
            (None, _) => Ok("neither a superuser nor with BYPASSRLS".to_owned()),
        },
    );
    let schema = readiness.schema_version.as_deref().unwrap_or("none");
    let library = readiness.library_version.as_deref().unwrap_or("none");
    let own = env!("CARGO_PKG_VERSION");
    report.line(
        "versions",
        Ok(format!("tables {schema}, extension {library}, automationd {own}")),
    );
    let verdict = readiness.verdict();
    report.line(
        "schema",
        verdict
            .map(|()| "ready".to_owned())
            .map_err(|why| why.to_string()),
    );
}

/// Becomes the tenant as database nodes do, of an account that does not exist, and rolls back.
async fn tenant(report: &mut Report, queue: &Queue, readiness: &Readiness) {
    let Some(role) = &readiness.tenant_role else {
        let none = "automations.settings names none (tenant_role)";
        return report.line("tenant role", Err(none.to_owned()));
    };
    let nobody = Tenant {
        account_id: Uuid::nil(),
        execution_id: Uuid::nil(),
        depth: 0,
        lock_timeout_ms: 500,
        statement_timeout_ms: 5_000,
    };
    let became = async {
        let connection = queue.for_tenant().await.map_err(|error| explain(&error))?;
        let tried = OwnTransaction::over(connection, nobody).try_out().await;
        tried.map_err(|error| error.to_string())
    };
    report.line("tenant role", became.await.map(|()| format!("acts as {role}")));
}

async fn clock(report: &mut Report, queue: &Queue) {
    let skew = match queue.clock_skew().await {
        Ok(skew) => skew,
        Err(error) => return report.line("clock", Err(error.to_string())),
    };
    let text = format!("{} ms from the database's", skew.as_millis());
    report.line(
        "clock",
        if skew <= SKEW {
            Ok(text)
        } else {
            Err(format!("{text}: set one of them right"))
        },
    );
}

async fn wake_up(report: &mut Report, settings: &Settings) {
    let result = match &settings.listen {
        Listen::None => Ok("polling only, as told".to_owned()),
        Listen::At(url) => match Connector::new(url) {
            Ok(connector) => listen::proof(&connector)
                .await
                .map(|took| format!("heard in {} ms", took.as_millis())),
            Err(error) => Err(error.to_string()),
        },
    };
    report.line("wake-up", result);
}

fn key(settings: &Settings) -> Result<String, String> {
    let inline = std::env::var("AUTOMATIOND_PRIVATE_KEY")
        .ok()
        .filter(|key| !key.is_empty());
    let text = match (&settings.private_key_file, inline) {
        (Some(path), _) => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        (None, Some(key)) => key,
        (None, None) => return Ok("none: sealed secrets cannot be opened".to_owned()),
    };
    let text = text.trim();
    let fine = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fine {
        Ok("readable".to_owned())
    } else {
        Err("not a key that keygen made".to_owned())
    }
}
