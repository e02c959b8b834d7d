//! `install`: makes or migrates the tables, as the login of `--database-url` (the owner of `leads`, or whoever is to
//! own the tables).

use std::process::ExitCode;

use super::{CommandError, say};
use crate::database::connect::Connector;
use crate::database::pool::pool;
use crate::queue::Queue;
use crate::settings::Settings;

/// Calls `automations.install()` and says which version is there now.
pub async fn install(settings: Settings, sample_app: bool) -> Result<ExitCode, CommandError> {
    let queue = Queue::new(pool(Connector::new(&settings.database)?, 1)?);
    let version = queue.install(sample_app).await?;
    say(&format!("installed {version}"));
    Ok(ExitCode::SUCCESS)
}
