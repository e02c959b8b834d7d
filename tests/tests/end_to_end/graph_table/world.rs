//! What nodes meet outside: one receiver for all graphs, each below a path of its own. An answer of a row is
//! `{"status", "body", "after", "held"}`: it waits until another path was asked for, or for ever. Of several answers
//! each request takes the next one, and the last stays.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use end_to_end::receiver::{Reply, Request};
use end_to_end::{Receiver, waiting};
use serde_json::{Value, json};

use super::row::Row;

/// The receiver, and what has been let go.
pub struct World {
    receiver: Receiver,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The answers by path, the next one first.
    answers: Mutex<BTreeMap<String, Vec<Value>>>,
    /// How often each path was asked for; what somebody let go counts as well.
    asked: Mutex<BTreeMap<String, usize>>,
}

impl World {
    pub async fn start(rows: &[Row]) -> World {
        let seen = Arc::new(Seen::default());
        for row in rows {
            let answers = row.world["answers"].as_object().into_iter().flatten();
            let answers = answers.map(|(path, list)| {
                let list = list
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|answer| here(row, answer))
                    .collect();
                (format!("/{}{path}", row.file), list)
            });
            seen.answers.lock().unwrap().extend(answers);
        }
        let shared = seen.clone();
        let receiver = Receiver::answering_in_time(move |request| answer(shared.clone(), request)).await;
        World { receiver, seen }
    }

    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Lets a path's answers go that wait for `let_go`.
    pub fn let_go(&self, row: &Row) {
        self.seen.count(&format!("/{}/let_go", row.file));
    }

    /// How often a path of a row was asked for.
    pub fn asked(&self, row: &Row, path: &str) -> usize {
        self.seen.asked(&format!("/{}{path}", row.file))
    }

    /// Waits for a request, and gives it.
    pub async fn request(&self, row: &Row, path: &str) -> Request {
        let path = format!("/{}{path}", row.file);
        waiting::until(&format!("a request for {path}"), || async {
            self.receiver
                .requests()
                .into_iter()
                .find(|request| request.path == path)
        })
        .await
    }

    /// An idempotency key never stands for two different things (rule 17).
    pub fn assert_each_key_is_of_one_request(&self) {
        let mut known: HashMap<String, (String, String)> = HashMap::new();
        for request in self.receiver.requests() {
            let Some(key) = request.header("idempotency-key") else {
                continue;
            };
            let that = (request.path.clone(), request.body.clone());
            let before = known.insert(key.to_owned(), that.clone());
            assert!(
                before.is_none_or(|before| before == that),
                "{key} stands for two requests: {that:?}"
            );
        }
    }
}

impl Seen {
    fn count(&self, path: &str) {
        *self.asked.lock().unwrap().entry(path.to_owned()).or_default() += 1;
    }

    fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    fn next(&self, path: &str) -> Value {
        let mut answers = self.answers.lock().unwrap();
        match answers.get_mut(path) {
            Some(list) if list.len() > 1 => list.remove(0),
            Some(list) => list.first().cloned().unwrap_or_default(),
            None => Value::Null,
        }
    }
}

/// An answer with the path that it waits for in full.
fn here(row: &Row, answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(path) = answer["after"].as_str() {
        answer["after"] = format!("/{}/{}", row.file, path.trim_start_matches('/')).into();
    }
    answer
}

async fn answer(seen: Arc<Seen>, request: Request) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    let answer = seen.next(path);
    seen.count(path);
    if answer["held"] == json!(true) {
        std::future::pending::<()>().await;
    }
    if let Some(other) = answer["after"].as_str() {
        while seen.asked(other) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let body = answer.get("body").cloned().unwrap_or_else(|| json!({"ok": true}));
    let status = answer["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    Reply {
        status: status.unwrap_or(200),
        ..Reply::json(body)
    }
}
