//! `nodes_executed`: what people read of an execution. In order of completion, what was not reached listed last,
//! each input and output shown up to a limit, and all of them together (CONTRACT section 6). What is shown is chosen
//! when a step ends, so that nothing else of it has to be kept for the sake of this list.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ptr;
use std::sync::{Arc, Weak};

use flow::{Node, Outcome, StepId};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::clean;
use super::record::time;
use super::replay::Parked;
use super::story::{Output, Story, Told};
use crate::settings::Limits;

/// How many of the first steps are listed, and how many of the last ones: together as many as an execution may have
/// by default, so that only one with a larger budget is cut.
const FIRST: usize = 5_000;
const LAST: usize = 5_000;

/// How much is shown of what is cut.
const CHARACTERS: usize = 200;

/// How many values are remembered that were shown: what one node gives is what the next ones are given.
const REMEMBERED: usize = 8;

/// How many bytes of an execution are shown without being sent again. A group of results is as large for the database as what
/// it shows.
const SHOWN_AGAIN: usize = 64 << 10;

/// `nodes_executed`, ready to be written: as `automations.from_json` reads it.
pub type Listed = Box<RawValue>;

/// What is shown of the steps that ended, in their order: as it will be written, which takes less memory than values.
#[derive(Debug)]
pub struct Summary {
    first: Vec<Box<RawValue>>,
    last: VecDeque<(Box<RawValue>, usize)>,
    /// How many between them are not listed.
    cut: u64,
    each: usize,
    left: usize,
    seen: VecDeque<Seen>,
    shown_again: usize,
}

/// A value that is shown whole. That it is the same one is known by its address, which a weak reference keeps from being
/// another's.
#[derive(Debug)]
struct Seen {
    value: Weak<Value>,
    size: usize,
    spot: Spot,
}

/// On which line, and as its `input` or `output`.
#[derive(Debug, Clone, Copy, Serialize)]
struct Spot(usize, &'static str);

/// One line of the list.
///
/// In the order in which jsonb keeps keys, shorter ones first: there is nothing to sort when it is read.
#[derive(Serialize)]
struct Entry<'a> {
    /// How many steps this line stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<u64>,
    run: u32,
    error: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Shown::is_elsewhere")]
    input: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_of: Option<Spot>,
    label: Cow<'a, str>,
    #[serde(skip_serializing_if = "Shown::is_elsewhere")]
    output: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_of: Option<Spot>,
    status: &'a str,
    attempt: u32,
    node_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    iteration: &'a [flow::Iteration],
    node_type: Option<&'a str>,
    started_at: Option<String>,
    duration_ms: Option<u64>,
    completed_at: Option<String>,
}

/// A value, or enough of it to know it again.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Whole(&'a Value),
    Json(&'a RawValue),
    Cut {
        cut: bool,
        preview: String,
    },
    #[serde(skip)]
    At(Spot),
}

impl<'a> Shown<'a> {
    /// The value, or how much of it was cut. What does not fit into the rest of the whole is cut too.
    fn within(each: usize, left: &mut usize, value: &'a Value) -> Shown<'a> {
        match clean::size(value, each.min(*left)) {
            Some(size) => {
                *left -= size;
                Shown::Whole(value)
            }
            None => Shown::Cut {
                cut: true,
                preview: preview(value),
            },
        }
    }

    /// Whether it is not written here.
    fn is_elsewhere(shown: &Option<Shown<'_>>) -> bool {
        shown.as_ref().is_some_and(|shown| shown.spot().is_some())
    }

    fn spot(&self) -> Option<Spot> {
        match self {
            Shown::At(spot) => Some(*spot),
            _ => None,
        }
    }
}

impl Summary {
    /// Nothing has ended yet.
    pub fn new(limits: &Limits) -> Summary {
        Summary {
            first: Vec::new(),
            last: VecDeque::new(),
            cut: 0,
            each: limits.max_shown,
            left: limits.max_shown_total,
            seen: VecDeque::new(),
            shown_again: 0,
        }
    }

    /// On which line the next step will be; none where it may move.
    pub fn next_line(&self) -> Option<usize> {
        Some(self.first.len()).filter(|line| *line < FIRST)
    }

    /// A step has ended. Where it is shown, if nothing of it is cut.
    pub fn add(&mut self, node: &Node, step: &StepId, told: &Told, output: &Output) -> Option<usize> {
        let failed = told.outcome == Outcome::Failed;
        let left = self.left;
        let line = self.next_line();
        let input = self.shown(&told.input, line.map(|line| Spot(line, "input")));
        let output = (!failed).then(|| self.shown_output(output, line.map(|line| Spot(line, "output"))));
        let entry = Entry {
            status: match told.outcome {
                Outcome::Failed => "failed",
                Outcome::Skipped => "skipped",
                _ => "success",
            },
            started_at: Some(time(told.started_at)),
            completed_at: Some(time(told.completed_at)),
            duration_ms: Some(told.duration_ms),
            attempt: told.attempt,
            run: step.run,
            iteration: step.place.iterations(),
            input_of: input.spot(),
            input: Some(input),
            output_of: output.as_ref().and_then(Shown::spot),
            output,
            error: told
                .error
                .as_deref()
                .map(|error| Shown::within(self.each, &mut self.left, error)),
            warnings: &told.warnings,
            ..Entry::of(node)
        };
        let text = entry.line();
        if line.is_some() {
            let is_whole = entry.is_whole();
            self.first.push(text);
            return line.filter(|_| is_whole);
        }
        self.last.push_back((text, left - self.left));
        if self.last.len() > LAST
            && let Some((_, shown)) = self.last.pop_front()
        {
            self.left += shown;
            self.cut += 1;
        }
        None
    }

