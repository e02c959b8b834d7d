//! `automations.api_key`: the stored half of an API key.

use uuid::Uuid;

use super::{Queue, QueueError};

/// What is stored of a key, and whether it may be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its row.
    pub id: Uuid,
    /// SHA-256 of the key.
    pub hash: Vec<u8>,
    /// Whose.
    pub account_id: Uuid,
    /// For which agent; none: for all of the account.
    pub agent_id: Option<Uuid>,
    /// What it may.
    pub scopes: Vec<String>,
    /// Neither revoked nor expired, and its agent is still the account's.
    pub usable: bool,
    /// Its last use was noted more than a minute ago.
    pub unnoted: bool,
}

impl Queue {
    /// The key with that id, whether it may be used or not.
    pub async fn api_key(&self, key_id: &str) -> Result<Option<StoredKey>, QueueError> {
        let sql =
            "SELECT id, hash, account_id, agent_id, scopes, usable, unnoted FROM automations.api_key($1)";
        let rows = self.calls.read(sql, &[&key_id]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(StoredKey {
            id: row.try_get(0)?,
            hash: row.try_get(1)?,
            account_id: row.try_get(2)?,
            agent_id: row.try_get(3)?,
            scopes: row.try_get(4)?,
            usable: row.try_get::<_, Option<bool>>(5)?.unwrap_or(false),
            unnoted: row.try_get::<_, Option<bool>>(6)?.unwrap_or(false),
        }))
    }
}
