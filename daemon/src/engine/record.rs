//! Step records: the rows of `automations.steps` as `record`, `park` and `finish` take them.

use std::borrow::Cow;
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use flow::{Node, Outcome, StepId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::clean;
use super::replay::{Parked, Until};
use super::story::Told;
use crate::nodes::outside::Wait;

/// An input beyond this is not stored a second time: it is some other step's output.
const MAX_INPUT: usize = 256 << 10;

/// Who a step is.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    /// Its idempotency key.
    pub key: Uuid,
    /// Its identity.
    pub step: &'a StepId,
    /// Its node.
    pub node: &'a Node,
    /// The ordinal of the last step that had completed when it began; 0: none.
    pub began_after: u32,
}

/// The format of what is written here, and of the position that it is folded into: a daemon that knows less leaves an
/// execution alone. 1: without `began_after`, and without loops.
pub const FORMAT: i16 = 2;

/// A record as it will be sent: written once, when it is made.
pub type Record = Box<RawValue>;

/// Records that go with the next durable write.
#[derive(Debug, Default)]
pub struct Unrecorded {
    rows: Vec<Record>,
    /// What some of them are beside `nodes_executed`, which shows the rest: less to write, parse and read.
    beside: Vec<(usize, Record)>,
    bytes: usize,
    /// Where steps stand that have begun: their ends take their places.
    begun: Vec<(StepId, usize)>,
    /// Among them is what the world has seen: to be written before anything is waited for, but for a database node, whose
    /// commit takes it along if it comes until then.
    precious: Option<Instant>,
}

/// What is held back at most: by size because it is memory, by number because it is lost with the daemon.
const MOST_BYTES: usize = 8 << 20;
const MOST_ROWS: usize = 500;

impl Unrecorded {
    /// One more.
    pub fn push(&mut self, record: Record) {
        self.bytes += record.get().len();
        self.rows.push(record);
    }

    /// One that begins.
    pub fn push_begun(&mut self, step: StepId, record: Record) {
        self.begun.push((step, self.rows.len()));
        self.push(record);
    }

    /// One that has ended, in the place of its beginning if that is not written yet. Its place.
    pub fn push_ended(&mut self, step: &StepId, record: Record) -> usize {
        let begun = self.begun.iter().position(|(begun, _)| begun == step);
        let begun = begun.map(|begun| self.begun.swap_remove(begun).1);
        if let Some((place, row)) = begun.and_then(|place| self.rows.get_mut(place).map(|row| (place, row))) {
            self.bytes = self.bytes + record.get().len() - row.get().len();
            *row = record;
            return place;
        }
        self.push(record);
        self.rows.len() - 1
    }

    /// What the one in this place is beside `nodes_executed`.
    pub fn put_beside(&mut self, place: usize, record: Record) {
        self.beside.push((place, record));
    }

    /// Takes the last one back.
    pub fn pop(&mut self) {
        if let Some(record) = self.rows.pop() {
            self.bytes -= record.get().len();
        }
        self.beside.retain(|(row, _)| *row < self.rows.len());
        self.begun.retain(|(_, row)| *row < self.rows.len());
    }

    /// Among them is what has to be written by then.
    pub fn write_by(&mut self, then: Instant) {
        self.precious = Some(self.precious.map_or(then, |other| other.min(then)));
    }

    /// When they have to be written, if the world has seen any of it.
    pub fn precious(&self) -> Option<Instant> {
        self.precious
    }

    /// True when they have to be written, whatever comes next.
    pub fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES || self.rows.len() >= MOST_ROWS
    }

    /// How large they are together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of them.
    pub fn rows(&self) -> &[Record] {
        &self.rows
    }

    /// All of them; none are left.
    pub fn take(&mut self) -> Vec<Record> {
        std::mem::take(self).rows
    }

    /// The same, to be written together with `nodes_executed`.
    pub fn take_with_end(&mut self) -> Vec<Record> {
        let mut all = std::mem::take(self);
        for (row, beside) in all.beside {
            if let Some(row) = all.rows.get_mut(row) {
                *row = beside;
            }
        }
        all.rows
    }
}

