//! The secret of the database, which signs the tokens of waiting steps and from which the keys of sealed secrets follow.
//! Read once, when it is needed first; it is in no log.

use flow::ResumeSecret;
use tokio::sync::OnceCell;

use crate::queue::{Queue, QueueError};

/// The secret, as soon as somebody has asked for it. Share it by reference: a clone would be read once more.
pub struct Signing {
    queue: Queue,
    secret: OnceCell<ResumeSecret>,
}

impl Signing {
    /// Of this database.
    pub fn new(queue: Queue) -> Signing {
        Signing {
            queue,
            secret: OnceCell::new(),
        }
    }

    /// The secret.
    ///
    /// # Errors
    /// The database is away, or it has none.
    pub async fn secret(&self) -> Result<&ResumeSecret, QueueError> {
        self.secret.get_or_try_init(|| self.read()).await
    }

    async fn read(&self) -> Result<ResumeSecret, QueueError> {
        let hex = self.queue.token_secret().await?.unwrap_or_default();
        ResumeSecret::from_hex(&hex).map_err(|_| QueueError::NoSecret)
    }
}
