//! What is wrong with a graph, in a form that the editor can show at the node.

use serde::Serialize;

/// Whether a graph with this problem can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot: an active automation with it is refused.
    Error,
    /// It can, but perhaps not as it was meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One finding of [`check`](crate::check()). Ordered: errors first, then by node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Problem {
    /// Whether the graph can run all the same.
    pub severity: Severity,
    /// The node that it is about; none for the graph as a whole.
    pub node_id: Option<String>,
    /// A fixed word for programs, such as `edge_to_nowhere`.
    pub code: &'static str,
    /// A sentence for people: what is wrong and what to do about it.
    pub message: String,
}

impl Problem {
    /// An error at a node, or at the graph as a whole.
    pub fn error<'a>(
        code: &'static str,
        node: impl Into<Option<&'a str>>,
        message: impl Into<String>,
    ) -> Problem {
        Problem::new(Severity::Error, code, node.into(), message.into())
    }

    /// A warning at a node, or at the graph as a whole.
    pub fn warning<'a>(
        code: &'static str,
        node: impl Into<Option<&'a str>>,
        message: impl Into<String>,
    ) -> Problem {
        Problem::new(Severity::Warning, code, node.into(), message.into())
    }

    fn new(severity: Severity, code: &'static str, node: Option<&str>, message: String) -> Problem {
        // An id may be as long as the graph: what is shown of it is cut.
        let node_id = node.map(|id| id.chars().take(crate::limits::ID_CHARACTERS).collect());
        Problem {
            severity,
            code,
            node_id,
            message,
        }
    }

    /// Whether the graph cannot run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.severity.as_str(), self.code)?;
        if let Some(id) = &self.node_id {
            write!(f, " at node {id:?}")?;
        }
        write!(f, ": {}", self.message)
    }
}
