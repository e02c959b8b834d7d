//! `automations.execution_steps`: the recorded steps of an execution that is taken up again.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Queue, QueueError};

/// A recorded step.
#[derive(Debug, Clone, Default)]
pub struct StoredStep {
    /// The node.
    pub node_id: String,
    /// The place, as canonical JSON.
    pub place: String,
    /// Which run of the node in that place.
    pub run: i32,
    /// Which attempt of the step.
    pub attempt: i32,
    /// `started`, `parked`, `completed`, `failed` or `skipped`.
    pub status: String,
    /// What the run chose; null until it has ended.
    pub outcome: Value,
    /// What it was given.
    pub input: Value,
    /// What it gave; of a parked step, what it will give.
    pub output: Value,
    /// Message, code and more.
    pub error: Option<Value>,
    /// Variables that it set.
    pub variables: Value,
    /// Noted on it.
    pub warnings: Value,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// Milliseconds it took.
    pub duration_ms: Option<i32>,
    /// Of a parked step: in how many milliseconds it wakes, by the database's clock; zero or less is now.
    pub wake_in_ms: Option<i64>,
    /// The format of the position that it belongs to.
    pub format: i16,
}

impl Queue {
    /// Gives all recorded steps to `take`, one at a time, the ended ones first and in their order of completion, until
    /// it says `false`. What has not been taken waits in the server, so that memory holds few of them.
    pub async fn execution_steps(
        &self,
        execution_id: Uuid,
        mut take: impl FnMut(StoredStep) -> bool,
    ) -> Result<(), QueueError> {
        let sql = "SELECT node_id, place, run, attempt, status, outcome, input, output, error, variables, warnings, \
             started_at, completed_at, duration_ms, wake_in_ms, format FROM automations.execution_steps($1)";
        let take = |row: &Row| Ok(take(stored(row)?));
        self.calls.read_each(sql, execution_id, take).await
    }
}

fn stored(row: &Row) -> Result<StoredStep, QueueError> {
    Ok(StoredStep {
        node_id: row.try_get(0)?,
        place: row.try_get(1)?,
        run: row.try_get(2)?,
        attempt: row.try_get(3)?,
        status: row.try_get(4)?,
        outcome: json(row.try_get(5)?)?,
        input: json(row.try_get(6)?)?,
        output: json(row.try_get(7)?)?,
        error: Some(json(row.try_get(8)?)?).filter(|error| !error.is_null()),
        variables: json(row.try_get(9)?)?,
        warnings: json(row.try_get(10)?)?,
        started_at: row.try_get(11)?,
        completed_at: row.try_get(12)?,
        duration_ms: row.try_get(13)?,
        wake_in_ms: row.try_get(14)?,
        format: row.try_get(15)?,
    })
}

fn json(text: Option<String>) -> Result<Value, QueueError> {
    Ok(text.map_or(Ok(Value::Null), |text| serde_json::from_str(&text))?)
}
