//! `ANY /hooks/{account}/{path}`: calls of webhooks. Who may not call, and who calls where nobody is called, gets the
//! same 401 for the same work; every other answer comes after that (CONTRACT section 4). An answer of success means
//! that the execution is on disk.

mod answer;
mod book;
mod counting;
mod rate;
mod starting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State as With};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::routing::any;
use flow::trigger::webhook::{Answer, Request, Verified};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use self::answer::Refusal;
use self::book::{Book, Entry, Known};
use self::counting::Counted;
use self::rate::Rates;
use self::starting::{Start, Started, Starter};
use crate::engine::clean;
use crate::http::body::{self, Read, Room};
use crate::outcomes::Outcomes;
use crate::queue::Queue;
use crate::settings::Limits;
use crate::signing::Signing;

/// Bodies that are checked on the threads of the runtime: larger ones let others go on meanwhile.
const QUICK: usize = 256 << 10;
/// Trigger data as JSON (CONTRACT section 6).
const TRIGGER_DATA: usize = 1 << 20;
/// How long `last_node` waits for the end of an execution: less than proxies wait for an answer.
const PATIENCE: Duration = Duration::from_secs(25);
/// Bodies in memory, in MiB.
const IN_MEMORY: usize = 128;
/// What must not travel on into trigger data, whatever the authentication.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Everything that calls share.
pub struct Hooks {
    queue: Queue,
    outcomes: Outcomes,
    limits: Limits,
    book: Book,
    starter: Starter,
    counted: Counted,
    webhooks: Rates,
    accounts: Rates,
    room: Room,
    over: CancellationToken,
}

/// A call that has come in whole.
struct Call {
    account: String,
    path: String,
    method: Method,
    query: Value,
    headers: HeaderMap,
    body: Read,
}

impl Hooks {
    /// Starts counting and starting.
    pub fn start(queue: Queue, signing: Arc<Signing>, outcomes: Outcomes, limits: Limits) -> Arc<Hooks> {
        let hooks = Arc::new(Hooks {
            book: Book::new(queue.clone(), signing),
            starter: Starter::start(&queue),
            counted: Counted::default(),
            webhooks: Rates::default(),
            accounts: Rates::default(),
            room: Room::new(IN_MEMORY),
            over: CancellationToken::new(),
            queue,
            outcomes,
            limits,
        });
        let counting = hooks.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = counting.over.cancelled() => {}
                () = counting.counted.keep_writing(&counting.queue) => {}
            }
        });
        hooks
    }

    /// Whoever waits for the end of an execution is told its id instead.
    pub fn stop_waiting(&self) {
        self.over.cancel();
    }

    /// Writes what was counted; after the last call.
    pub async fn end(&self) {
        self.over.cancel();
        self.counted.write(&self.queue).await;
    }

    async fn answer(&self, call: Call) -> Result<Response, Refusal> {
        let mut is_charged = false;
        // again, because what was allowed may have changed before its execution was written
        for _ in 0..3 {
            let (entry, verified) = self.allowed(&call).await?;
            let known = entry.webhook.as_ref().ok_or(Refusal::Nobody)?;
            let Some(verified) = verified else {
                return answer::challenge(&known.settings.auth, &call.query).ok_or(Refusal::Nobody);
            };
            if !std::mem::replace(&mut is_charged, true) {
                self.charge(known, &call)?;
            }
            if call.body.too_large {
                return Err(Refusal::TooLarge(self.limits.max_hook_body));
            }
            let input = trigger_data(known, &call)?;
            let named = call.headers.get(&known.settings.idempotency_header);
            let start = Start {
                automation_id: known.automation_id,
                version: known.version,
                key: verified
                    .or_by_header(named.map(|value| value.as_bytes()))
                    .id
                    .map(|id| ["hook:", &id].concat()),
                input: &input,
                keep: known.settings.keep,
            };
            match self.starter.begin(&start).await {
                Started::Execution(id) => return Ok(self.result(known, id).await),
                Started::Changed => self.book.forget(&call.account, &call.path),
                Started::Refused(state) => return Err(Refusal::Unwritable(state)),
                Started::Busy => return Err(Refusal::Busy),
            }
        }
        Err(Refusal::Nobody)
    }

    /// Who is called, and whether this may. A sender's question (Meta's GET) is a call that nothing verifies.
    async fn allowed(&self, call: &Call) -> Result<(Arc<Entry>, Option<Verified>), Refusal> {
        let asks = call.method == Method::GET && call.query.get("hub.challenge").is_some();
        let kept = self.book.kept(&call.account, &call.path);
        if let Some(entry) = kept.filter(|_| !asks) {
            if let Some(verified) = verify(&entry, call) {
                return Ok((entry, Some(verified)));
            }
        } else {
            // as much work as for an address that is known
            verify(&Entry::nobody(), call);
        }
        let entry = self.book.look(&call.account, &call.path).await.map_err(|error| {
            tracing::debug!(%error, "nobody can be looked up");
            Refusal::Busy
        })?;
        match verify(&entry, call) {
            Some(verified) if entry.webhook.is_some() => Ok((entry, Some(verified))),
            None if asks => Ok((entry, None)),
            _ => Err(Refusal::Nobody),
        }
    }

    /// Takes the call from those that webhook and account may have, once, however often its start has to be tried. Its
    /// method is told only to who may call.
    fn charge(&self, known: &Known, call: &Call) -> Result<(), Refusal> {
        self.counted.count(known.automation_id);
        let settings = &known.settings;
        if !settings
            .methods
            .iter()
            .any(|method| method == call.method.as_str())
        {
            return Err(Refusal::Method(settings.methods.join(", ")));
        }
        let now = Instant::now();
        let most = self.limits.max_hook_calls;
        let own = settings.calls_per_minute.map_or(most, |own| own.min(most));
        self.webhooks
            .take(known.automation_id, own, now)
            .and_then(|()| {
                self.accounts
                    .take(known.account_id, self.limits.max_account_calls, now)
            })
            .map_err(Refusal::TooMany)
    }

    async fn result(&self, known: &Known, id: uuid::Uuid) -> Response {
        if known.settings.response == Answer::Immediate {
            return answer::accepted(id);
        }
        tokio::select! {
            () = self.over.cancelled() => answer::accepted(id),
            ended = self.outcomes.ended(id, known.account_id, PATIENCE) => answer::outcome(id, ended),
        }
    }
}