/// A step that is about to act outside (D8).
pub fn started(who: Who<'_>, attempt: u32, at: DateTime<Utc>) -> Option<Record> {
    #[derive(Serialize)]
    struct Started {
        started_at: String,
    }
    let started_at = time(at);
    record(who, attempt, "started", Started { started_at })
}

/// A step that waits; `wake_in_ms` from now, null until it is resumed.
pub fn parked(who: Who<'_>, wake_in_ms: Option<u64>, parked: &Parked) -> Option<Record> {
    #[derive(Serialize)]
    struct Waits<'a> {
        started_at: String,
        wake_in_ms: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        wait: Option<&'a Wait>,
        error: Option<&'a Value>,
        output: &'a Value,
        variables: Option<&'a Map<String, Value>>,
        warnings: Option<&'a Vec<String>>,
    }
    let waits = Waits {
        started_at: time(parked.started_at),
        wake_in_ms,
        wait: match &parked.until {
            Until::Time => None,
            Until::Outside(wait) => wait.as_deref(),
        },
        error: parked.error.as_deref(),
        output: &parked.output,
        variables: Some(&parked.variables).filter(|variables| !variables.is_empty()),
        warnings: Some(&parked.warnings).filter(|warnings| !warnings.is_empty()),
    };
    record(who, parked.attempt, "parked", waits)
}

/// A step that waits for something outside no more, because its execution went another way.
pub fn cancelled(who: Who<'_>, attempt: u32) -> Option<Record> {
    #[derive(Serialize)]
    struct Nothing {}
    record(who, attempt, "cancelled", Nothing {})
}

/// A step that has ended, as the `ordinal`th of its execution.
pub fn ended(who: Who<'_>, ordinal: u32, told: &Told) -> Option<Record> {
    #[derive(Serialize)]
    struct Ended<'a> {
        ordinal: u32,
        outcome: &'a Outcome,
        input: Input<'a>,
        output: &'a Value,
        error: Option<&'a Value>,
        variables: Option<&'a Map<String, Value>>,
        warnings: Option<&'a Vec<String>>,
        started_at: String,
        completed_at: String,
        duration_ms: u64,
    }
    let is_trigger = is_trigger(who.node);
    let ended = Ended {
        ordinal,
        outcome: &told.outcome,
        input: if is_trigger {
            Input::Whole(&Value::Null)
        } else {
            Input::of(&told.input)
        },
        output: if is_trigger { &Value::Null } else { &told.output },
        error: told.error.as_deref(),
        variables: Some(&told.variables).filter(|variables| !variables.is_empty()),
        warnings: Some(&told.warnings).filter(|warnings| !warnings.is_empty()),
        started_at: time(told.started_at),
        completed_at: time(told.completed_at),
        duration_ms: told.duration_ms,
    };
    record(who, told.attempt, ended_as(&told.outcome), ended)
}

/// What a step that has ended is beside the line of `nodes_executed` that shows it; none where the record holds something
/// else than the line.
pub fn beside(who: Who<'_>, ordinal: u32, line: usize, told: &Told) -> Option<Record> {
    // in the order of jsonb, as the lines of nodes_executed
    #[derive(Serialize)]
    struct Beside<'a> {
        line: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        input: Option<&'a Value>,
        place: String,
        format: i16,
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<&'a Value>,
        status: &'static str,
        ordinal: u32,
        outcome: &'a Outcome,
        #[serde(skip_serializing_if = "Map::is_empty")]
        variables: &'a Map<String, Value>,
        began_after: u32,
        idempotency_key: Uuid,
    }
    if matches!(told.outcome, Outcome::Failed | Outcome::Items(_)) {
        return None;
    }
    // what a trigger gives is not in its record, whatever its line shows
    let nothing = is_trigger(who.node).then_some(&Value::Null);
    let beside = Beside {
        line,
        input: nothing,
        output: nothing,
        place: who.step.place.to_string(),
        status: ended_as(&told.outcome),
        ordinal,
        outcome: &told.outcome,
        variables: &told.variables,
        idempotency_key: who.key,
        began_after: who.began_after,
        format: FORMAT,
    };
    to_raw_value(&beside).ok()
}

fn ended_as(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Failed => "failed",
        Outcome::Skipped => "skipped",
        _ => "completed",
    }
}

