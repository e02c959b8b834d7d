//! Filters on text. Other values are taken as the text that they render as.

use std::borrow::Cow;

use serde_json::Value;

use super::{Input, Output, made};
use crate::template::budget::Trouble;
use crate::template::value::text;

/// One character in another case is up to three characters.
const CASE: usize = 3;

pub(super) fn upper<'s>(input: Input<'s, '_>) -> Output<'s> {
    let text = input.subject()?;
    input.budget.hold(text.len().saturating_mul(2 * CASE))?;
    made(text.to_uppercase())
}

pub(super) fn lower<'s>(input: Input<'s, '_>) -> Output<'s> {
    let text = input.subject()?;
    input.budget.hold(text.len().saturating_mul(2 * CASE))?;
    made(text.to_lowercase())
}

pub(super) fn capitalize<'s>(input: Input<'s, '_>) -> Output<'s> {
    let text = input.subject()?;
    input.budget.hold(text.len().saturating_mul(2 * CASE))?;
    let mut characters = text.chars();
    let mut out: String = characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    out.push_str(&characters.as_str().to_lowercase());
    made(out)
}

pub(super) fn title<'s>(input: Input<'s, '_>) -> Output<'s> {
    let text = input.subject()?;
    input.budget.hold(text.len().saturating_mul(2 * CASE))?;
    // Character by character, which is slower than whole text at once.
    input.budget.work(text.len() / 2)?;
    let mut out = String::new();
    let mut inside = false;
    for character in text.chars() {
        if inside {
            out.extend(character.to_lowercase());
        } else {
            out.extend(character.to_uppercase());
        }
        // An apostrophe belongs to its word: `don't`.
        inside = character.is_alphanumeric() || (inside && matches!(character, '\'' | '’'));
    }
    made(out)
}

pub(super) fn trim<'s>(input: Input<'s, '_>) -> Output<'s> {
    let text = input.subject()?;
    let trimmed = match input.text(0)? {
        Some(set) => {
            // Each character is looked up in the set.
            input.budget.work(text.len().saturating_mul(set.len() / 16 + 1))?;
            text.trim_matches(|character| set.contains(character))
        }
        None => text.trim(),
    };
    let mut out = String::new();
    input.budget.push(&mut out, trimmed)?;
    made(out)
}

pub(super) fn replace<'s>(input: Input<'s, '_>) -> Output<'s> {
    let text = input.subject()?;
    let (Some(old), Some(new)) = (input.text(0)?, input.text(1)?) else {
        return Err(Trouble::new("`replace` needs what to replace and by what"));
    };
    if old.is_empty() {
        return Err(Trouble::new("`replace` cannot replace an empty text"));
    }
    let most = input
        .whole(2)?
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(usize::MAX);
    let mut out = String::new();
    let mut rest: &str = &text;
    for _ in 0..most {
        input.budget.work(1)?;
        let Some((before, after)) = rest.split_once(&*old) else {
            break;
        };
        input.budget.push(&mut out, before)?;
        input.budget.push(&mut out, &new)?;
        rest = after;
    }
    input.budget.push(&mut out, rest)?;
    made(out)
}

pub(super) fn split<'s>(input: Input<'s, '_>) -> Output<'s> {
    let subject = input.subject()?;
    let separator = match input.argument(0) {
        None | Some(Value::Null) => None,
        Some(value) => Some(text(value, input.budget)?),
    };
    let most = input
        .whole(1)?
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest: &str = &subject;
    let mut keep = |part: &str| -> Result<(), Trouble> {
        input.budget.hold(2 * size_of::<Value>() + part.len())?;
        parts.push(Value::from(part));
        Ok(())
    };
    match separator {
        Some(separator) if separator.is_empty() => return Err(Trouble::new("`split` needs a separator")),
        Some(separator) => {
            let mut splits = 0;
            while splits < most {
                let Some((before, after)) = rest.split_once(&*separator) else {
                    break;
                };
                keep(before)?;
                rest = after;
                splits += 1;
            }
            keep(rest)?;
        }
        None => {
            let mut splits = 0;
            rest = rest.trim();
            while let (true, Some((before, after))) = (splits < most, rest.split_once(char::is_whitespace)) {
                keep(before)?;
                rest = after.trim_start();
                splits += 1;
            }
            if !rest.is_empty() {
                keep(rest)?;
            }
        }
    }
    Ok(Cow::Owned(Value::Array(parts)))
}

pub(super) fn string<'s>(input: Input<'s, '_>) -> Output<'s> {
    if input.value.is_string() {
        return Ok(input.value);
    }
    let mut out = String::new();
    crate::template::value::write(&input.value, &mut out, input.budget)?;
    made(out)
}

/// Cuts to `length` characters, by default at the end of a word, and says so with `...`.
pub(super) fn truncate<'s>(input: Input<'s, '_>) -> Output<'s> {
    let length = input
        .whole(0)?
        .map_or(255, |length| usize::try_from(length).unwrap_or(0));
    let subject = input.subject()?;
    input.budget.look(subject.len())?;
    let mut out = String::new();
    let Some((_, _)) = subject.char_indices().nth(length) else {
        input.budget.push(&mut out, &subject)?;
        return made(out);
    };
    let end = input.text(2)?.unwrap_or(Cow::Borrowed("..."));
    let room = length.saturating_sub(end.chars().count());
    let cut = subject
        .char_indices()
        .nth(room)
        .map_or(subject.len(), |(at, _)| at);
    let mut kept = subject.get(..cut).unwrap_or_default();
    if !input.flag(1)
        && let Some((words, _)) = kept.rsplit_once(char::is_whitespace)
    {
        kept = words;
    }
    input.budget.push(&mut out, kept)?;
    input.budget.push(&mut out, &end)?;
    made(out)
}
