//! Why a version of an automation cannot run, in one sentence.

use flow::{Problem, Severity};

/// Why a version cannot run: `invalid_graph`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// A sentence with the node's id.
    pub message: String,
    /// The node, where it is one node's fault.
    pub node_id: Option<String>,
}

/// The first error, and how many more there are.
pub(super) fn invalid(problems: Vec<Problem>) -> Invalid {
    let errors: Vec<_> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .collect();
    let Some(first) = errors.first() else {
        return Invalid {
            message: "the graph cannot run".to_owned(),
            node_id: None,
        };
    };
    let at = first
        .node_id
        .as_deref()
        .map(|id| format!("node {id}: "))
        .unwrap_or_default();
    let more = match errors.len() {
        1 => String::new(),
        many => format!(" (and {} more)", many - 1),
    };
    Invalid {
        message: format!("{at}{}{more}", first.message),
        node_id: first.node_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_graph_names_its_node_and_counts_the_rest() {
        let problem = |node: &str| Problem {
            severity: Severity::Error,
            code: "unknown_type",
            node_id: Some(node.to_owned()),
            message: "There is no such type.".to_owned(),
        };
        let invalid = invalid(vec![problem("a"), problem("b")]);
        assert_eq!(invalid.message, "node a: There is no such type. (and 1 more)");
        assert_eq!(invalid.node_id.as_deref(), Some("a"));
    }
}
