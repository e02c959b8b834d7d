//! A webhook as a sender sees it: an address, and how it signs.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::http::{self, Answer};
use crate::{Account, Database, Graph};

/// What every sender of the tests signs with.
pub const SECRET: &str = "It's a Secret to Everybody";

/// Settings of a webhook that GitHub calls.
pub fn github(path: &str) -> Value {
    json!({"path": path, "auth": {"type": "hmac", "secret": SECRET, "id_header": "X-GitHub-Delivery"}})
}

/// GitHub's signature of a body.
pub fn signed(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(body);
    let code = mac.finalize().into_bytes();
    code.iter()
        .fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A webhook that is there.
pub struct Hook {
    /// What it starts.
    pub automation: Uuid,
    /// Behind the daemon's address.
    pub path: String,
}

impl Hook {
    /// An active automation with these settings.
    pub async fn new(database: &Database, account: &Account, settings: Value, graph: &Graph) -> Hook {
        let automation = account
            .automation(database, "called", "webhook", settings, graph)
            .await;
        Hook {
            path: database
                .value("SELECT automations.webhook_path($1)", &[&automation])
                .await,
            automation,
        }
    }

    /// A call as GitHub makes it, with this id of its delivery.
    pub async fn delivery(&self, address: SocketAddr, id: &str, body: &[u8]) -> Answer {
        let signature = signed(body);
        let headers = [
            ("X-Hub-Signature-256", signature.as_str()),
            ("X-GitHub-Delivery", id),
            ("Content-Type", "application/json"),
        ];
        http::send(address, "POST", &self.path, &headers, body).await
    }
}

/// The execution that an answer names.
///
/// # Panics
/// When it names none.
pub fn execution(answer: &Answer) -> Uuid {
    assert_eq!(answer.status, 202, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    let id = body["execution_id"].as_str().expect("an id");
    id.parse().expect("an id")
}
