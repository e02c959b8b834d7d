//! The heartbeat: one batched call for everything that is held, over a connection of its own, so that a full pool
//! costs no lease; and the fence, which needs no database at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Statement};

use crate::backoff::Backoff;
use crate::database::connect::Connector;
use crate::leases::Leases;
use crate::queue::error::describe;
use crate::queue::{Queue, QueueError};

/// The heartbeat's own connection.
struct Line {
    client: Client,
    statement: Option<Statement>,
}

/// Beats for ever: abort the task to stop it, after everything is handed back.
pub async fn beat(connector: Connector, leases: Arc<Leases>) {
    let every = leases.length() / 3;
    let mut client = None;
    let mut backoff = pauses();
    loop {
        if client.is_none() {
            client = open(&connector).await;
        }
        match &mut client {
            Some(line) => match one(line, &leases, every).await {
                Ok(()) => {
                    backoff = pauses();
                    tokio::select! {
                        () = tokio::time::sleep(every) => {}
                        () = leases.beat_now.notified() => {}
                    }
                    continue;
                }
                Err(error) => {
                    metrics::counter!("automationd_database_errors_total").increment(1);
                    tracing::warn!(%error, held = leases.len(), "the heartbeat failed");
                    client = None;
                }
            },
            None => tracing::debug!("no connection for the heartbeat"),
        }
        backoff.wait().await;
    }
}

/// One call; none when nothing is held.
async fn one(line: &mut Line, leases: &Leases, within: Duration) -> Result<(), QueueError> {
    let claims = leases.claims();
    if claims.is_empty() {
        return Ok(());
    }
    let since = Instant::now();
    let call = async {
        let statement = match &line.statement {
            Some(statement) => statement,
            // prepared with the first beat, not with the connection: the function may not be there yet
            None => line
                .statement
                .insert(Queue::prepare_heartbeat(&line.client).await?),
        };
        Queue::heartbeat(&line.client, statement, &claims, leases.length()).await
    };
    let kept = tokio::time::timeout(within, call)
        .await
        .map_err(|_| QueueError::Slow)??;
    let lost = leases.beaten(&claims, &kept, since);
    if lost > 0 {
        metrics::counter!("automationd_leases_lost_total").increment(lost as u64);
        tracing::info!(lost, "executions that are no longer ours are stopped");
    }
    Ok(())
}

async fn open(connector: &Connector) -> Option<Line> {
    match connector.open().await {
        Ok((client, connection)) => {
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(error = %describe(&error), "the heartbeat's connection ended");
                }
            });
            Some(Line {
                client,
                statement: None,
            })
        }
        Err(error) => {
            tracing::debug!(error = %describe(&error), "no connection for the heartbeat");
            None
        }
    }
}

/// Short enough to try several times within any lease that settings allow.
fn pauses() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(1))
}

/// Gives up, by the monotonic clock, what no heartbeat extended in time. Runs for ever.
pub async fn fence(leases: Arc<Leases>) {
    let every = (leases.margin() / 4).clamp(Duration::from_millis(20), Duration::from_secs(1));
    loop {
        tokio::time::sleep(every).await;
        let lost = leases.fence(Instant::now());
        if lost > 0 {
            metrics::counter!("automationd_leases_lost_total").increment(lost as u64);
            tracing::warn!(
                lost,
                "leases could not be extended in time: stopping what they hold"
            );
        }
    }
}
