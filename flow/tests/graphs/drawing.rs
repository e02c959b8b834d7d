//! React Flow as it is really saved: groups, notes, and what editors keep on nodes and edges.

use flow::{Limits, Plan};
use serde_json::{Value, json};

use crate::{build::node, forms::findings};

#[test]
fn what_editors_keep_beside_a_graph_changes_nothing() {
    let plain = json!([
        node("t", "trigger-manual", json!({})),
        node("c", "logic-condition", json!({})),
        node("a", "transform-set-variable", json!({})),
        node("b", "logic-merge", json!({})),
    ]);
    let edges = json!([
        {"source": "t", "target": "c"}, {"source": "c", "sourceHandle": "true", "target": "a"},
        {"source": "a", "target": "b"}, {"source": "c", "sourceHandle": "false", "target": "b"},
    ]);
    let mut saved = plain.clone();
    for node in saved.as_array_mut().unwrap() {
        let extra = json!({"measured": {"width": 220, "height": 84}, "width": 220, "height": 84, "selected": true,
            "dragging": false, "hidden": true, "parentId": "lane", "extent": "parent", "zIndex": 2, "draggable": false,
            "positionAbsolute": {"x": 12.5, "y": -4}, "sourcePosition": "right", "targetPosition": "left",
            "className": "node", "style": {"opacity": 0.4}, "deletable": true, "origin": [0.5, 0], "ariaLabel": null,
            "handles": [{"id": "x", "type": "source", "position": "right"}], "resizing": false});
        node.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
    }
    let drawing = [
        json!({"id": "lane", "type": "group", "data": {"label": "Sales"}, "style": {"width": 900, "height": 300}}),
        json!({"id": "n1", "type": "stickyNote", "data": {"text": "{{ not a template"}, "parentId": "lane"}),
        json!({"id": "n2", "type": "annotation-node", "data": null}),
        json!({"id": "n3", "type": "comment"}),
        json!({"id": "n4", "type": "labeledGroup", "data": "text"}),
        json!({"id": "n5", "type": "shape", "position": {"x": 0, "y": 0}}),
        json!({"id": "n6"}),
        json!({"id": "n7", "type": null, "data": {"config": 7, "disabled": "no"}}),
    ];
    saved.as_array_mut().unwrap().extend(drawing);
    let mut drawn = edges.clone();
    for edge in drawn.as_array_mut().unwrap() {
        let extra = json!({"id": "reactflow__edge-1", "targetHandle": null, "type": "smoothstep", "animated": true,
            "label": "then", "labelStyle": {"fill": "#fff"}, "labelBgPadding": [8, 4], "markerEnd": {"type": "arrowclosed"},
            "markerStart": "url(#dot)", "style": {"stroke": "#888"}, "selected": false, "hidden": true, "data": {},
            "reconnectable": "target", "interactionWidth": 20, "pathOptions": {"offset": 5}, "zIndex": 1});
        edge.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
    }
    drawn.as_array_mut().unwrap().extend([
        json!({"source": "lane", "target": "a", "sourceHandle": null}),
        json!({"source": "a", "target": "n1", "sourceHandle": "true"}),
        json!({"source": "n1", "target": "n2"}),
        json!({"source": "n3", "target": "t"}),
        json!({"source": "n5", "target": "n1"}),
        json!({"source": "t", "target": "c", "sourceHandle": null}),
    ]);
    assert_eq!(findings(&saved, &drawn), [] as [&str; 0]);
    let ids = |nodes: &Value, edges: &Value| {
        let plan = Plan::compile(nodes, edges, "manual", "manual", &Limits::default()).unwrap();
        plan.nodes().map(|node| node.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&saved, &drawn), ids(&plain, &edges));
    let with = |extra: Value| {
        let mut nodes = saved.clone();
        nodes.as_array_mut().unwrap().push(extra);
        findings(&nodes, &drawn)
    };
    assert_eq!(
        with(json!({"id": "z", "type": "customWidget"})),
        [] as [&str; 0],
        "unconnected, it is drawing"
    );
    assert_eq!(
        with(json!({"id": "z", "type": "action-magic"})),
        ["error unknown_type z"]
    );
    drawn
        .as_array_mut()
        .unwrap()
        .push(json!({"source": "a", "target": "n5"}));
    assert_eq!(
        findings(&saved, &drawn),
        ["error unknown_type n5"],
        "an unknown type that is meant to run"
    );
}
