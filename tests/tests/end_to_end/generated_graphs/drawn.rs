//! A random graph as one that the engine can run: what its nodes choose follows from data.

use serde_json::{Value, json};

use crate::build::Drawn;
use crate::random::{Dice, Shape, hash, random};

/// The budget of steps, in the engine and in the reference.
pub const BUDGET: u64 = 150;

/// The graph of a seed; `None` where the check refuses it.
pub fn graph(seed: u64, url: &str) -> Option<Drawn> {
    let shape = Shape {
        cyclic: !seed.is_multiple_of(5),
        loops: !seed.is_multiple_of(3),
        merges: seed.is_multiple_of(2),
        odd: seed % 7 < 4,
    };
    let mut drawn = random(&mut Dice::new(seed), shape);
    for node in &mut drawn.nodes {
        configure(node, seed, url);
    }
    let limits = flow::Limits::default();
    let refused = flow::check(&drawn.nodes(), &drawn.edges(), Some("manual"), &limits);
    (!refused.iter().any(flow::Problem::is_error)).then_some(drawn)
}

fn configure(node: &mut Value, seed: u64, url: &str) {
    let id = node["id"].as_str().unwrap_or_default().to_owned();
    let chance = hash(&format!("{seed} {id}")) >> 16;
    let kind = node["type"].as_str().unwrap_or_default().to_owned();
    let config = &mut node["data"]["config"];
    match kind.as_str() {
        // the other way each time, so that no cycle goes round for ever
        "logic-condition" => {
            let first = if chance.is_multiple_of(2) { "!=" } else { "==" };
            config["expression"] = json!(format!(
                "(nodes['{id}'].output.result | default(false)) {first} true"
            ));
        }
        "logic-loop" => {
            let items: Vec<u64> = (0..chance % 4).collect();
            config["arrayExpression"] = json!(json!(items).to_string());
        }
        "action-http" => {
            config["url"] = json!(format!("{url}/{seed}/{id}"));
            config["method"] = json!("POST");
        }
        "transform-set-variable" => {
            config["variables"] =
                json!([{"name": id, "value": "{{ (vars.".to_owned() + &id + " | default(0)) + 1 }}"}]);
        }
        _ => {}
    }
}
