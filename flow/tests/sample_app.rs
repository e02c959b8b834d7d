//! The automations of the sample application, as they stand in its SQL, pass the check without a finding.

use flow::{Limits, Plan, check};
use serde_json::Value;

const SEEDS: [&str; 3] = [
    include_str!("../../sql/sample_app/91_seed_new_lead.sql"),
    include_str!("../../sql/sample_app/92_seed_quiet_conversation.sql"),
    include_str!("../../sql/sample_app/93_seed_routed_lead.sql"),
];

#[test]
fn the_graphs_of_the_sample_application_are_accepted() {
    for seed in SEEDS {
        let graph: Vec<Value> = seed
            .split("$json$")
            .skip(1)
            .step_by(2)
            .map(|json| serde_json::from_str(json).unwrap())
            .collect();
        assert_eq!(graph.len(), 2, "nodes and edges");
        let found = check(&graph[0], &graph[1], Some("event"), &Limits::default());
        assert!(found.is_empty(), "{found:#?}");
        assert!(Plan::compile(&graph[0], &graph[1], "manual", "event", &Limits::default()).is_ok());
    }
}
