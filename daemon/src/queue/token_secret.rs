//! `automations.token_secret`: what signs the tokens that resume waiting steps.

use super::{Queue, QueueError};

impl Queue {
    /// The secret in hexadecimal; none where the tables do not have it yet.
    pub async fn token_secret(&self) -> Result<Option<String>, QueueError> {
        let row = self
            .calls
            .read_one("SELECT automations.token_secret()", &[])
            .await?;
        Ok(row.try_get(0)?)
    }
}
