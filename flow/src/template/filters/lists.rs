//! Filters on lists. Objects are taken as their keys and text as its characters, as `for` does.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{Input, Output, made};
use crate::template::budget::{Budget, Trouble};
use crate::template::elements::{elements, part, pay_for_sorting, sorting};
use crate::template::number::{Num, calculate};
use crate::template::predicates;
use crate::template::tree::Calculation;
use crate::template::value::{kind, own, truth, write, write_json};

/// Makes a list of elements.
fn list_of<'s>(elements: impl IntoIterator<Item = Cow<'s, Value>>, budget: &Budget) -> Output<'s> {
    let mut out = Vec::new();
    for element in elements {
        budget.hold(2 * size_of::<Value>())?;
        out.push(own(element, budget)?);
    }
    Ok(Cow::Owned(Value::Array(out)))
}

pub(super) fn length<'s>(input: Input<'s, '_>) -> Output<'s> {
    let length = match &*input.value {
        Value::Null => 0,
        Value::Array(items) => items.len(),
        Value::Object(entries) => entries.len(),
        Value::String(text) => {
            input.budget.look(text.len())?;
            text.chars().count()
        }
        other => {
            return Err(Trouble::new(format!(
                "`length` needs a list, an object or text, not {}",
                kind(other)
            )));
        }
    };
    Ok(Cow::Owned(Value::from(length)))
}

pub(super) fn first<'s>(input: Input<'s, '_>) -> Output<'s> {
    let found = crate::template::lookup::item(input.value, &Value::from(0), input.budget)?;
    Ok(found.unwrap_or_default())
}

pub(super) fn last<'s>(input: Input<'s, '_>) -> Output<'s> {
    let found = crate::template::lookup::item(input.value, &Value::from(-1), input.budget)?;
    Ok(found.unwrap_or_default())
}

pub(super) fn list<'s>(input: Input<'s, '_>) -> Output<'s> {
    if input.value.is_array() {
        return Ok(input.value);
    }
    list_of(elements(input.value, input.budget)?, input.budget)
}

pub(super) fn reverse<'s>(input: Input<'s, '_>) -> Output<'s> {
    if let Value::String(text) = &*input.value {
        input.budget.hold(2 * text.len())?;
        return made(text.chars().rev().collect());
    }
    list_of(
        elements(input.value, input.budget)?.into_iter().rev(),
        input.budget,
    )
}

pub(super) fn join<'s>(input: Input<'s, '_>) -> Output<'s> {
    let separator = input.text(0)?.unwrap_or_default().into_owned();
    let attribute = input.text(1)?.map(Cow::into_owned);
    let mut out = String::new();
    for (position, element) in elements(input.value, input.budget)?.iter().enumerate() {
        if position > 0 {
            input.budget.push(&mut out, &separator)?;
        }
        write(
            &*part(element, attribute.as_deref(), input.budget)?,
            &mut out,
            input.budget,
        )?;
    }
    made(out)
}

pub(super) fn sum<'s>(input: Input<'s, '_>) -> Output<'s> {
    let attribute = input.text(0)?.map(Cow::into_owned);
    let mut sum = Value::from(0);
    for element in elements(input.value, input.budget)? {
        let value = part(&element, attribute.as_deref(), input.budget)?;
        if value.is_null() {
            continue;
        }
        let (Some(so_far), Some(number)) = (Num::of(&sum), Num::of(&value)) else {
            return Err(Trouble::new(format!("`sum` needs numbers, not {}", kind(&value))));
        };
        sum = calculate(Calculation::Add, so_far, number)?;
    }
    Ok(Cow::Owned(sum))
}

pub(super) fn min<'s>(input: Input<'s, '_>) -> Output<'s> {
    extreme(input, Ordering::Less)
}

pub(super) fn max<'s>(input: Input<'s, '_>) -> Output<'s> {
    extreme(input, Ordering::Greater)
}

/// The first element that lies beyond all others; nulls do not count.
fn extreme<'s>(input: Input<'s, '_>, beyond: Ordering) -> Output<'s> {
    let attribute = input.text(0)?.map(Cow::into_owned);
    let mut best: Option<Cow<'s, Value>> = None;
    for element in elements(input.value, input.budget)? {
        let better = {
            let key = part(&element, attribute.as_deref(), input.budget)?;
            let best = best
                .as_ref()
                .map(|best| part(best, attribute.as_deref(), input.budget))
                .transpose()?;
            let text = key.as_str().map_or(0, str::len);
            input.budget.look(text)?;
            !key.is_null() && best.is_none_or(|best| sorting(&key, &best, true) == beyond)
        };
        if better {
            best = Some(element);
        }
    }
    Ok(best.unwrap_or_default())
}

