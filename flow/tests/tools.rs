//! Tools: what is taken as a schema, what is not, and what the clients of each format get.

use flow::schema::{self, Schema};
use flow::trigger::tool::{self, Format, Tool};
use serde_json::{Value, json};

fn refused(schema: &Value) -> String {
    let error = Schema::compile(schema).err();
    error.map_or_else(|| "taken".to_owned(), |error| error.to_string())
}

fn config(parameters: Value) -> Value {
    json!({ "tool_name": "look_up", "tool_description": "Looks it up.", "parameters": parameters })
}

#[test]
fn a_list_of_parameters_is_a_closed_object() {
    let tool = Tool::from_config(&config(json!([
        { "name": "city", "type": "string", "description": "where", "required": true },
        { "name": "days", "type": "integer", "minimum": 1 },
        { "name": "note" },
    ])))
    .unwrap();
    assert_eq!(
        tool.schema,
        json!({
            "type": "object",
            "properties": {
                "city": { "type": "string", "description": "where" },
                "days": { "type": "integer", "minimum": 1 },
                "note": { "type": "string" },
            },
            "required": ["city"],
            "additionalProperties": false,
        })
    );
}

#[test]
fn each_client_gets_the_form_that_it_takes() {
    let tool = Tool::from_config(&config(json!([
        { "name": "city", "required": true }, { "name": "days", "type": "integer", "enum": [1, 2] },
    ])))
    .unwrap();
    assert_eq!(
        tool.definition(Format::OpenAi),
        json!({ "type": "function", "function": {
            "name": "look_up", "description": "Looks it up.", "strict": true,
            "parameters": {
                "type": "object",
                "properties": {
                    "city": { "type": "string" },
                    "days": { "type": ["integer", "null"], "enum": [1, 2, null] },
                },
                "required": ["city", "days"],
                "additionalProperties": false,
            },
        } })
    );
    let anthropic = tool.definition(Format::Anthropic);
    assert_eq!(anthropic["input_schema"], tool.schema);
    assert_eq!(anthropic.as_object().unwrap().len(), 3);
    let mcp = tool.definition(Format::Mcp);
    assert_eq!(mcp["inputSchema"], tool.schema);
}

#[test]
fn what_strict_mode_cannot_say_is_not_strict() {
    for parameters in [
        json!({ "type": "object" }),
        json!({ "type": "object", "properties": { "a": {} } }),
        json!({ "type": "object", "properties": { "a": { "type": "array" } } }),
        json!({ "type": "object", "properties": { "a": { "type": "object" } } }),
        json!({ "type": "object", "properties": { "a": { "type": "string", "minLength": 2 } } }),
        json!({ "type": "object", "properties": {}, "additionalProperties": true }),
        json!({ "type": "object", "properties": {}, "allOf": [{ "required": ["a"] }] }),
    ] {
        let tool = Tool::from_config(&config(parameters.clone())).unwrap();
        let definition = tool.definition(Format::OpenAi);
        assert_eq!(definition["function"]["strict"], json!(false), "{parameters}");
        assert_eq!(definition["function"]["parameters"], parameters);
    }
}

#[test]
fn what_strict_mode_gives_as_null_is_absent_for_the_automation() {
    let schema = json!({
        "type": "object",
        "properties": {
            "city": { "type": "string" },
            "days": { "type": "integer" },
            "note": { "type": ["string", "null"] },
            "any": true,
            "place": { "$ref": "#/$defs/place" },
            "places": { "type": "array", "items": { "$ref": "#/$defs/place" } },
        },
        "required": ["city"],
        "$defs": { "place": { "type": "object", "properties": { "x": { "type": "number" } } } },
    });
    let given = json!({ "city": "Nantes", "days": null, "note": null, "any": null, "place": null,
        "places": [{ "x": null }, { "x": 1 }] });
    assert_eq!(
        tool::arguments(&schema, given).unwrap(),
        json!({ "city": "Nantes", "note": null, "any": null, "places": [{}, { "x": 1 }] })
    );
    let missing = tool::arguments(&schema, json!({ "city": null })).unwrap_err();
    assert_eq!(missing, "arguments/city: value is not of type \"string\"");
    let strict = schema::strict(
        &json!({ "type": "object", "properties": { "place": { "$ref": "#/$defs/p" } },
        "$defs": { "p": { "type": "object", "properties": {} } } }),
    );
    assert_eq!(
        strict.unwrap()["properties"]["place"],
        json!({ "anyOf": [{ "$ref": "#/$defs/p" }, { "type": "null" }] })
    );
}

#[test]
fn a_mismatch_names_the_place_and_not_the_value() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "integer" } } } });
    let mismatch = tool::arguments(&schema, json!({ "a": [1, "hunter2"] })).unwrap_err();
    assert!(mismatch.starts_with("arguments/a/1: "), "{mismatch}");
    assert!(!mismatch.contains("hunter2"), "{mismatch}");
    assert!(
        tool::arguments(&schema, json!([1]))
            .unwrap_err()
            .starts_with("arguments: ")
    );
    assert_eq!(tool::arguments(&schema, Value::Null).unwrap(), json!({}));
}

