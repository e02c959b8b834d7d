//! Filters that write text for another language: JSON, URLs, HTML.

use std::borrow::Cow;

use serde_json::Value;

use super::{Input, Output, made};
use crate::template::budget::{Budget, Trouble};
use crate::template::value::{text, write_json};

pub(super) fn tojson<'s>(input: Input<'s, '_>) -> Output<'s> {
    let mut out = String::new();
    write_json(&input.value, &mut out, input.budget)?;
    made(out)
}

pub(super) fn fromjson<'s>(input: Input<'s, '_>) -> Output<'s> {
    let text = input.subject()?;
    // What values take at most: 32 bytes for one of two characters, 700 for an object.
    let objects = text.bytes().filter(|byte| *byte == b'{').count();
    input.budget.hold(
        text.len()
            .saturating_mul(48)
            .saturating_add(objects.saturating_mul(700)),
    )?;
    match serde_json::from_str(&text) {
        Ok(value) => Ok(Cow::Owned(value)),
        Err(error) => Err(Trouble::new(format!(
            "`fromjson`: not JSON at character {}",
            error.column()
        ))),
    }
}

/// Percent-encodes all but letters, digits and `-._~` (and `/`, as Jinja does); an object becomes `a=1&b=2`.
pub(super) fn urlencode<'s>(input: Input<'s, '_>) -> Output<'s> {
    let mut out = String::new();
    match &*input.value {
        Value::Object(entries) => {
            for (key, value) in entries {
                if value.is_null() {
                    continue;
                }
                if !out.is_empty() {
                    input.budget.push(&mut out, "&")?;
                }
                percent(key, b"", &mut out, input.budget)?;
                input.budget.push(&mut out, "=")?;
                percent(&text(value, input.budget)?, b"", &mut out, input.budget)?;
            }
        }
        value => percent(&text(value, input.budget)?, b"/", &mut out, input.budget)?,
    }
    made(out)
}

fn percent(text: &str, keep: &[u8], out: &mut String, budget: &Budget) -> Result<(), Trouble> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    budget.hold(text.len().saturating_mul(6))?;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
            continue;
        }
        out.push('%');
        for half in [byte >> 4, byte & 15] {
            out.extend(DIGITS.get(usize::from(half)).map(|digit| char::from(*digit)));
        }
    }
    Ok(())
}

/// Makes text safe inside HTML, also between quotes.
pub(super) fn escape<'s>(input: Input<'s, '_>) -> Output<'s> {
    let text = input.subject()?;
    let mut out = String::new();
    let mut rest: &str = &text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, after) = rest.split_at(at);
        input.budget.push(&mut out, before)?;
        let mut characters = after.chars();
        input.budget.push(
            &mut out,
            match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            },
        )?;
        rest = characters.as_str();
    }
    input.budget.push(&mut out, rest)?;
    made(out)
}
