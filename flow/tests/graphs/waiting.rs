//! What the check says about nodes that wait, repeat, or start something else.

use serde_json::{Value, json};

use crate::{
    build::graph,
    forms::{alone, of},
};

#[test]
fn waits_loops_and_other_automations_are_checked_before_they_run() {
    let ok = |kind: &str, config: Value| {
        assert_eq!(alone(kind, config.clone()), [] as [&str; 0], "{kind} {config}")
    };
    let wrong = |kind: &str, config: Value, code: &str| {
        assert_eq!(
            alone(kind, config.clone()),
            [format!("error {code} x")],
            "{kind} {config}"
        );
    };
    let each = |more: Value| {
        let mut config = json!({"arrayExpression": "trigger.list"});
        let object = config.as_object_mut().unwrap();
        object.extend(more.as_object().unwrap().clone());
        config
    };
    ok(
        "logic-loop",
        each(json!({"itemVariable": "row_1", "indexVariable": "", "maxIterations": 100_000})),
    );
    ok(
        "logic-loop",
        json!({"arrayExpression": [1, {"a": "{{ lead.name }}"}], "concurrency": 100}),
    );
    ok("logic-loop", each(json!({"continueOnError": null})));
    wrong("logic-loop", json!({}), "missing_setting");
    wrong("logic-loop", json!({"arrayExpression": " "}), "missing_setting");
    wrong(
        "logic-loop",
        json!({"arrayExpression": {"a": 1}}),
        "wrong_setting",
    );
    for bad in [
        json!({"maxIterations": 0}),
        json!({"maxIterations": 100_001}),
        json!({"maxIterations": "10"}),
        json!({"concurrency": 1.5}),
        json!({"concurrency": 101}),
        json!({"continueOnError": "yes"}),
        json!({"itemVariable": "a.b"}),
        json!({"indexVariable": "1st"}),
        json!({"itemVariable": "{{ vars.name }}"}),
        json!({"itemVariable": 7}),
    ] {
        wrong("logic-loop", each(bad), "wrong_setting");
    }
    let named = each(json!({"itemVariable": "lead"}));
    assert_eq!(alone("logic-loop", named), ["warning taken_name x"]);
    ok(
        "logic-sub-automation",
        json!({"automationId": "01890A5D-ac96-774b-bcce-b302099a8057"}),
    );
    ok(
        "logic-sub-automation",
        json!({"automationId": "{{ vars.next }}", "input": {"a": "{{ input }}"}, "wait": false}),
    );
    wrong(
        "logic-sub-automation",
        json!({"automationId": "welcome mail"}),
        "wrong_setting",
    );
    wrong(
        "logic-sub-automation",
        json!({"automationId": 7}),
        "wrong_setting",
    );
    wrong(
        "logic-sub-automation",
        json!({"automationId": ""}),
        "missing_setting",
    );
    wrong(
        "logic-sub-automation",
        json!({"automationId": "{{ a", "wait": true}),
        "bad_template",
    );

    ok("logic-wait", json!({"for": "resume"}));
    ok(
        "logic-wait",
        json!({"for": "resume", "timeout": "{{ vars.days }}", "unit": "days", "event": null}),
    );
    ok(
        "logic-wait",
        json!({"for": "event", "event": "paid", "match": {"order": {"id": "{{ lead.id }}"}}}),
    );
    ok(
        "logic-wait",
        json!({"for": "event", "event": "paid", "match": "{{ vars.wanted }}"}),
    );
    ok(
        "logic-wait",
        json!({"for": "event", "event": "paid", "match": {"expression": "payload.total > 5"}}),
    );
    let rule = |value: Value| {
        json!({"for": "event", "event": "paid", "match": {"logic": "or", "rules": [
        {"field": "payload.id", "operator": "equals", "value": value}]}})
    };
    ok("logic-wait", rule("{{ lead.id }}".into()));
    assert_eq!(
        alone("logic-wait", rule("{{ lead.id".into())),
        ["error bad_condition x", "error bad_template x"]
    );
    wrong("logic-wait", json!({}), "missing_setting");
    wrong("logic-wait", json!({"for": "event"}), "missing_setting");
    wrong("logic-wait", json!({"for": "rain"}), "wrong_setting");
    wrong(
        "logic-wait",
        json!({"for": "resume", "timeout": -1}),
        "wrong_setting",
    );
    wrong(
        "logic-wait",
        json!({"for": "resume", "timeout": 1, "unit": "weeks"}),
        "wrong_setting",
    );
    for bad in [json!("paid"), json!(["a"]), json!(5)] {
        wrong(
            "logic-wait",
            json!({"for": "event", "event": "paid", "match": bad}),
            "wrong_setting",
        );
    }
    for bad in [
        json!({"rules": []}),
        json!({"expression": "payload."}),
        json!({"expression": "{{ payload.a }}"}),
        json!({"rules": [{"field": "a", "operator": "is", "value": 1}]}),
    ] {
        wrong(
            "logic-wait",
            json!({"for": "event", "event": "paid", "match": bad}),
            "bad_condition",
        );
    }

    ok("logic-approval", json!({}));
    ok(
        "logic-approval",
        json!({"message": "Send to {{ lead.name }}?", "timeout": 2, "unit": "days"}),
    );
    wrong("logic-approval", json!({"timeout": "soon"}), "wrong_setting");
    wrong("logic-approval", json!({"message": ["a"]}), "wrong_setting");
    ok("logic-delay", json!({"until": "2020-01-31 09:00"}));
    ok(
        "logic-delay",
        json!({"until": "{{ lead.call_at }}", "duration": null}),
    );
    ok(
        "logic-delay",
        json!({"until": "", "duration": "2", "unit": "days"}),
    );
    wrong("logic-delay", json!({"until": "tomorrow"}), "wrong_setting");
    wrong("logic-delay", json!({"until": 1_700_000_000}), "wrong_setting");
    wrong(
        "logic-delay",
        json!({"until": "", "duration": ""}),
        "missing_setting",
    );
    wrong("logic-stop", json!({"status": "gone"}), "wrong_setting");
    wrong("logic-merge", json!({"mode": "some"}), "wrong_setting");
}

#[test]
fn a_break_needs_a_loop_around_it_and_done_is_not_inside() {
    assert_eq!(
        of(&graph("l:loop; a; k:break", "t>l l.loop>a l.done>k")),
        ["error break_outside_loop k"]
    );
    assert_eq!(
        of(&graph("l:loop; m:loop; k:break", "t>l l.loop>m m.done>k")),
        [] as [&str; 0]
    );
    let back = graph("l:loop; m:loop; b; k:break", "t>l l.loop>m m.loop>b>l l.done>k");
    assert_eq!(
        of(&back),
        ["error break_outside_loop k"],
        "behind a loop, though its body leads back to it"
    );
    let lost = of(&graph("a; k:break", "t>a"));
    assert_eq!(lost, ["warning unreachable k"], "what never runs breaks nothing");
}