#[test]
fn a_setting_that_cannot_be_is_named() {
    for (setting, value) in [
        ("tool_name", json!(null)),
        ("tool_name", json!("")),
        ("tool_name", json!("Look")),
        ("tool_name", json!("1st")),
        ("tool_name", json!("look-up")),
        ("tool_name", json!("look\nup")),
        ("tool_name", json!("a".repeat(65))),
        ("tool_name", json!(7)),
        ("tool_description", json!("x".repeat(1_025))),
        ("tool_description", json!({})),
        ("parameters", json!("string")),
        ("parameters", json!({ "type": "string" })),
        ("parameters", json!({ "type": "object", "properties": 7 })),
        (
            "parameters",
            json!({ "type": "object", "properties": { "a": { "type": "text" } } }),
        ),
        ("parameters", json!({ "properties": { "a": { "pattern": "(" } } })),
        ("parameters", json!([7])),
        ("parameters", json!([{ "type": "string" }])),
        ("parameters", json!([{ "name": "a", "type": "text" }])),
        ("parameters", json!([{ "name": "a" }, { "name": "a" }])),
    ] {
        let mut config = config(json!([]));
        config[setting] = value.clone();
        let problem = Tool::from_config(&config).unwrap_err();
        assert!(
            problem.message.contains(&format!("`{setting}`")),
            "{value}: {problem}"
        );
    }
    assert_eq!(
        Tool::from_config(&config(json!(null))).unwrap().schema["properties"],
        json!({})
    );
    assert!(Tool::from_config(&json!({ "tool_name": "a".repeat(64) })).is_ok());
}

#[test]
fn a_schema_reads_nothing_from_outside() {
    for reference in [
        "file:///etc/passwd",
        "http://127.0.0.1:1/schema",
        "https://json-schema.org/draft/2020-12/schema",
        "other.json",
        "#anchor",
        "#/$defs/nothing",
        "#/%24defs/a",
        "",
    ] {
        let schema = json!({ "properties": { "a": { "$ref": reference } }, "$defs": { "a": {} } });
        assert!(refused(&schema).starts_with("the reference"), "{reference}");
    }
    for keyword in [
        "$id",
        "$anchor",
        "$dynamicRef",
        "$dynamicAnchor",
        "$recursiveRef",
        "$vocabulary",
    ] {
        let schema = json!({ "properties": { "a": { keyword: "http://x/" } } });
        assert!(refused(&schema).contains(keyword), "{keyword}");
    }
    // as the name of a property each is a name
    let names = json!({ "properties": { "$ref": { "type": "string" }, "$id": { "type": "string" } },
        "default": { "$ref": "file:///etc/passwd" }, "enum": [{ "$ref": "x" }, {}] });
    assert!(Schema::compile(&names).is_ok());
}

#[test]
fn a_schema_that_does_not_end_is_refused() {
    assert!(refused(&json!({ "$ref": "#" })).starts_with("the reference"));
    let around = json!({ "properties": { "a": { "$ref": "#/$defs/a" } },
        "$defs": { "a": { "properties": { "b": { "$ref": "#/$defs/a" } } } } });
    assert!(refused(&around).starts_with("the reference"));
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({ "not": deep });
    }
    assert!(refused(&deep).contains("deeper"));
    let mut doubling = json!({ "a0": { "type": "string" } });
    for n in 1..=30 {
        let before = format!("#/$defs/a{}", n - 1);
        doubling[format!("a{n}")] = json!({ "allOf": [{ "$ref": before }, { "$ref": before }] });
    }
    let doubling = json!({ "$defs": doubling, "$ref": "#/$defs/a30" });
    let why = refused(&doubling);
    assert!(why.contains("keywords") || why.contains("deeper"), "{why}");
    assert!(refused(&json!({ "description": "x".repeat(70_000) })).contains("bytes"));
    let patterns: Vec<Value> = (0..40).map(|n| json!({ "pattern": format!("^{n}$") })).collect();
    assert!(refused(&json!({ "anyOf": patterns })).contains("patterns"));
    assert!(refused(&json!({ "pattern": "((a{500}){500}){500}" })).contains("pattern"));
    assert!(refused(&json!({ "$schema": "http://json-schema.org/draft-04/schema#" })).contains("$schema"));
    assert!(Schema::compile(&json!({ "$schema": "http://json-schema.org/draft-07/schema#" })).is_ok());
    assert!(Schema::compile(&json!({ "pattern": "^\\w{1,64}@\\w{1,64}$" })).is_ok());
}

#[test]
fn what_would_take_long_is_not_begun() {
    let many: Vec<Value> = (0..1_000).map(|n| json!({ "const": n })).collect();
    let schema = Schema::compile(&json!({ "items": { "anyOf": many } })).unwrap();
    let list = json!(vec![-1; 100_000]);
    let why = schema.check("input", &list).unwrap_err().to_string();
    assert!(why.contains("too large"), "{why}");
    assert!(schema.check("input", &json!([1, 2])).is_ok());
    let evil = Schema::compile(&json!({ "pattern": "^(a+)+$" })).unwrap();
    assert!(evil.check("input", &json!("a".repeat(50_000) + "b")).is_err());
}
