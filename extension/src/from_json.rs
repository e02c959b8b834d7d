//! What daemons send of executions, as jsonb. `jsonb_in` took a fourth of what an end costs; this takes half of its time, and
//! what a list shows several times (the output of one node is the input of the next) is sent and read once: a line of
//! `nodes_executed` may have `input_of` or `output_of`, which name a line, itself or one before it, and `input` or `output`
//! there, instead of `input` and `output`. Apart from that it gives what `jsonb_in` gives, byte for byte.

mod reading;
mod writing;

use pgrx::prelude::*;
use pgrx::{AnyElement, pg_sys};

use crate::refusal::Refusal;
use writing::Writing;

/// `automations.from_json(json)`: a list, in UTF-8 whatever the encoding of the database is.
#[pg_extern(sql = false)]
fn from_json(json: &[u8]) -> Result<AnyElement, pg_sys::panic::ErrorReport> {
    Ok(jsonb_of(json)?)
}

/// The jsonb of a list, in the memory of this call.
///
/// # Errors
/// As `reading::list` and `Writing::into_jsonb`.
pub fn jsonb_of(json: &[u8]) -> Result<AnyElement, Refusal> {
    let mut writing = Writing::default();
    let list = reading::list(json, &mut writing)?;
    writing.into_jsonb(list)
}
