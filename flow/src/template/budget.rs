//! What one evaluation may cost, in work and in bytes. Everything that an evaluation does is paid for before it
//! is done, so the bounds hold whatever the template and its values are.

use std::cell::{Cell, RefCell};

use super::error::TemplateError;

/// Units of work: one step of the evaluator, or 16 bytes looked at. A unit takes 10 to 50 ns in a release build,
/// so the whole stays below 100 ms.
const WORK: u64 = 1_000_000;

/// Bytes made, live or not. Growing text is charged twice its length, because a string that grows holds its old
/// and its new memory (up to three times its length at the peak): so the peak stays below 24 MB.
const BYTES: usize = 16 << 20;

/// Warnings that one evaluation keeps; the rest would say the same.
const WARNINGS: usize = 20;

/// Characters of a path that a warning shows.
const PATH_CHARACTERS: usize = 200;

/// How deep values may be nested that are copied, compared or written. JSON from text stops at 128.
pub(crate) const VALUE_DEPTH: usize = 128;

/// Why an evaluation ended, before the line is known.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Too much was asked for.
    Budget(&'static str),
    /// It has no meaning.
    Evaluate(String),
}

impl Trouble {
    /// An operation without a meaning.
    pub(crate) fn new(message: impl Into<String>) -> Trouble {
        Trouble::Evaluate(message.into())
    }

    /// Says where it happened.
    pub(crate) fn at(self, line: u16) -> TemplateError {
        let line = usize::from(line);
        match self {
            Trouble::Budget(message) => TemplateError::Budget { line, message },
            Trouble::Evaluate(message) => TemplateError::Evaluate { line, message },
        }
    }
}

/// The budget of one evaluation; several templates may share one.
#[derive(Debug)]
pub(crate) struct Budget {
    work: Cell<u64>,
    bytes: Cell<usize>,
    warnings: RefCell<Vec<String>>,
}

impl Budget {
    pub(crate) fn new() -> Budget {
        Budget {
            work: Cell::new(WORK),
            bytes: Cell::new(BYTES),
            warnings: RefCell::new(Vec::new()),
        }
    }

    /// Pays for `units` of work.
    pub(crate) fn work(&self, units: usize) -> Result<(), Trouble> {
        match self.work.get().checked_sub(units as u64) {
            Some(left) => {
                self.work.set(left);
                Ok(())
            }
            None => {
                self.work.set(0);
                Err(Trouble::Budget(
                    "does too much; work on fewer items or do it in several steps",
                ))
            }
        }
    }

    /// Pays for looking at `bytes` bytes.
    pub(crate) fn look(&self, bytes: usize) -> Result<(), Trouble> {
        self.work(bytes / 16 + 1)
    }

    /// Pays for memory of a known size.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), Trouble> {
        self.look(bytes)?;
        match self.bytes.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes.set(left);
                Ok(())
            }
            None => {
                self.bytes.set(0);
                Err(Trouble::Budget(
                    "makes too much text or too large values; take only the parts that are needed",
                ))
            }
        }
    }

    /// Appends text that is paid for.
    pub(crate) fn push(&self, out: &mut String, text: &str) -> Result<(), Trouble> {
        self.hold(text.len().saturating_mul(2))?;
        out.push_str(text);
        Ok(())
    }

    /// Notes that a name or a part of a path was missing.
    pub(crate) fn missing(&self, path: &str) {
        let path: String = path.chars().take(PATH_CHARACTERS).collect();
        self.warn(format!("{path} is missing"));
    }

    /// Notes a sentence for people, once.
    pub(crate) fn warn(&self, warning: String) {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < WARNINGS && !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// How many warnings there are so far.
    pub(crate) fn noted(&self) -> usize {
        self.warnings.borrow().len()
    }

    /// Forgets the warnings after that many.
    pub(crate) fn forget(&self, noted: usize) {
        self.warnings.borrow_mut().truncate(noted);
    }

    /// What was noted.
    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }
}