pub(super) fn sort<'s>(input: Input<'s, '_>) -> Output<'s> {
    let budget = input.budget;
    let reverse = input.flag(0);
    let case_sensitive = input.flag(1);
    let attribute = input.text(2)?.map(Cow::into_owned);
    let mut keyed = Vec::new();
    for element in elements(input.value, budget)? {
        budget.hold(2 * size_of::<(Value, Cow<'_, Value>)>())?;
        let key = own(part(&element, attribute.as_deref(), budget)?, budget)?;
        keyed.push((key, element));
    }
    pay_for_sorting(keyed.iter().map(|(key, _)| key), budget)?;
    keyed.sort_by(|(a, _), (b, _)| sorting(a, b, case_sensitive));
    if reverse {
        keyed.reverse();
    }
    list_of(keyed.into_iter().map(|(_, element)| element), budget)
}

pub(super) fn unique<'s>(input: Input<'s, '_>) -> Output<'s> {
    let attribute = input.text(0)?.map(Cow::into_owned);
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for element in elements(input.value, input.budget)? {
        let mut key = String::new();
        write_json(
            &*part(&element, attribute.as_deref(), input.budget)?,
            &mut key,
            input.budget,
        )?;
        // An entry of the set, and the comparisons on the way to its place.
        input.budget.hold(100)?;
        input.budget.work(20 * (key.len() / 16 + 1))?;
        if seen.insert(key) {
            kept.push(element);
        }
    }
    list_of(kept, input.budget)
}

/// `map('upper')` or `map(attribute='name', default='')`.
pub(super) fn map<'s>(input: Input<'s, '_>) -> Output<'s> {
    let attribute = input.text(1)?.map(Cow::into_owned);
    let default = input.argument(2).cloned();
    let name = input.text(0)?.map(Cow::into_owned);
    let budget = input.budget;
    let elements = elements(input.value, budget)?;
    let mut out = Vec::new();
    let filter = match (&attribute, &name) {
        (Some(_), None) => None,
        (None, Some(name)) => match super::find(name) {
            // Filters that look into lists would look into lists of lists, and so on.
            Some(filter) if filter.required == 0 && !["map", "select", "reject"].contains(&filter.name) => {
                Some(filter)
            }
            _ => {
                return Err(Trouble::new(
                    "`map` needs the name of a filter that needs no arguments",
                ));
            }
        },
        _ => {
            return Err(Trouble::new(
                "`map` needs the name of a filter, or `attribute='name'`",
            ));
        }
    };
    for element in elements {
        budget.hold(2 * size_of::<Value>())?;
        let value = match filter {
            Some(filter) => {
                let arguments = filter.parameters.iter().map(|_| None).collect();
                let value = super::apply(
                    filter,
                    Input {
                        value: element,
                        arguments,
                        budget,
                        missing: false,
                    },
                )?;
                own(value, budget)?
            }
            None => match (
                own(part(&element, attribute.as_deref(), budget)?, budget)?,
                &default,
            ) {
                (Value::Null, Some(default)) => own(Cow::Borrowed(default), budget)?,
                (value, _) => value,
            },
        };
        out.push(value);
    }
    Ok(Cow::Owned(Value::Array(out)))
}

pub(super) fn select<'s>(input: Input<'s, '_>) -> Output<'s> {
    choose(input, None, 0, true)
}

pub(super) fn reject<'s>(input: Input<'s, '_>) -> Output<'s> {
    choose(input, None, 0, false)
}

pub(super) fn selectattr<'s>(input: Input<'s, '_>) -> Output<'s> {
    choose(input, Some(0), 1, true)
}

pub(super) fn rejectattr<'s>(input: Input<'s, '_>) -> Output<'s> {
    choose(input, Some(0), 1, false)
}

/// Keeps the elements whose attribute passes the test (or is true, without one) as `wanted`.
fn choose<'s>(input: Input<'s, '_>, attribute: Option<usize>, test: usize, wanted: bool) -> Output<'s> {
    let attribute = attribute
        .map(|number| input.text(number))
        .transpose()?
        .flatten()
        .map(Cow::into_owned);
    let predicate = match input.text(test)? {
        None => None,
        Some(name) => Some(
            predicates::find(&name)
                .ok_or_else(|| Trouble::new("a filter names a test that does not exist"))?,
        ),
    };
    let budget = input.budget;
    let mut arguments = input.arguments;
    let argument = arguments
        .get_mut(test + 1)
        .and_then(Option::take)
        .unwrap_or_default();
    let mut kept = Vec::new();
    for element in elements(input.value, budget)? {
        let passes = {
            let value = part(&element, attribute.as_deref(), budget)?;
            match predicate {
                None => truth(&value),
                // A part that is missing is null here.
                Some(predicate) => (predicate.run)(&value, &argument, value.is_null(), budget)?,
            }
        };
        if passes == wanted {
            kept.push(element);
        }
    }
    list_of(kept, budget)
}
