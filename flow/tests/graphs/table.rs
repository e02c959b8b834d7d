//! The table of graphs, one file each as an editor saves it: what the check says of it, and the path that it takes,
//! walked by the real thing and by the slow reference. `tests/tests/end_to_end/graph_table.rs` runs the same files
//! with a daemon. `docs/graphs.md` says what a file holds.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use flow::{Limits, Plan, check};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    build::Drawn,
    entry::Entry,
    random::Dice,
    slow,
    walk::{self, Says, Step, Walked, Where},
};

#[derive(Deserialize)]
struct Row {
    name: String,
    rule: String,
    trigger_type: String,
    #[serde(flatten)]
    drawn: Drawn,
    #[serde(default)]
    world: World,
    expected: Expected,
}

#[derive(Deserialize, Default)]
struct World {
    /// How long the lists of loops are: by node, or by node and place.
    #[serde(default)]
    items: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Expected {
    #[serde(default)]
    status: String,
    #[serde(default)]
    path: Vec<Entry>,
    error_node_id: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    refused: Option<Vec<String>>,
}

fn rows() -> Vec<(String, Row)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graphs/table");
    let mut files: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        // Automations that are saved beside it have their ids only there.
        let text = replace_children(&text);
        let row = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, row)
    };
    files.iter().map(read).collect()
}

fn replace_children(text: &str) -> String {
    let mut parts = text.split("\"child:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        let (_, after) = part.split_once('"').unwrap();
        format!("{before}\"{}\"{after}", uuid::Uuid::max())
    })
}

impl Row {
    fn findings(&self, drawn: &Drawn) -> (Vec<String>, Vec<String>) {
        let found = check(
            &drawn.nodes(),
            &drawn.edges(),
            Some(&self.trigger_type),
            &Limits::default(),
        );
        let line = |problem: &flow::Problem| {
            let at = problem.node_id.as_deref().unwrap_or("-");
            (problem.is_error(), format!("{} {at}", problem.code))
        };
        let (errors, warnings): (Vec<_>, Vec<_>) = found.iter().map(line).partition(|(error, _)| *error);
        let text = |list: Vec<(bool, String)>| list.into_iter().map(|(_, text)| text).collect();
        (text(errors), text(warnings))
    }

    /// As the reference wants it: the start is the manual trigger, and the only trigger.
    fn for_the_reference(&self, start: &str) -> Drawn {
        let mut drawn = self.drawn.clone();
        for node in &mut drawn.nodes {
            if node["type"]
                .as_str()
                .is_some_and(|name| name.starts_with("trigger-"))
            {
                node["type"] = if node["id"] == start {
                    "trigger-manual"
                } else {
                    "trigger-webhook"
                }
                .into();
            }
        }
        drawn
    }

    fn is_loop(&self, id: &str) -> bool {
        let that = |node: &&Value| {
            node["id"] == id && node["type"] == "logic-loop" && node["data"]["disabled"] != true
        };
        self.drawn.nodes.iter().any(|node| that(&node))
    }

    /// How many items a run of a loop has.
    fn items(&self, node: &str, place: &Where) -> u64 {
        let around: Vec<String> = place
            .iter()
            .map(|(id, run, item)| match run {
                1 => format!("{id}:{item}"),
                _ => format!("{id}#{run}:{item}"),
            })
            .collect();
        let exact = self.world.items.get(&format!("{node}@{}", around.join("/")));
        *exact
            .or(self.world.items.get(node))
            .unwrap_or_else(|| panic!("how many items has {node} at {around:?}?"))
    }

    /// Walks the path that is expected, by whatever walks: what it says is done, in its order.
    fn follow(&self, walk: impl FnOnce(walk::Decide, walk::Pick) -> Walked) -> Walked {
        let steps = steps(&self.expected.path);
        let entry_of: BTreeMap<&Step, &Entry> = steps.iter().zip(&self.expected.path).collect();
        let fails = |step: &Step| entry_of.get(step).is_some_and(|entry| entry.failed);
        let opens = |step: &Step| self.is_loop(&step.0) && !fails(step);
        let decide = |node: &str, place: &Where, run: u32| {
            let step = (node.to_owned(), canonical(place), run);
            match entry_of.get(&step) {
                Some(entry) if entry.failed => Says::Error,
                _ if self.is_loop(node) => Says::Items(self.items(node, place)),
                Some(Entry {
                    handle: Some(handle), ..
                }) => Says::Handles(vec![handle.clone()]),
                _ => Says::Nothing,
            }
        };
        let mut next = steps.iter().filter(|step| !opens(step));
        let mut pick = |running: &[Step]| {
            running.iter().position(opens).unwrap_or_else(|| {
                let wanted = next
                    .next()
                    .unwrap_or_else(|| panic!("{running:?} run beyond the path"));
                let at = running.iter().position(|step| step == wanted);
                at.unwrap_or_else(|| panic!("{wanted:?} does not run, but {running:?}"))
            })
        };
        walk(&decide, &mut pick)
    }
}

