//! Regular expressions with a price: the engine is linear in the text, but the factor is up to the size of the
//! compiled pattern, and a short pattern may compile into a large one.

use regex::{Regex, RegexBuilder};

use crate::template::budget::{Budget, Trouble};

/// The longest pattern, in bytes.
const MAX_BYTES: usize = 1_000;

/// The size of a compiled pattern, in bytes: `^[\w.+-]+@[\w-]+\.[\w.-]+$` with its Unicode classes takes half.
const LARGE: usize = 256 << 10;

/// Patterns up to this size cost less.
const SMALL: usize = 64 << 10;

/// What the lazy automaton of one pattern may cache, in bytes.
const CACHE: usize = 256 << 10;

/// Groups in one another.
const NESTING: u32 = 50;

/// Work to compile a pattern while running: the worst that passes the limits takes 2.5 ms.
const COMPILING: usize = 50_000;

/// A compiled pattern and what it costs for each byte of text.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
    price: usize,
}

impl Pattern {
    /// Compiles a pattern within the limits.
    pub(super) fn compile(pattern: &str) -> Result<Pattern, String> {
        if pattern.len() > MAX_BYTES {
            return Err(format!(
                "the pattern is {} bytes long; at most {MAX_BYTES} are allowed",
                pattern.len()
            ));
        }
        // In units of work for a byte. Measured in the worst case 5 and 23 microseconds a byte for the two sizes;
        // without counted repetition no more states are alive than the pattern has characters.
        let (regex, price) = match build(pattern, SMALL) {
            Ok(regex) => (regex, 100),
            Err(regex::Error::CompiledTooBig(_)) => (build(pattern, LARGE).map_err(refusal)?, 460),
            Err(error) => return Err(refusal(error)),
        };
        let price = if pattern.contains('{') {
            price
        } else {
            price.min(1 + pattern.len() / 3)
        };
        Ok(Pattern { regex, price })
    }

    /// Compiles a pattern that is known only now, and pays for that.
    pub(super) fn compile_paid(pattern: &str, budget: &Budget) -> Result<Pattern, Trouble> {
        budget.work(COMPILING)?;
        Pattern::compile(pattern).map_err(Trouble::Evaluate)
    }

    /// Whether the pattern is somewhere in the text.
    pub(super) fn is_in(&self, text: &str, budget: &Budget) -> Result<bool, Trouble> {
        budget.work(text.len().saturating_mul(self.price).saturating_add(100))?;
        Ok(self.regex.is_match(text))
    }
}

fn build(pattern: &str, size: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .size_limit(size)
        .dfa_size_limit(CACHE)
        .nest_limit(NESTING)
        .build()
}

fn refusal(error: regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large; repeat less in it".to_owned(),
        // The whole message draws the pattern; its last line says what is wrong.
        error => {
            let message = error.to_string();
            let last = message
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            format!(
                "the pattern cannot be read: {}",
                last.chars().take(200).collect::<String>()
            )
        }
    }
}
