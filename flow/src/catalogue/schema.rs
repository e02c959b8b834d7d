//! JSON Schemas, made from the catalogue.
use super::*;
pub(super) fn of(kind: &NodeType) -> Value {
    serde_json::json!({"title": kind.name})
}
