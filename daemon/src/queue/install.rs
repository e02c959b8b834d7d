//! `automations.install`: makes or migrates the tables.

use super::{Queue, QueueError};

impl Queue {
    /// Installs and returns the schema's version.
    pub async fn install(&self, sample_app: bool) -> Result<String, QueueError> {
        let row = self
            .calls
            .write_one("SELECT automations.install(sample_app => $1)", &[&sample_app])
            .await?;
        Ok(row.try_get(0)?)
    }
}
