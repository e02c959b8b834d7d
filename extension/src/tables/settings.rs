//! The settings, read without a query.

use std::ops::ControlFlow;

use pgrx::{FromDatum, pg_sys};

use super::{Column, small};
use crate::jsonb;

/// The columns of a setting.
const COLUMNS: [Column; 2] = [(c"name", pg_sys::TEXTOID), (c"value", pg_sys::JSONBOID)];

/// As JSON, no setting that is asked for here is longer.
const LONGEST: usize = 256;

/// Shows those of these settings that are there, by name and as JSON, to `look` until it breaks off. It breaks off by itself at one that
/// cannot be read here, and there is none where the table cannot be ([`small::read`]).
///
/// # Safety
/// Inside a statement, whose snapshot says what is there.
pub unsafe fn read(
    names: &[&str],
    mut look: impl FnMut(&str, String) -> ControlFlow<()>,
) -> Option<ControlFlow<()>> {
    // SAFETY: as the caller says; a name is a text, a value a jsonb.
    unsafe {
        small::read(c"settings", &COLUMNS, |[name, value]| {
            let name = name.and_then(|name| <&str>::from_datum(name, false));
            let (Some(name), Some(value)) = (name, value) else {
                return ControlFlow::Break(());
            };
            if !names.contains(&name) {
                return ControlFlow::Continue(());
            }
            match jsonb::short_text_of(value, LONGEST) {
                Ok(value) => look(name, value),
                Err(_) => ControlFlow::Break(()),
            }
        })
    }
}
