//! `install`: makes or migrates the tables, as the login of `--database-url` (the owner of `leads`, or whoever is to
//! own the tables).

use std::process::ExitCode;

use super::run::queue;
use super::{CommandError, say};
use crate::database::connect::Connector;
use crate::settings::Settings;

/// Calls `automations.install()` and says which version is there now.
pub async fn install(settings: Settings, sample_app: bool) -> Result<ExitCode, CommandError> {
    let queue = queue(&Connector::new(&settings.database)?, 2)?;
    let version = queue.install(sample_app).await?;
    say(&format!("installed {version}"));
    Ok(ExitCode::SUCCESS)
}