    /// A value, or where it is shown already. What is shown on a line that does not move is remembered.
    fn shown<'a>(&mut self, value: &'a Arc<Value>, spot: Option<Spot>) -> Shown<'a> {
        let is_same = |seen: &&Seen| ptr::eq(seen.value.as_ptr(), Arc::as_ptr(value));
        if let Some(seen) = self.seen.iter().find(is_same)
            && seen.size <= self.each.min(self.left)
            && self.shown_again + seen.size <= SHOWN_AGAIN
        {
            self.left -= seen.size;
            self.shown_again += seen.size;
            return Shown::At(seen.spot);
        }
        let before = self.left;
        let shown = Shown::within(self.each, &mut self.left, value);
        if let (Shown::Whole(_), Some(spot)) = (&shown, spot) {
            self.seen.truncate(REMEMBERED - 1);
            self.seen.push_front(Seen {
                value: Arc::downgrade(value),
                size: before - self.left,
                spot,
            });
        }
        shown
    }

    fn shown_output<'a>(&mut self, output: &'a Output, spot: Option<Spot>) -> Shown<'a> {
        match output {
            Output::Value(value) => self.shown(value, spot),
            Output::Json(json) if json.get().len() <= self.each.min(self.left) => {
                self.left -= json.get().len();
                Shown::Json(json)
            }
            Output::Json(json) => Shown::Cut {
                cut: true,
                preview: json.get().chars().take(CHARACTERS).collect(),
            },
        }
    }

    /// The lines, with one for all that are not listed.
    fn lines(&self) -> impl Iterator<Item = Cow<'_, RawValue>> {
        let cut = (self.cut > 0).then(|| {
            let entry = Entry {
                label: format!("{} further steps are not shown", self.cut).into(),
                cut: Some(self.cut),
                ..Entry::of_none()
            };
            Cow::Owned(entry.line())
        });
        let first = self.first.iter().map(|line| Cow::Borrowed(&**line));
        let last = self.last.iter().map(|(line, _)| Cow::Borrowed(&**line));
        first.chain(cut).chain(last)
    }
}

impl<'a> Entry<'a> {
    /// Of no node, as something that was not reached.
    fn of_none() -> Entry<'a> {
        Entry {
            node_id: None,
            node_type: None,
            label: Cow::from(""),
            status: "skipped",
            started_at: None,
            completed_at: None,
            duration_ms: None,
            attempt: 0,
            run: 0,
            iteration: &[],
            input: None,
            input_of: None,
            output: None,
            output_of: None,
            error: None,
            warnings: &[],
            cut: None,
        }
    }

    /// Of a node that was not reached.
    fn of(node: &'a Node) -> Entry<'a> {
        Entry {
            node_id: Some(&node.id),
            node_type: Some(node.kind.name),
            label: clean::label(node),
            ..Entry::of_none()
        }
    }

    /// Whether nothing of it is cut.
    fn is_whole(&self) -> bool {
        let parts = [&self.input, &self.output, &self.error];
        !parts
            .into_iter()
            .flatten()
            .any(|part| matches!(part, Shown::Cut { .. }))
    }

    /// Always JSON: nothing in it can refuse to be written.
    fn line(&self) -> Box<RawValue> {
        to_raw_value(self).unwrap_or_default()
    }
}

/// The list. While an execution waits for something outside, the steps that do come last as `waiting`, with what people
/// read of them: the message of an approval.
pub fn nodes_executed(story: &Story, waiting: &[(&StepId, &Parked)]) -> Listed {
    let summary = story.summary();
    let mut left = summary.left;
    let lines = waiting.iter().filter_map(|(step, parked)| {
        let output = Shown::within(summary.each, &mut left, &parked.output);
        let entry = Entry {
            status: "waiting",
            started_at: Some(time(parked.started_at)),
            attempt: parked.attempt,
            run: step.run,
            iteration: step.place.iterations(),
            output: Some(output),
            warnings: &parked.warnings,
            ..Entry::of(story.plan().node(&step.node)?)
        };
        Some(Cow::Owned(entry.line()))
    });
    list(summary.lines().chain(lines))
}

/// The same of an execution that has ended: what was never reached comes last. While one waits, nobody knows yet.
pub fn all_nodes(story: &Story) -> Listed {
    let untaken = story.untaken();
    let never = untaken
        .iter()
        .filter_map(|id| Some(Cow::Owned(Entry::of(story.plan().node(id)?).line())));
    list(story.summary().lines().chain(never))
}

fn list<'a>(lines: impl Iterator<Item = Cow<'a, RawValue>>) -> Listed {
    to_raw_value(&lines.collect::<Vec<_>>()).unwrap_or_default()
}

/// The first characters of what was cut, enough to know it again.
fn preview(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().take(CHARACTERS).collect(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(object) => {
            let keys = object.keys().take(20).cloned().collect::<Vec<_>>().join(", ");
            format!("an object with {keys}")
                .chars()
                .take(CHARACTERS)
                .collect()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