/// What a trigger gives is the execution's trigger data, stored there.
fn is_trigger(node: &Node) -> bool {
    node.kind.name.starts_with("trigger-")
}

/// What led to a step, if it is not too large.
#[derive(Serialize)]
#[serde(untagged)]
enum Input<'a> {
    Whole(&'a Value),
    Cut { cut: bool },
}

impl Input<'_> {
    fn of(input: &Value) -> Input<'_> {
        match clean::size(input, MAX_INPUT) {
            Some(_) => Input::Whole(input),
            None => Input::Cut { cut: true },
        }
    }
}

/// Always some: nothing in it can refuse to be written as JSON.
fn record(who: Who<'_>, attempt: u32, status: &'static str, more: impl Serialize) -> Option<Record> {
    #[derive(Serialize)]
    struct Row<'a, M> {
        node_id: &'a str,
        place: String,
        run: u32,
        attempt: u32,
        node_type: &'static str,
        label: Cow<'a, str>,
        status: &'static str,
        idempotency_key: Uuid,
        began_after: u32,
        format: i16,
        #[serde(flatten)]
        more: M,
    }
    let row = Row {
        node_id: &who.step.node,
        place: who.step.place.to_string(),
        run: who.step.run,
        attempt,
        node_type: who.node.kind.name,
        label: clean::label(who.node),
        status,
        idempotency_key: who.key,
        began_after: who.began_after,
        format: FORMAT,
        more,
    };
    to_raw_value(&row).ok()
}

/// RFC 3339 with microseconds, as Postgres keeps them.
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(node: &str) -> StepId {
        StepId {
            node: node.into(),
            place: flow::Place::default(),
            run: 1,
        }
    }

    #[test]
    fn only_an_end_leaves_out_what_nodes_executed_shows() {
        let record = |text: &str| to_raw_value(text).unwrap();
        let texts =
            |rows: Vec<Record>| -> Vec<String> { rows.iter().map(|row| row.get().to_owned()).collect() };
        let pushed = || {
            let mut rows = Unrecorded::default();
            let one = rows.push_ended(&step("one"), record("one"));
            rows.put_beside(one, record("short"));
            rows.push(record("two"));
            rows
        };
        assert_eq!(texts(pushed().take()), ["\"one\"", "\"two\""]);
        assert_eq!(texts(pushed().take_with_end()), ["\"short\"", "\"two\""]);
        let mut rows = pushed();
        rows.pop();
        rows.pop();
        rows.push(record("three"));
        assert_eq!(texts(rows.take_with_end()), ["\"three\""]);
    }

    #[test]
    fn an_end_takes_the_place_of_a_beginning_that_is_not_written() {
        let mut rows = Unrecorded::default();
        rows.push_begun(step("a"), to_raw_value("a begins").unwrap());
        rows.push_begun(step("b"), to_raw_value("b begins").unwrap());
        rows.push_ended(&step("b"), to_raw_value("b ends").unwrap());
        let a = rows.push_ended(&step("a"), to_raw_value("a ends").unwrap());
        rows.put_beside(a, to_raw_value("a").unwrap());
        let texts = |rows: &[Record]| rows.iter().map(|row| row.get().to_owned()).collect::<Vec<_>>();
        assert_eq!(texts(rows.rows()), ["\"a ends\"", "\"b ends\""]);
        assert_eq!(rows.bytes(), 16);
        assert_eq!(texts(&rows.take_with_end()), ["\"a\"", "\"b ends\""]);
        rows.push_ended(&step("a"), to_raw_value("again").unwrap());
        assert_eq!(texts(rows.rows()), ["\"again\""]);
    }

    #[test]
    fn records_are_held_back_until_they_are_many_or_large() {
        let record = |bytes: usize| to_raw_value(&"x".repeat(bytes)).unwrap();
        let mut rows = Unrecorded::default();
        (1..MOST_ROWS).for_each(|_| rows.push(record(1)));
        assert!(!rows.is_full());
        rows.push(record(1));
        assert!(rows.is_full());
        assert_eq!(rows.take().len(), MOST_ROWS);
        rows.push(record(MOST_BYTES));
        assert!(rows.is_full());
        rows.pop();
        assert!(!rows.is_full() && rows.rows().is_empty());
    }
}
