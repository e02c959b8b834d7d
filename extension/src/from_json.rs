//! What daemons send of executions, as jsonb. `jsonb_in` took a fourth of what an end costs; this takes half of its time, and
//! what a list shows several times (the output of one node is the input of the next) is sent and read once: a line of
//! `nodes_executed` may have `input_of` or `output_of`, which name a line, itself or one before it, and `input` or `output`
//! there, instead of `input` and `output`. Apart from that it gives what `jsonb_in` gives, byte for byte.

mod reading;
mod writing;

use pgrx::prelude::*;
use pgrx::{AnyElement, pg_sys};

use crate::refusal::Refusal;
use writing::Pieces;

/// `automations.from_json(json)`: a list, in UTF-8 whatever the encoding of the database is.
#[pg_extern(sql = false)]
fn from_json(json: &[u8]) -> Result<AnyElement, pg_sys::panic::ErrorReport> {
    Ok(jsonb_of(json)?)
}

/// The jsonb of a list, in the memory of this call.
///
/// # Errors
/// As `reading::list` and `Pieces::into_jsonb`.
pub fn jsonb_of(json: &[u8]) -> Result<AnyElement, Refusal> {
    let mut pieces = Pieces::default();
    let list = reading::list(json, &mut pieces)?;
    pieces.into_jsonb(list)
}

/// After how many levels the stack is looked at.
const LEVELS: u32 = 16;

/// Whether the statement is to end, and whether there is room for more levels: an ERROR where not.
fn look_around(depth: u32) {
    pgrx::check_for_interrupts!();
    if depth.is_multiple_of(LEVELS) {
        // SAFETY: as any recursion in a backend.
        unsafe { pg_sys::check_stack_depth() };
    }
}
