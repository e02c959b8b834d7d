//! What an automation says about how it is run, beside its graph: `options`, and of an event trigger how often one
//! record may start it. Read when it is saved, so that nothing later has to doubt it.

use std::time::Duration;

use serde_json::Value;

use crate::problem::Problem;

/// The longest time that may be given: a hundred years, so that adding it to a clock overflows nothing.
const LONGEST_SECONDS: f64 = 3_155_760_000.0;
/// The largest number of executions that may be given: what fits into an `integer` of SQL.
const MOST: i64 = 2_147_483_647;

/// `options` of an automation. Keys that are not known are kept where they are stored and mean nothing here.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// Executions in flight at once; none: as many as there are.
    pub max_in_flight: Option<i64>,
    /// Higher first; 0 where it is not given.
    pub priority: i64,
    /// From start to end, waiting included.
    pub timeout: Option<Duration>,
    /// Failures in a row that set it to `error`; 0: never; none: the usual number.
    pub error_limit: Option<i64>,
}

impl Options {
    /// Reads them; null and a missing key say nothing.
    ///
    /// # Errors
    /// The first value that is not what it has to be.
    ///
    /// ```
    /// let options = serde_json::json!({"timeout_seconds": 1.5, "colour": "red"});
    /// let options = flow::Options::from_json(&options).unwrap();
    /// assert_eq!(options.timeout, Some(std::time::Duration::from_millis(1_500)));
    /// assert!(flow::Options::from_json(&serde_json::json!({"max_in_flight": 0})).is_err());
    /// ```
    pub fn from_json(options: &Value) -> Result<Options, Problem> {
        if !options.is_object() && !options.is_null() {
            return Err(refused("options", "an object"));
        }
        Ok(Options {
            max_in_flight: whole(options, "max_in_flight", 1, MOST)?,
            priority: whole(options, "priority", -MOST, MOST)?.unwrap_or(0),
            timeout: seconds(options, "timeout_seconds", "a number of seconds above 0")?
                .map(|timeout| {
                    timeout.ok_or_else(|| refused("timeout_seconds", "a number of seconds above 0"))
                })
                .transpose()?,
            error_limit: whole(options, "error_limit", 0, MOST)?,
        })
    }
}

/// How often one record may start an automation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReEntry {
    /// Each time.
    #[default]
    Always,
    /// Not while an execution for it is not final.
    AfterFinish,
    /// Once for ever.
    Never,
}

/// What an event trigger says about one record: `re_entry` and `debounce_seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// How often it may start.
    pub re_entry: ReEntry,
    /// How long it must have been quiet first.
    pub debounce: Option<Duration>,
}

impl Entry {
    /// Reads them from a resolved trigger configuration; null, an empty text and a missing key say nothing.
    ///
    /// # Errors
    /// The first value that is not what it has to be.
    pub fn from_config(resolved: &Value) -> Result<Entry, Problem> {
        let re_entry = match resolved.get("re_entry") {
            None | Some(Value::Null) => ReEntry::Always,
            Some(value) => match value.as_str().map(str::trim) {
                Some("" | "always") => ReEntry::Always,
                Some("after_finish") => ReEntry::AfterFinish,
                Some("never") => ReEntry::Never,
                _ => return Err(refused("re_entry", "always, after_finish or never")),
            },
        };
        let debounce = seconds(resolved, "debounce_seconds", "a number of seconds from 0 on")?.flatten();
        Ok(Entry { re_entry, debounce })
    }
}

fn refused(key: &str, what: &str) -> Problem {
    Problem::error("wrong_option", None, format!("`{key}` must be {what}"))
}

fn whole(of: &Value, key: &str, least: i64, most: i64) -> Result<Option<i64>, Problem> {
    match of.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(refused(key, &format!("a whole number from {least} to {most}"))),
        },
    }
}

/// The inner one is none for zero.
fn seconds(of: &Value, key: &str, what: &str) -> Result<Option<Option<Duration>>, Problem> {
    match of.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(0.0) => Ok(Some(None)),
            Some(number) if number > 0.0 && number <= LONGEST_SECONDS => {
                Ok(Some(Some(Duration::from_secs_f64(number))))
            }
            _ => Err(refused(key, what)),
        },
    }
}
