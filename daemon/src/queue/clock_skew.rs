//! How far the database's clock is from this machine's. Nothing depends on it; `check` tells people.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Queue, QueueError};

impl Queue {
    /// The difference, whichever is ahead.
    pub async fn clock_skew(&self) -> Result<Duration, QueueError> {
        let there: DateTime<Utc> = self
            .calls
            .read_one("SELECT pg_catalog.clock_timestamp()", &[])
            .await?
            .try_get(0)?;
        Ok((Utc::now() - there).abs().to_std().unwrap_or(Duration::MAX))
    }
}
