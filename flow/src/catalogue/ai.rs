//! What asks a language model.

use super::{Field, Handles, Kind, NodeType};

const fn field(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field::new(name, kind, description)
}

static CATEGORIES: &[Field] = &[
    field("name", Kind::Text, "the category").required().plain(),
    field("description", Kind::Text, "what belongs to it"),
];

static EXTRACTED: &[Field] = &[
    field("name", Kind::Text, "the key in the output")
        .required()
        .plain(),
    field("type", Kind::Text, "what kind of value")
        .or("\"string\"")
        .plain(),
    field("description", Kind::Text, "where to find it"),
    field("required", Kind::Boolean, "whether its absence is a failure")
        .or("false")
        .plain(),
];

const CONNECTION: Field = field("connectionId", Kind::Text, "the provider's connection").plain();
const MODEL: Field = field("model", Kind::Text, "the model's name").plain();

pub(super) static TYPES: &[NodeType] = &[
    NodeType {
        name: "ai-generate",
        description: "Writes a text, or JSON of a given shape.",
        fields: &[
            CONNECTION,
            MODEL,
            field("prompt", Kind::Text, "what is asked").required(),
            field("system", Kind::Text, "what comes before"),
            field(
                "maxTokens",
                Kind::Integer(1, 1_000_000),
                "tokens of answer at most",
            )
            .plain(),
            field("temperature", Kind::Number(0.0, 2.0), "how freely").plain(),
            field("outputFormat", Kind::Choice(&["text", "json"]), "what comes back")
                .or("\"text\"")
                .plain(),
            field("jsonSchema", Kind::Object, "the shape of the JSON").plain(),
        ],
        needs: &[],
        handles: Handles::Default,
        output: "`{text or json, usage}`",
    },
    NodeType {
        name: "ai-classify",
        description: "Puts a text into one of several categories.",
        fields: &[
            CONNECTION,
            MODEL,
            field("input", Kind::Any, "the text").required(),
            field("categories", Kind::ListOf(CATEGORIES), "what it may be").required(),
            field("includeConfidence", Kind::Boolean, "says how sure it is")
                .or("false")
                .plain(),
        ],
        needs: &[],
        handles: Handles::Default,
        output: "`{category, confidence}`",
    },
    NodeType {
        name: "ai-extract",
        description: "Finds values in a text.",
        fields: &[
            CONNECTION,
            MODEL,
            field("input", Kind::Any, "the text").required(),
            field("fields", Kind::ListOf(EXTRACTED), "what to find").required(),
        ],
        needs: &[],
        handles: Handles::Default,
        output: "an object with the fields",
    },
];
