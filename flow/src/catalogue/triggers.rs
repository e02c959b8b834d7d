//! The triggers. The row's `trigger_config` lies over these settings, so none is required here.

use super::{Field, Handles, Kind, NodeType};

const OUTPUT: &str = "the trigger data";

const fn trigger(name: &'static str, description: &'static str, fields: &'static [Field]) -> NodeType {
    NodeType {
        name,
        description,
        fields,
        needs: &[],
        handles: Handles::Default,
        output: OUTPUT,
    }
}

const fn setting(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Field {
    Field::new(name, kind, description).or(default).plain()
}

pub(super) static TYPES: &[NodeType] = &[
    trigger(
        "trigger-event",
        "Starts when a row changes, or when an event is emitted.",
        &[
            setting(
                "eventSource",
                Kind::Text,
                "",
                "`lead`, `conversation`, a watched source, or `event`",
            ),
            setting(
                "eventName",
                Kind::Text,
                "",
                "the name of the emitted event, where the source is `event`",
            ),
            setting(
                "eventType",
                Kind::Choice(&["INSERT", "UPDATE", "DELETE", "any"]),
                "",
                "which change",
            ),
            setting(
                "columns",
                Kind::Texts,
                "[]",
                "on UPDATE, only if one of these columns changed",
            ),
            setting(
                "conditions",
                Kind::Condition,
                "",
                "a condition over `new`, `old` and `changed`, or over `payload` of an emitted event",
            ),
            setting(
                "reEntry",
                Kind::Choice(&["always", "after_finish", "never"]),
                "\"always\"",
                "whether a record may start it again",
            ),
            setting(
                "debounceSeconds",
                Kind::Number(0.0, 31_536_000.0),
                "0",
                "seconds that the record must have been quiet",
            ),
            setting(
                "keep",
                Kind::Boolean,
                "false",
                "keeps each change that starts it as an event, for replay",
            ),
        ],
    ),
    trigger(
        "trigger-schedule",
        "Starts at the times that a cron line names.",
        &[
            setting(
                "cron",
                Kind::Text,
                "",
                "five fields, names, `@daily` and the like",
            ),
            setting("timezone", Kind::Text, "\"UTC\"", "an IANA time zone"),
            setting("startAt", Kind::Time, "", "not before this"),
            setting("endAt", Kind::Time, "", "not after this"),
            setting(
                "missed",
                Kind::Choice(&["once", "skip", "all"]),
                "\"once\"",
                "what becomes of times at which no daemon ran",
            ),
            setting(
                "overlap",
                Kind::Choice(&["allow", "skip"]),
                "\"allow\"",
                "`skip`: not while the last one still runs",
            ),
            setting(
                "jitterSeconds",
                Kind::Number(0.0, 86_400.0),
                "0",
                "at random up to so many seconds later",
            ),
            setting(
                "keep",
                Kind::Boolean,
                "false",
                "keeps each fire as an event, for replay",
            ),
        ],
    ),
    trigger(
        "trigger-manual",
        "Starts when somebody calls `automations.run`.",
        &[setting(
            "inputSchema",
            Kind::Object,
            "",
            "the JSON Schema of the input",
        )],
    ),
    trigger(
        "trigger-ai-tool",
        "Starts when an AI agent calls it as a tool.",
        &[
            setting(
                "toolName",
                Kind::Text,
                "",
                "`^[a-z_][a-z0-9_]{0,63}$`, unique per agent",
            ),
            setting("toolDescription", Kind::Text, "", "what the agent reads about it"),
            setting(
                "parameters",
                Kind::Any,
                "",
                "a JSON Schema, or a list of `{name, type, description, required}`",
            ),
        ],
    ),
    trigger(
        "trigger-webhook",
        "Starts when an HTTP request comes in.",
        &[
            setting("path", Kind::Text, "", "what follows `/hooks/{account}/`"),
            setting(
                "methods",
                Kind::Texts,
                "[\"POST\"]",
                "which of GET, POST, PUT, PATCH and DELETE are answered",
            ),
            setting(
                "auth",
                Kind::Any,
                "",
                "`{type, ...}`: `none`, `token`, `basic`, `hmac` or `standard-webhooks` (docs/webhooks.md)",
            ),
            setting(
                "response",
                Kind::Choice(&["immediate", "last_node"]),
                "\"immediate\"",
                "`last_node`: answers with the result",
            ),
            setting(
                "idempotencyHeader",
                Kind::Text,
                "\"Idempotency-Key\"",
                "the header that names an occasion, where the authentication has no id of its own",
            ),
            setting(
                "callsPerMinute",
                Kind::Integer(1, 600_000),
                "",
                "more are answered with 429",
            ),
            setting(
                "keep",
                Kind::Boolean,
                "false",
                "keeps each call as an event, for replay",
            ),
        ],
    ),
];