fn canonical(place: &Where) -> String {
    serde_json::to_string(place).unwrap()
}

/// What ran, with the runs counted: a node runs once at a time in its place.
fn steps(path: &[Entry]) -> Vec<Step> {
    let mut runs: BTreeMap<(&str, String), u32> = BTreeMap::new();
    let step = |entry: &'_ Entry| {
        let place = canonical(&entry.place);
        (entry.node.clone(), place)
    };
    path.iter()
        .map(|entry| {
            let (node, place) = step(entry);
            let run = runs.entry((&entry.node, place.clone())).or_default();
            *run += 1;
            (node, place, *run)
        })
        .collect()
}

#[test]
fn the_table_has_every_rule_and_each_graph_a_name_of_its_own() {
    let rows = rows();
    let names: std::collections::BTreeSet<&str> = rows.iter().map(|(_, row)| row.name.as_str()).collect();
    assert!(rows.len() >= 100 && names.len() == rows.len(), "{}", rows.len());
    assert!(names.iter().all(|name| name.len() > 20 && name.contains(' ')));
    for rule in 1..=16 {
        let has = rows.iter().any(|(_, row)| row.rule == rule.to_string());
        assert!(
            has || rule == 15,
            "rule {rule}; the fifteenth is shown by shuffling all of them"
        );
    }
    let nodes: std::collections::BTreeSet<usize> =
        rows.iter().map(|(_, row)| row.drawn.nodes.len()).collect();
    assert!(nodes.contains(&12) && nodes.contains(&65), "{nodes:?}");
}

#[test]
fn each_graph_is_found_as_its_row_says() {
    for (file, row) in rows() {
        let (errors, warnings) = row.findings(&row.drawn);
        let refused: Vec<String> = row.expected.refused.clone().unwrap_or_default();
        let refused: Vec<&str> = refused
            .iter()
            .map(|line| line.trim_start_matches("error "))
            .collect();
        assert_eq!(errors, refused, "{file}");
        assert_eq!(warnings, row.expected.warnings, "{file}");
    }
}

#[test]
fn each_graph_takes_the_path_of_its_row_in_the_real_thing_and_in_the_slow_reference() {
    let mut wrong = Vec::new();
    for (file, row) in rows()
        .into_iter()
        .filter(|(_, row)| row.expected.refused.is_none())
    {
        // All of them are told, each after what its panic has said.
        if std::panic::catch_unwind(|| takes_its_path(&row)).is_err() {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn takes_its_path(row: &Row) {
    let compile = |drawn: &Drawn| {
        let (nodes, edges) = (drawn.nodes(), drawn.edges());
        let plan = Plan::compile(&nodes, &edges, "manual", &row.trigger_type, &Limits::default());
        Arc::new(plan.unwrap_or_else(|problems| panic!("refused: {problems:?}")))
    };
    let fast = |plan| row.follow(|decide, pick| walk::record(&plan, decide, pick, 500).0);
    let plan = compile(&row.drawn);
    let walked = fast(plan.clone());
    assert_eq!(walked.order, steps(&row.expected.path));
    assert_eq!(walked.status, row.expected.status);
    assert_eq!(walked.error_node, row.expected.error_node_id);
    let (mut dice, mut shuffled) = (Dice::new(7), row.drawn.clone());
    dice.shuffle(&mut shuffled.nodes);
    dice.shuffle(&mut shuffled.edges);
    assert_eq!(fast(compile(&shuffled)), walked, "in another order of the JSON");
    let reference = row.for_the_reference(&plan.start().id);
    let slow = row.follow(|decide, pick| slow::run(&reference, decide, pick, 500));
    assert_eq!(slow, walked, "the reference");
}
