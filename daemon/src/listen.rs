//! LISTEN on a connection of its own (TRUST, listener rules). A notification is only a hint: a listener that is
//! lost becomes polling, never silence, and one that only seems to listen (PgBouncer answers LISTEN with success) is
//! found out, because it has to hear a notification of its own every few seconds.

pub mod proof;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Notification};
use uuid::Uuid;

use self::proof::{Due, Proof};
use crate::backoff::Backoff;
use crate::database::connect::Connector;
use crate::health::Health;
use crate::leases::Leases;
use crate::mcp::ToolsChanged;
use crate::notified::Notified;
use crate::outcomes::Outcomes;
use crate::queue::error::describe;
use crate::stop::Stop;
use crate::wake::Wake;

/// A foreign payload is logged up to here.
const SHOWN: usize = 80;

/// Why a listener is given up.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("the connection ended")]
    Ended,
    #[error("it did not hear its own notification (is there a pooler between? see --listen-database-url)")]
    Deaf,
}

/// Listens for ever, over one connection after another.
pub struct Listener {
    /// Makes the connections.
    pub connector: Connector,
    /// Whom to wake.
    pub wake: Wake,
    /// Told when something has happened to an execution that may be in hand: it was cancelled, or what it waits for
    /// has come.
    pub leases: Arc<Leases>,
    /// Told of every change of status, while anybody waits for the end of an execution.
    pub outcomes: Outcomes,
    /// Takes payloads that applications send, where the operator wants that.
    pub payloads: Option<Notified>,
    /// Told that the tools of somebody have changed.
    pub tools_changed: ToolsChanged,
    /// Told whether notifications arrive.
    pub health: Health,
    /// Shared with whoever polls.
    pub proof: Proof,
    /// At most one proof in this time.
    pub poll_interval: Duration,
}

impl Listener {
    /// Runs until asked to stop.
    pub async fn run(self, stop: Stop) {
        let pauses = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        let mut backoff = pauses.clone();
        let mut first = true;
        loop {
            let mut proved = false;
            let lost = tokio::select! {
                () = stop.asked() => return,
                lost = self.listen(first, &mut proved) => lost,
            };
            if proved {
                backoff = pauses.clone(); // it was good once
                first = false;
            }
            self.proof.end();
            self.health.listening(false);
            let every = humantime::format_duration(self.poll_interval);
            tracing::warn!(why = %lost, %every, "not listening: polling instead");
            tokio::select! {
                () = stop.asked() => return,
                () = backoff.wait() => {}
            }
        }
    }

    /// One connection, until it is lost.
    async fn listen(&self, first: bool, proved: &mut bool) -> Lost {
        match self.connected(first, proved).await {
            Ok(never) => match never {},
            Err(lost) => lost,
        }
    }

    async fn connected(&self, first: bool, proved: &mut bool) -> Result<std::convert::Infallible, Lost> {
        let mut ears = Ears::open(&self.connector, Some(self.outcomes.clone())).await?;
        ears.prove(&Uuid::now_v7().simple().to_string(), |notification| {
            self.hear(notification);
        })
        .await?;
        *proved = true;
        tracing::info!("listening");
        self.health.listening(true);
        // what was notified while nobody listened is not told again
        if first {
            self.wake.look(); // at a start the claim loop is busy with just that
        } else {
            self.wake.call();
        }
        let token = self.proof.begin(Instant::now());
        let every = proof::EVERY.max(self.poll_interval);
        let (mut to_outcomes, mut for_nobody) = (false, false);
        loop {
            if to_outcomes && std::mem::take(&mut for_nobody) {
                ears.client.batch_execute("UNLISTEN automation_execution").await?;
                to_outcomes = false;
            }
            let next = match self.proof.due(every) {
                Some(Due::SendAt(at) | Due::HearBy(at)) => at,
                None => return Err(Lost::Ended),
            };
            tokio::select! {
                () = self.outcomes.awaited(), if !to_outcomes => {
                    ears.client.batch_execute("LISTEN automation_execution").await?;
                    to_outcomes = true;
                    self.outcomes.look(); // what was announced before is not told again
                }
                () = self.proof.carried_one() => for_nobody = !self.outcomes.are_awaited(),
                notification = ears.heard.recv() => self.hear(&notification.ok_or(Lost::Ended)?),
                () = tokio::time::sleep_until(next.into()) => match self.proof.due(every) {
                    Some(Due::SendAt(at)) if at <= Instant::now() => {
                        ears.prove(&token, |notification| self.hear(notification)).await?;
                        self.proof.hears(&token, Instant::now());
                        for_nobody = !self.outcomes.are_awaited();
                    }
                    Some(Due::HearBy(at)) if at <= Instant::now() => return Err(Lost::Deaf),
                    _ => {}
                },
            }
        }
    }

