//! `automations.claim`: takes a batch of executions under one token and one lease.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Claim, Queue, QueueError};

/// One claimed execution, as the queue gives it.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What every later write names.
    pub claim: Claim,
    /// The automation that runs.
    pub automation_id: Uuid,
    /// The version that it runs.
    pub version: Option<i32>,
    /// How it was started.
    pub trigger_type: String,
    /// JSON as text: what Postgres stores may be more than this program can hold.
    pub trigger_data: Option<String>,
    /// The lead it is about.
    pub lead_id: Option<Uuid>,
    /// The conversation it is about.
    pub conversation_id: Option<Uuid>,
    /// Length of the chain that caused it.
    pub depth: i16,
    /// Describes instead of acting.
    pub test_mode: bool,
    /// When its occurrence was, by the database's clock.
    pub started_at: DateTime<Utc>,
    /// Claims so far, this one included.
    pub attempt: i32,
    /// Steps are recorded: the position has to be folded from them.
    pub has_steps: bool,
    /// People can see it: it has a row, and is more than a captured change that was claimed.
    pub has_execution: bool,
    /// How long ago its occurrence was when it was claimed, by the database's clock.
    pub age: Duration,
}

/// What a claim came to.
#[derive(Debug)]
pub struct Claims {
    /// What is to be run.
    pub executions: Vec<Claimed>,
    /// Something that was held back will be due then, and nobody else wakes for it.
    pub look_in: Option<Duration>,
    /// Not everything was looked at: there may be more at once.
    pub has_more: bool,
    /// Up to which row accounts have now been looked at.
    pub places: Vec<(Uuid, Uuid)>,
}

impl Queue {
    /// Claims at most `batch` executions for `lease` under a fresh token, none of the accounts in `but_not`; of the
    /// accounts in `known` only what lies behind the row in `places`. Empty when there is nothing to do, and while work
    /// is paused or the database is a copy.
    pub async fn claim(
        &self,
        batch: usize,
        lease: Duration,
        but_not: &[Uuid],
        (known, places): (&[Uuid], &[Uuid]),
    ) -> Result<Claims, QueueError> {
        let token = Uuid::now_v7();
        let wanted = batch;
        let batch = i32::try_from(batch).unwrap_or(i32::MAX);
        let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let rows = self
            .calls
            .sweep(
                "SELECT id, account_id, automation_id, version, trigger_type, trigger_data, lead_id, \
                 conversation_id, depth, test_mode, started_at, attempt, has_steps, age_ms, look_in_ms, \
                 has_execution, place FROM automations.claim($1, $2, $3, $4, $5, $6)",
                &[&token, &batch, &lease_ms, &but_not, &known, &places],
                |rows| {
                    rows.iter()
                        .any(|row| is_an_execution(row) || look_in(row).is_some())
                },
            )
            .await?;
        let (executions, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| is_an_execution(row));
        let executions = executions.into_iter().map(|row| {
            Ok(Claimed {
                claim: Claim {
                    id: row.try_get(0)?,
                    account_id: row.try_get(1)?,
                    token,
                },
                automation_id: row.try_get(2)?,
                version: row.try_get(3)?,
                trigger_type: row.try_get(4)?,
                trigger_data: row.try_get(5)?,
                lead_id: row.try_get(6)?,
                conversation_id: row.try_get(7)?,
                depth: row.try_get(8)?,
                test_mode: row.try_get(9)?,
                // `infinity`, from whoever wrote the execution by hand: an error would fail all that was claimed with it
                started_at: row.try_get(10).unwrap_or(DateTime::UNIX_EPOCH),
                attempt: row.try_get(11)?,
                has_steps: row.try_get(12)?,
                has_execution: row.try_get(15)?,
                age: Duration::from_millis(u64::try_from(row.try_get::<_, i64>(13)?).unwrap_or(0)),
            })
        });
        let executions: Vec<Claimed> = executions.collect::<Result<_, tokio_postgres::Error>>()?;
        let is_now = |row: &&&Row| look_in(row).is_some_and(|delay| delay.is_zero());
        Ok(Claims {
            has_more: executions.len() >= wanted || others.iter().any(|row| is_now(&row)),
            executions,
            look_in: others
                .iter()
                .filter_map(|row| look_in(row))
                .find(|delay| !delay.is_zero()),
            places: others.iter().filter_map(|row| place(row)).collect(),
        })
    }
}

/// The other rows have no id.
fn is_an_execution(row: &Row) -> bool {
    !matches!(row.try_get::<_, Option<Uuid>>(0), Ok(None))
}

/// Of the row that says when to look again.
fn look_in(row: &Row) -> Option<Duration> {
    let ms: Option<i64> = row.try_get(14).ok().flatten();
    ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

/// Of a row that says where an account was looked at up to.
fn place(row: &Row) -> Option<(Uuid, Uuid)> {
    row.try_get(1).ok().zip(row.try_get(16).ok())
}
