//! jsonb across the border: as text, because Rust refuses JSON that jsonb holds (nesting, 1e400) and would round
//! large numbers; what must be looked into is parsed here, with an error instead of a panic.

use pgrx::{AnyElement, FromDatum, pg_sys};
use serde_json::Value;

use crate::refusal::Refusal;

/// The text of a jsonb datum.
#[must_use]
pub fn text_of(datum: pg_sys::Datum) -> String {
    // SAFETY: the caller's argument or column is declared jsonb; jsonb_out returns a C string that ends with zero.
    unsafe {
        let text = pgrx::direct_function_call_as_datum(pg_sys::jsonb_out, &[Some(datum)]);
        let text = text.and_then(|text| <&std::ffi::CStr>::from_datum(text, false));
        text.map(|text| text.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

/// A jsonb argument as a value, `null` where it was not given.
///
/// # Errors
/// [`Refusal::Json`] where Rust refuses what jsonb holds.
pub fn value_of(argument: Option<AnyElement>, what: &'static str) -> Result<Value, Refusal> {
    match argument {
        None => Ok(Value::Null),
        Some(element) => parse(&text_of(element.datum()), what),
    }
}

/// Parses text of JSON.
///
/// # Errors
/// [`Refusal::Json`].
pub fn parse(text: &str, what: &'static str) -> Result<Value, Refusal> {
    serde_json::from_str(text).map_err(|source| Refusal::Json { what, source })
}
