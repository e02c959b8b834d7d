//! Sessions of the older protocol revisions and the keys that opened them. The SDK binds a session to nobody: whoever
//! knows its id could speak in it (DESIGN section 8). Here it belongs to one key, and to others it does not exist.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use uuid::Uuid;

/// Sessions of one key; the oldest ends when another begins.
const MOST_OF_A_KEY: usize = 100;
/// Sessions at all.
const MOST: usize = 10_000;
/// A session in which nothing is said ends after this time, and with it the call that is waited for in it: longer than
/// a call may take.
const QUIET: Duration = Duration::from_secs(20 * 60);

/// Who opened which.
pub struct Sessions {
    /// What the SDK knows of them.
    pub manager: Arc<LocalSessionManager>,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    by_id: HashMap<String, (Uuid, u64)>,
    count: u64,
}

impl Sessions {
    /// None yet.
    pub fn new() -> Sessions {
        let mut manager = LocalSessionManager::default();
        manager.session_config.keep_alive = Some(QUIET);
        Sessions {
            manager: Arc::new(manager),
            opened: Mutex::default(),
        }
    }

    /// Whether that key opened it.
    pub fn belongs(&self, id: &str, key: Uuid) -> bool {
        self.opened()
            .by_id
            .get(id)
            .is_some_and(|(owner, _)| *owner == key)
    }

    /// That key has opened it.
    pub async fn open(&self, id: &str, key: Uuid) {
        let too_many = {
            let mut opened = self.opened();
            opened.count += 1;
            let count = opened.count;
            opened.by_id.insert(id.to_owned(), (key, count));
            opened.by_id.len() >= MOST || opened.of(key).count() > MOST_OF_A_KEY
        };
        if too_many {
            self.tidy(key).await;
        }
    }

    /// It is over.
    pub async fn close(&self, id: &str) {
        self.opened().by_id.remove(id);
        if let Err(error) = self.manager.close_session(&id.to_owned().into()).await {
            tracing::debug!(%error, "a session could not be closed");
        }
    }

    /// Forgets those that ended by themselves, and ends the oldest where there are still too many.
    async fn tidy(&self, key: Uuid) {
        {
            let there = self.manager.sessions.read().await;
            self.opened()
                .by_id
                .retain(|id, _| there.contains_key(id.as_str()));
        }
        loop {
            let oldest = {
                let opened = self.opened();
                let oldest = |ids: Vec<(&String, u64)>| {
                    let oldest = ids.into_iter().min_by_key(|(_, count)| *count);
                    oldest.map(|(id, _)| id.clone())
                };
                if opened.of(key).count() > MOST_OF_A_KEY {
                    oldest(opened.of(key).collect())
                } else if opened.by_id.len() > MOST {
                    oldest(opened.by_id.iter().map(|(id, (_, count))| (id, *count)).collect())
                } else {
                    None
                }
            };
            match oldest {
                Some(id) => self.close(&id).await,
                None => return,
            }
        }
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    fn of(&self, key: Uuid) -> impl Iterator<Item = (&String, u64)> {
        let own = move |(id, (owner, count)): (_, &(Uuid, u64))| (*owner == key).then_some((id, *count));
        self.by_id.iter().filter_map(own)
    }
}
