//! What makes values out of values.

use super::{Field, Handles, Kind, Need, NodeType};

const fn transform(
    name: &'static str,
    description: &'static str,
    fields: &'static [Field],
    needs: &'static [Need],
    output: &'static str,
) -> NodeType {
    NodeType {
        name,
        description,
        fields,
        needs,
        handles: Handles::Default,
        output,
    }
}

const fn field(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field::new(name, kind, description)
}

static VARIABLES: &[Field] = &[
    field("name", Kind::Text, "the variable's name")
        .required()
        .plain(),
    field("value", Kind::Any, "its value"),
    field("type", Kind::Text, "what the value is turned into").plain(),
];

pub(super) static TYPES: &[NodeType] = &[
    transform(
        "transform-set-variable",
        "Sets variables of the execution.",
        &[field("variables", Kind::ListOf(VARIABLES), "name and value of each").required()],
        &[],
        "the variables",
    ),
    transform(
        "transform-map",
        "Makes a new list, item by item.",
        &[
            field("inputArray", Kind::ListExpression, "the list").required(),
            field(
                "mapping",
                Kind::Any,
                "what each item becomes, with `item` and `index`",
            )
            .required(),
        ],
        &[],
        "the new list",
    ),
    transform(
        "transform-filter",
        "Keeps the items for which a condition holds.",
        &[
            field("inputArray", Kind::ListExpression, "the list").required(),
            field("condition", Kind::Condition, "over `item` and `index`").required(),
        ],
        &[],
        "the items that are kept",
    ),
    transform(
        "transform-aggregate",
        "Makes one value out of a list.",
        &[
            field("inputArray", Kind::ListExpression, "the list").required(),
            field(
                "operation",
                Kind::Choice(&[
                    "count", "sum", "avg", "min", "max", "first", "last", "join", "group",
                ]),
                "what to do",
            )
            .required()
            .plain(),
            field(
                "field",
                Kind::Text,
                "the path in each item; without it the item itself",
            )
            .plain(),
            field("separator", Kind::Text, "between the parts of `join`")
                .or("\", \"")
                .plain(),
        ],
        &[Need::When {
            when: "operation",
            is: &["group"],
            field: "field",
        }],
        "the value",
    ),
    transform(
        "transform-code",
        "Runs code over the input.",
        &[
            field("language", Kind::Choice(&["javascript"]), "the language")
                .or("\"javascript\"")
                .plain(),
            field("code", Kind::Text, "what runs").required().plain(),
        ],
        &[],
        "what the code returns",
    ),
];
