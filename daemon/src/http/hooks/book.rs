//! Who is called where, as the database says it. What was found is kept for a second, because looking costs more than
//! the rest of a call: it is only ever used to allow, and the start of the execution fails if it is not true any more;
//! whoever is refused by it is looked up again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flow::trigger::webhook::{Auth, Webhook};
use flow::{ResumeSecret, SealKey};
use uuid::Uuid;

use crate::queue::webhook::Called;
use crate::queue::{Queue, QueueError};
use crate::signing::Signing;

/// How long what was found is used without another look.
const KEPT: Duration = Duration::from_secs(1);
/// Addresses that are kept.
const MOST: usize = 10_000;

/// An address and the time: somebody's webhook, or nobody's.
pub struct Entry {
    /// None: nobody is called there.
    pub webhook: Option<Known>,
    /// How callers of it are checked; of nobody's all fail.
    pub auth: Auth,
    now_ms: i64,
    at: Instant,
}

/// A webhook.
pub struct Known {
    /// Whose.
    pub account_id: Uuid,
    /// What it starts.
    pub automation_id: Uuid,
    /// By which of its versions it is known here.
    pub version: i32,
    /// Its settings.
    pub settings: Webhook,
}

impl Entry {
    /// Nobody's, at no time: before anything was looked up.
    pub fn nobody() -> Entry {
        Entry {
            webhook: None,
            auth: Auth::nobody(),
            now_ms: 0,
            at: Instant::now(),
        }
    }

    /// Seconds since 1970 by the database's clock: what it said, and what has passed here since.
    pub fn now(&self) -> i64 {
        let since = i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.now_ms.saturating_add(since) / 1_000
    }
}

/// All addresses that were called lately.
pub struct Book {
    queue: Queue,
    signing: Arc<Signing>,
    known: Mutex<HashMap<(String, String), Arc<Entry>>>,
}

impl Book {
    /// Nothing is known yet.
    pub fn new(queue: Queue, signing: Arc<Signing>) -> Book {
        Book {
            queue,
            signing,
            known: Mutex::default(),
        }
    }

    /// What is known of an address without a look.
    pub fn kept(&self, account: &str, path: &str) -> Option<Arc<Entry>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get(&(account.to_owned(), path.to_owned()))?;
        (entry.at.elapsed() < KEPT).then(|| entry.clone())
    }

    /// What the database says of an address now.
    pub async fn look(&self, account: &str, path: &str) -> Result<Arc<Entry>, QueueError> {
        let secret = self.signing.secret().await?;
        let before = Instant::now(); // so that the time is early rather than late, by the way there at most
        let said = self.queue.webhook(account, path).await?;
        let webhook = said.webhook.and_then(|called| read(called, secret));
        let auth = match &webhook {
            Some(known) => known.settings.auth.clone(),
            None => Auth::nobody(),
        };
        let entry = Arc::new(Entry {
            webhook,
            auth,
            now_ms: said.now_ms,
            at: before,
        });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let address = (account.to_owned(), path.to_owned());
        if entry.webhook.is_none() {
            known.remove(&address);
            return Ok(entry);
        }
        if known.len() >= MOST {
            known.retain(|_, entry| entry.at.elapsed() < KEPT);
        }
        if known.len() < MOST {
            known.insert(address, entry.clone());
        }
        Ok(entry)
    }

    /// Something has changed there.
    pub fn forget(&self, account: &str, path: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&(account.to_owned(), path.to_owned()));
    }
}

fn read(called: Called, secret: &ResumeSecret) -> Option<Known> {
    let key = SealKey::new(secret, called.account_id);
    match Webhook::from_config(&called.config, Some(&key)) {
        Ok(settings) => Some(Known {
            account_id: called.account_id,
            automation_id: called.automation_id,
            version: called.version,
            settings,
        }),
        Err(problem) => {
            tracing::warn!(automation_id = %called.automation_id, %problem, "a webhook cannot be called");
            None
        }
    }
}
