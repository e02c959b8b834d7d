//! The files of the table.

use std::path::Path;

use serde_json::Value;
use uuid::Uuid;

use super::world::World;

/// One graph with what the world does and what is expected. Absent parts are null.
pub struct Row {
    /// Its file's name without the ending.
    pub file: String,
    pub name: String,
    pub trigger_type: String,
    pub trigger: Value,
    pub nodes: Value,
    pub edges: Value,
    pub world: Value,
    pub expected: Value,
}

/// All of them, by file; with `GRAPHS=34` in the environment those whose file begins so.
pub fn all() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../flow/tests/graphs/table");
    let mut files: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let rows: Vec<Row> = files.iter().map(|path| Row::read(path)).collect();
    assert!(rows.len() >= 100, "only {}", rows.len());
    let wanted = std::env::var("GRAPHS").unwrap_or_default();
    rows.into_iter()
        .filter(|row| row.file.starts_with(&wanted))
        .collect()
}

impl Row {
    fn read(path: &Path) -> Row {
        let mut row: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut take = |key: &str| row[key].take();
        Row {
            file: path.file_stem().unwrap().to_string_lossy().into_owned(),
            name: take("name").as_str().unwrap().to_owned(),
            trigger_type: take("trigger_type").as_str().unwrap().to_owned(),
            trigger: take("trigger"),
            nodes: take("nodes"),
            edges: take("edges"),
            world: take("world"),
            expected: take("expected"),
        }
    }

    /// What is drawn, with the addresses and ids of this test in it.
    pub fn here(&self, drawn: &Value, children: &[(String, Uuid)], world: &World) -> Value {
        let url = world.receiver().url(&format!("/{}", self.file));
        let mut text = drawn.to_string().replace("http://world.example", &url);
        for (name, id) in children {
            text = text.replace(&format!("\"child:{name}\""), &format!("\"{id}\""));
        }
        serde_json::from_str(&text).unwrap()
    }
}
