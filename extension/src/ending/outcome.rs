//! What an execution came to, as a daemon sends it: one object of the list that `finish()` is given, read where it lies.

use pgrx::pg_sys;

use crate::in_place::Value;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    /// As the column `status` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

/// A result, each part as the column of its name holds it; text and jsonb in the memory context in which it was read.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub status: Status,
    pub error: Option<pg_sys::Datum>,
    pub error_code: Option<pg_sys::Datum>,
    pub error_node_id: Option<pg_sys::Datum>,
    /// As `output_of()` says it.
    pub output: Option<pg_sys::Datum>,
    pub variables: Option<pg_sys::Datum>,
    pub nodes_executed: Option<pg_sys::Datum>,
    /// None where there is nothing in it.
    pub steps: Option<pg_sys::Datum>,
}

impl Outcome {
    /// Of an object of the list; none where it is not as a daemon sends it of what has ended.
    pub fn of(result: Value) -> Option<Outcome> {
        let status = match result.of("status")?.text()? {
            b"completed" => Status::Completed,
            b"failed" => Status::Failed,
            b"cancelled" => Status::Cancelled,
            _ => return None,
        };
        let text = |key| match result.of(key) {
            None => Some(None),
            Some(value) if value.is_null() => Some(None),
            Some(value) => value.text().map(|text| Some(datum_of(text))),
        };
        let nodes_executed = result.of("nodes_executed").filter(|value| !value.is_null());
        let output = match result.of("output") {
            Some(output) => Some(output),
            None => match result.of("output_line").filter(|line| !line.is_null()) {
                None => None,
                Some(line) => nodes_executed?.list()?.at(line.number()?)?.of("output"),
            },
        };
        let steps = result.of("steps").filter(|steps| !steps.is_empty());
        Some(Outcome {
            status,
            error: text("error")?,
            error_code: text("error_code")?,
            error_node_id: text("error_node_id")?,
            output: output.and_then(Value::jsonb),
            variables: result.of("variables").and_then(Value::jsonb),
            nodes_executed: nodes_executed.and_then(Value::jsonb),
            steps: steps.and_then(Value::jsonb),
        })
    }
}

/// A text of the database's encoding, which a string of a jsonb has.
pub fn datum_of(text: &[u8]) -> pg_sys::Datum {
    let length = i32::try_from(text.len()).unwrap_or(0);
    // SAFETY: so many bytes are copied.
    unsafe { pg_sys::Datum::from(pg_sys::cstring_to_text_with_len(text.as_ptr().cast(), length)) }
}
