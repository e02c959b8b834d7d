//! Why a template is refused or ends: always the line and what to do, never a value (it could be a secret).

use thiserror::Error;

/// A template that cannot be used, or whose evaluation ended early. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// The source is longer than the limit, in bytes.
    #[error("the template is {bytes} bytes long; at most {limit} are allowed")]
    TooLong {
        /// Length of the source in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A tag holds more operators, filters and path segments than the parser can take.
    #[error("line {line}: more than {limit} operators, filters or path segments in one tag; split it up")]
    TooManyLinks {
        /// Line of the link that was too many.
        line: usize,
        /// The limit.
        limit: usize,
    },
    /// Parentheses, brackets, inline ifs or blocks are nested too deeply.
    #[error("line {line}: nested more than {limit} deep; simplify it")]
    TooDeep {
        /// Line of the opening that was too many.
        line: usize,
        /// The limit.
        limit: usize,
    },
    /// Not the language: an unclosed tag, a missing operand ...
    #[error("line {line}: {message}")]
    Syntax {
        /// Where it was noticed.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// Something that other template engines know and this one leaves out, or an unknown filter or test.
    #[error("line {line}: {message}")]
    Unsupported {
        /// Where it stands.
        line: usize,
        /// What is not supported, and what to write instead.
        message: String,
    },
    /// A value has the wrong kind for what is done with it, a division by zero, a number out of range.
    #[error("line {line}: {message}")]
    Evaluate {
        /// The line of the tag.
        line: usize,
        /// What is wrong, without the value.
        message: String,
    },
    /// The evaluation cost more than is allowed and was ended.
    #[error("line {line}: the template {message}")]
    Budget {
        /// The line of the tag that was being evaluated.
        line: usize,
        /// Which limit was passed.
        message: &'static str,
    },
    /// An error in a field of a configuration, with the way to the field (`headers.Authorization`).
    #[error("{field}: {source}")]
    Field {
        /// The way to the field.
        field: String,
        /// What is wrong there.
        source: Box<TemplateError>,
    },
}
