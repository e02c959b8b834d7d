//! What daemons say of executions, as jsonb. `jsonb_in` took a fourth of what an end costs; this takes a fifth of that, and
//! what a list shows several times (the output of one node is the input of the next) is sent and read once: a line of
//! `nodes_executed` may say `input_of` or `output_of`, with a line before it or itself and `input` or `output` there, instead
//! of `input` and `output`. Apart from that it gives what `jsonb_in` gives, byte for byte.

mod reading;
mod writing;

use pgrx::prelude::*;
use pgrx::{AnyElement, pg_sys};

use writing::Writing;

/// `automations.whole_results(results)`: JSON in UTF-8, whatever the encoding of the database.
#[pg_extern(sql = false)]
fn whole_results(results: &[u8]) -> Result<AnyElement, pg_sys::panic::ErrorReport> {
    let mut writing = Writing::default();
    let list = reading::results(results, &mut writing)?;
    Ok(writing.into_jsonb(list)?)
}
