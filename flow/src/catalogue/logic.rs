//! What decides which way an execution goes, and when.

use super::{Field, Handles, Kind, Need, NodeType};

const UNITS: Kind = Kind::Choice(&["seconds", "minutes", "hours", "days"]);
/// Ten years in seconds: what a delay or timeout may be at most, in any unit.
const LONG: Kind = Kind::Number(0.0, 315_360_000.0);

const fn field(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field::new(name, kind, description)
}

static CASES: &[Field] = &[
    field("label", Kind::Text, "for people").plain(),
    field("value", Kind::Any, "what the expression must equal").required(),
    field("handleId", Kind::Text, "the handle of this case")
        .required()
        .plain(),
];

pub(super) static TYPES: &[NodeType] = &[
    NodeType {
        name: "logic-condition",
        description: "Chooses between two ways.",
        fields: &[
            field(
                "rules",
                Kind::Rules,
                "`{field, operator, value}`, the value not for all operators",
            ),
            field("logic", Kind::Choice(&["and", "or"]), "how the rules are joined")
                .or("\"and\"")
                .plain(),
            field("expression", Kind::Expression, "instead of rules"),
        ],
        needs: &[Need::OneOf(&["rules", "expression"])],
        handles: Handles::Named {
            names: &["true", "false"],
            passing: "true",
        },
        output: "`{result}`",
    },
    NodeType {
        name: "logic-switch",
        description: "Chooses the first case that equals the expression.",
        fields: &[
            field("expression", Kind::Expression, "what is compared").required(),
            field("cases", Kind::ListOf(CASES), "the cases, in order").required(),
            field("defaultHandleId", Kind::Text, "the handle where no case matches").plain(),
        ],
        needs: &[],
        handles: Handles::Cases,
        output: "`{value, case}`",
    },
    NodeType {
        name: "logic-merge",
        description: "Joins branches: when all have come, or at the first.",
        fields: &[field(
            "mode",
            Kind::Choice(&["all", "any", "first"]),
            "`all` waits for what can still arrive, `any` runs at the first, `first` also cancels the others",
        )
        .or("\"all\"")
        .plain()],
        needs: &[],
        handles: Handles::Default,
        output: "its input",
    },
    NodeType {
        name: "logic-loop",
        description: "Runs what lies behind its `loop` handle for each item of a list, then goes on by `done`.",
        fields: &[
            field("arrayExpression", Kind::ListExpression, "the list").required(),
            field("itemVariable", Kind::Name, "the name of the item in templates")
                .or("\"item\"")
                .plain(),
            field(
                "indexVariable",
                Kind::Name,
                "the name of the item's number, from 0",
            )
            .or("\"index\"")
            .plain(),
            field(
                "maxIterations",
                Kind::Integer(1, 100_000),
                "a longer list fails the loop",
            )
            .or("1000")
            .plain(),
            field("concurrency", Kind::Integer(1, 100), "items at a time")
                .or("1")
                .plain(),
            field("continueOnError", Kind::Boolean, "a failure ends its item only")
                .or("false")
                .plain(),
        ],
        needs: &[],
        handles: Handles::Named {
            names: &["loop", "done"],
            passing: "done",
        },
        output: "the list of results, in the order of the items",
    },
    NodeType {
        name: "logic-break",
        description: "Ends the loop around it.",
        fields: &[],
        needs: &[],
        handles: Handles::Ends,
        output: "its input",
    },
    NodeType {
        name: "logic-delay",
        description: "Waits for a while, or until a point in time.",
        fields: &[
            field("duration", LONG, "how long, in `unit`"),
            field("unit", UNITS, "of the duration").or("\"seconds\"").plain(),
            field("until", Kind::Time, "instead of a duration"),
        ],
        needs: &[Need::OneOf(&["duration", "until"])],
        handles: Handles::Default,
        output: "its input",
    },
    NodeType {
        name: "logic-wait",
        description: "Waits for an event, or for somebody to resume it.",
        fields: &[
            field("for", Kind::Choice(&["event", "resume"]), "what it waits for")
                .required()
                .plain(),
            field("event", Kind::Text, "the event's name"),
            field(
                "match",
                Kind::Match,
                "what the event's payload must contain, or a condition (`rules`, `expression`) over `payload`, `source`, \
                 `correlation_id`, `timestamp`; templates only in values",
            ),
            field("timeout", LONG, "how long at most, in `unit`"),
            field("unit", UNITS, "of the timeout").or("\"seconds\"").plain(),
        ],
        needs: &[Need::When {
            when: "for",
            is: &["event"],
            field: "event",
        }],
        handles: Handles::OrTimeout,
        output: "the event, or what it was resumed with",
    },
    NodeType {
        name: "logic-approval",
        description: "Waits for a person to decide.",
        fields: &[
            field("message", Kind::Text, "what the person reads"),
            field("timeout", LONG, "how long at most, in `unit`"),
            field("unit", UNITS, "of the timeout").or("\"seconds\"").plain(),
        ],
        needs: &[],
        handles: Handles::Named {
            names: &["approved", "rejected", "timeout"],
            passing: "approved",
        },
        output: "what was decided",
    },
    NodeType {
        name: "logic-stop",
        description: "Ends the execution at once.",
        fields: &[
            field(
                "status",
                Kind::Choice(&["success", "failure", "cancelled"]),
                "how it ends",
            )
            .or("\"success\"")
            .plain(),
            field("message", Kind::Text, "why"),
            field("output", Kind::Any, "the execution's output"),
        ],
        needs: &[],
        handles: Handles::Ends,
        output: "`output`",
    },
    NodeType {
        name: "logic-sub-automation",
        description: "Runs another automation of the account.",
        fields: &[
            field("automationId", Kind::Id, "the other automation's id").required(),
            field("input", Kind::Any, "its trigger data"),
            field("wait", Kind::Boolean, "waits for its end")
                .or("true")
                .plain(),
        ],
        needs: &[],
        handles: Handles::Default,
        output: "the other execution's result",
    },
];