/// The routes.
pub fn routes(hooks: Arc<Hooks>) -> Router {
    Router::new()
        .route("/hooks/{account}/{*path}", any(called))
        .with_state(hooks)
}

async fn called(
    With(hooks): With<Arc<Hooks>>,
    address: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let read = hooks.room.read(body, hooks.limits.max_hook_body).await;
    let body = match read {
        Ok(body) => body,
        Err(broken) => return answer::broken(broken),
    };
    // an address that is none is nobody's
    let (account, path) = address.map_or_else(|_| Default::default(), |Path(address)| address);
    let clean = |text: String| clean::replaced(&text).into_owned();
    let call = Call {
        account: clean(account),
        path: clean(path.trim_end_matches('/').to_owned()),
        method,
        query: body::pairs(query.unwrap_or_default().as_bytes()),
        headers,
        body,
    };
    let response = match hooks.answer(call).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    };
    let status = response.status().as_str().to_owned();
    metrics::counter!("automationd_hook_answers_total", "status" => status).increment(1);
    response
}

fn verify(entry: &Entry, call: &Call) -> Option<Verified> {
    let header = |name: &str| call.headers.get(name).map(|value| value.as_bytes());
    let request = Request {
        header: &header,
        body: &call.body.bytes,
        now: entry.now(),
    };
    let check = || entry.auth.verify(&request);
    // tests have one thread, which cannot be given away
    if call.body.bytes.len() > QUICK && !cfg!(test) {
        tokio::task::block_in_place(check)
    } else {
        check()
    }
}

/// `{"method", "path", "headers", "query", "body"}`, without what authenticates.
fn trigger_data(known: &Known, call: &Call) -> Result<Map<String, Value>, Refusal> {
    let body = body::parse(&call.headers, &call.body.bytes).map_err(Refusal::Unread)?;
    let own = known.settings.auth.headers();
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &call.headers {
        let name = name.as_str();
        if SECRET_HEADERS.contains(&name) || own.contains(&name) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        match headers.get_mut(name) {
            Some(Value::String(text)) => *text = [text.as_str(), ", ", &value].concat(),
            _ => drop(headers.insert(name.to_owned(), json!(value))),
        }
    }
    let mut data = json!({
        "method": call.method.as_str(),
        "path": known.settings.path,
        "headers": headers,
        "query": call.query,
        "body": body,
    });
    clean::without_nul(&mut data);
    match (clean::fits(&data, TRIGGER_DATA), data) {
        (Ok(()), Value::Object(data)) => Ok(data),
        (Err(clean::TooLarge::Depth), _) => Err(Refusal::Unread(body::Unread::Malformed(
            "The body is nested deeper than 100 levels.".to_owned(),
        ))),
        _ => Err(Refusal::TooLarge(TRIGGER_DATA)),
    }
}