    /// Any role may NOTIFY: a payload is never trusted, only a reason to look.
    fn hear(&self, notification: &Notification) {
        let payload = notification.payload();
        match notification.channel() {
            "automation_trigger" => {
                if let (false, Some(payloads)) = (payload.is_empty(), &self.payloads) {
                    payloads.hear(payload);
                } else if !payload.is_empty() {
                    let shown: String = payload.chars().take(SHOWN).collect();
                    tracing::warn!(payload = %shown.escape_debug(), "a payload on automation_trigger is ignored");
                }
                self.wake.call();
            }
            "automationd_ping" => drop(self.proof.hears(payload, Instant::now())),
            "automation_cancel" => match payload.parse::<Uuid>() {
                Ok(id) => drop(self.leases.hint(id)),
                Err(_) => {
                    let shown: String = payload.chars().take(SHOWN).collect();
                    tracing::warn!(payload = %shown.escape_debug(), "a payload on automation_cancel is ignored");
                }
            },
            "automation_tools" => self.tools_changed.tell(),
            _ => {}
        }
    }
}

/// Whether notifications come through at all, for `check`: how long one took.
pub async fn proof(connector: &Connector) -> Result<Duration, String> {
    let prove = async {
        let mut ears = Ears::open(connector, None).await?;
        let since = Instant::now();
        ears.prove(&Uuid::now_v7().simple().to_string(), |_| {}).await?;
        Ok::<_, Lost>(since.elapsed())
    };
    prove.await.map_err(|lost| lost.to_string())
}

/// A connection that listens.
struct Ears {
    client: Client,
    heard: mpsc::Receiver<Notification>,
    _driver: AbortOnDrop,
}

impl Ears {
    /// Changes of status go to `outcomes` at once and not with the others: there may be thousands in a second, and who
    /// waits for an answer to a statement reads no others.
    async fn open(connector: &Connector, outcomes: Option<Outcomes>) -> Result<Ears, Lost> {
        let (client, mut connection) = connector.open().await?;
        let (sender, heard) = mpsc::channel(1_024);
        let driver = tokio::spawn(async move {
            let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                let AsyncMessage::Notification(notification) = message else {
                    continue;
                };
                if notification.channel() == "automation_execution" {
                    if let Some(outcomes) = &outcomes {
                        outcomes.hear(notification.payload());
                    }
                } else if sender.send(notification).await.is_err() {
                    return;
                }
            }
        });
        let ears = Ears {
            client,
            heard,
            _driver: AbortOnDrop(driver),
        };
        let listen = "LISTEN automation_trigger; LISTEN automation_cancel; LISTEN automation_tools;
                      LISTEN automationd_ping";
        ears.client.batch_execute(listen).await?;
        Ok(ears)
    }

    /// Sends a notification to itself and waits for it; what comes meanwhile is passed on.
    async fn prove(&mut self, token: &str, mut other: impl FnMut(&Notification)) -> Result<(), Lost> {
        let proof = async {
            // one statement; its commit holds a lock that every notifying transaction wants: not for the length of a
            // disk write
            self.client
                .query(
                    "SELECT pg_catalog.set_config('synchronous_commit', 'off', true), \
                     pg_catalog.pg_notify('automationd_ping', $1)",
                    &[&token],
                )
                .await?;
            loop {
                let notification = self.heard.recv().await.ok_or(Lost::Ended)?;
                if notification.channel() == "automationd_ping" && notification.payload() == token {
                    return Ok(());
                }
                other(&notification);
            }
        };
        tokio::time::timeout(proof::WITHIN, proof)
            .await
            .unwrap_or(Err(Lost::Deaf))
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
