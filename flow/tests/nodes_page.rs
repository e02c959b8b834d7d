//! `docs/nodes.md` and the JSON Schemas come from the catalogue.

use std::path::Path;

use flow::catalogue::{node_types, page};

#[test]
fn the_page_of_nodes_is_written_from_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/nodes.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page(),
        "docs/nodes.md is old: UPDATE_DOCS=1 cargo test -p flow --test nodes_page"
    );
}

#[test]
fn the_catalogue_holds_every_type_once_with_defaults_that_are_json() {
    let names: Vec<&str> = node_types().map(|kind| kind.name).collect();
    assert_eq!(names.len(), 31);
    for kind in node_types() {
        assert_eq!(
            names.iter().filter(|name| **name == kind.name).count(),
            1,
            "{}",
            kind.name
        );
        for field in kind.fields {
            let parses = serde_json::from_str::<serde_json::Value>(field.default).is_ok();
            assert!(field.default.is_empty() || parses, "{} {}", kind.name, field.name);
        }
        let schema = kind.schema();
        assert_eq!(schema["title"], kind.name);
        assert_eq!(schema["properties"].as_object().unwrap().len(), kind.fields.len());
    }
}
