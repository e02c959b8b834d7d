//! Bearer keys: each request says by its key for whom it speaks, and nothing else in it does. Whatever is wrong with a
//! key, the answer is the same, and an id that nobody has costs as much as one with another secret.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use flow::ApiKey;
use uuid::Uuid;

use super::guesses::Guesses;
use crate::queue::api_key::StoredKey;
use crate::queue::{Queue, QueueError};

/// How long a key that was good may be asked about whatever else comes from its address.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// Good keys that are remembered, by their hashes.
const MOST_GOOD: usize = 10_000;
/// Of a text that is longer nothing is read.
const MAX_HEADER: usize = 200;

/// For whom a request speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The row of its key.
    pub key: Uuid,
    /// What the key is found by.
    pub key_id: String,
    /// Whose tools.
    pub account_id: Uuid,
    /// Which agent's; none: all of the account.
    pub agent_id: Option<Uuid>,
    scopes: Vec<String>,
}

/// Why a request speaks for nobody.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such key, or it may not be used.
    #[error("This needs an API key that is valid: `Authorization: Bearer auto_...`.")]
    Unknown,
    /// Too many wrong keys from there.
    #[error("Too many wrong keys came from this address.")]
    TooMany(Duration),
    /// The database does not answer.
    #[error("The database does not answer; try again.")]
    Away(#[source] QueueError),
}

/// Looks keys up.
pub struct Keys {
    queue: Queue,
    guesses: Guesses,
    good: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Caller {
    /// Whose tools: account and agent.
    pub fn whose(&self) -> (Uuid, Option<Uuid>) {
        (self.account_id, self.agent_id)
    }

    /// Whether the key may do that.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == scope)
    }
}

impl Keys {
    /// In this database.
    pub fn new(queue: Queue) -> Keys {
        Keys {
            queue,
            guesses: Guesses::default(),
            good: Mutex::default(),
        }
    }

    /// For whom a request with these headers speaks.
    pub async fn caller(&self, headers: &HeaderMap, from: IpAddr) -> Result<Caller, Refused> {
        let now = Instant::now();
        let key = bearer(headers).and_then(ApiKey::parse);
        let hash = key.as_ref().map(ApiKey::hash);
        // one who guesses must not lock out who shares his address, as behind a proxy all do
        if let Some(wait) = self.guesses.wait(from, now)
            && !hash.is_some_and(|hash| self.was_good(&hash, now))
        {
            metrics::counter!("automationd_api_keys_refused_total", "why" => "rate").increment(1);
            return Err(Refused::TooMany(wait));
        }
        let stored = match &key {
            Some(key) => self.queue.api_key(key.id()).await.map_err(Refused::Away)?,
            None => None,
        };
        let nobodys = StoredKey {
            id: Uuid::nil(),
            hash: vec![0; 32],
            account_id: Uuid::nil(),
            agent_id: None,
            scopes: Vec::new(),
            usable: false,
            unnoted: false,
        };
        let stored = stored.unwrap_or(nobodys);
        let matches = key.as_ref().is_some_and(|key| key.matches(&stored.hash));
        let (Some(key), Some(hash), true, true) = (key, hash, matches, stored.usable) else {
            self.guesses.note(from, now);
            if let Some(hash) = hash {
                self.good().remove(&hash);
            }
            metrics::counter!("automationd_api_keys_refused_total", "why" => "key").increment(1);
            return Err(Refused::Unknown);
        };
        self.remember(hash, now);
        if stored.unnoted {
            let queue = self.queue.clone();
            tokio::spawn(async move {
                if let Err(error) = queue.use_api_key(stored.id).await {
                    tracing::debug!(%error, "the last use of an API key was not noted");
                }
            });
        }
        Ok(Caller {
            key: stored.id,
            key_id: key.id().to_owned(),
            account_id: stored.account_id,
            agent_id: stored.agent_id,
            scopes: stored.scopes,
        })
    }

    /// Whether the key of a stream that stays open is still good; what cannot be asked counts as yes.
    pub async fn is_still_good(&self, caller: &Caller) -> bool {
        match self.queue.api_key(&caller.key_id).await {
            Ok(stored) => stored.is_some_and(|key| key.id == caller.key && key.usable),
            Err(_) => true,
        }
    }

    fn good(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Instant>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn was_good(&self, hash: &[u8; 32], now: Instant) -> bool {
        let at = self.good().get(hash).copied();
        at.is_some_and(|at| now.saturating_duration_since(at) < GOOD_FOR)
    }

    fn remember(&self, hash: [u8; 32], now: Instant) {
        let mut good = self.good();
        if good.len() >= MOST_GOOD {
            good.retain(|_, at| now.saturating_duration_since(*at) < GOOD_FOR);
            if good.len() >= MOST_GOOD {
                good.clear();
            }
        }
        good.insert(hash, now);
    }
}

/// The token of `Authorization: Bearer`; none where there are two.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (first, None) = (all.next()?, all.next()) else {
        return None;
    };
    let text = first.to_str().ok().filter(|text| text.len() <= MAX_HEADER)?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn the_bearer_token_is_read_in_any_case_of_its_scheme_and_only_when_there_is_one() {
        assert_eq!(read(&["Bearer x"]).as_deref(), Some("x"));
        assert_eq!(read(&["bearer  x "]).as_deref(), Some("x"));
        for none in [
            &[][..],
            &["x"],
            &["Basic x"],
            &["Bearer x", "Bearer x"],
            &["Bearerx"],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(read(&[&format!("Bearer {}", "x".repeat(MAX_HEADER))]), None);
    }
}
