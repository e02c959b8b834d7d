//! The settings of each node against the catalogue.

use serde_json::{Map, Value};

use crate::problem::Problem;

/// What any node may carry in its `data`.
pub(crate) fn of_any_node(id: &str, data: &Map<String, Value>, problems: &mut Vec<Problem>) {
    let _ = (id, data, problems);
}

/// What a node's type asks of its configuration.
pub(super) fn of_type(node: &crate::Node, problems: &mut Vec<Problem>) {
    let _ = (node, problems);
}
