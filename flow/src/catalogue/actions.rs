//! What acts on the outside world or on the application's rows.

use super::{Field, Handles, Kind, Need, NodeType};

const fn action(
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

const METHODS: Kind = Kind::Choice(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
const WRITES: &[&str] = &["create", "update", "upsert"];

pub(super) static TYPES: &[NodeType] = &[
    action(
        "action-http",
        "Sends an HTTP request.",
        &[
            field("method", METHODS, "the HTTP method").or("\"GET\""),
            field("url", Kind::Text, "an absolute http or https URL").required(),
            field("query", Kind::Object, "what is added to the URL's query"),
            field("headers", Kind::Object, "request headers by name"),
            field("body", Kind::Any, "what is sent"),
            field(
                "bodyType",
                Kind::Choice(&["json", "form", "raw"]),
                "how the body is written",
            )
            .or("\"json\"")
            .plain(),
            field(
                "connectionId",
                Kind::Text,
                "the connection whose credentials are used",
            )
            .plain(),
            field(
                "timeout",
                Kind::Integer(1, 600_000),
                "milliseconds for the whole request",
            )
            .or("10000"),
            field(
                "successStatusCodes",
                Kind::Any,
                "a list of status codes that count as success",
            )
            .or("\"2xx\"")
            .plain(),
            field("maxBytes", Kind::Integer(1, 2_097_152), "bytes of answer at most")
                .or("2097152")
                .plain(),
        ],
        &[],
        "`{status, headers, body}`",
    ),
    action(
        "action-email",
        "Sends an e-mail.",
        &[
            field("to", Kind::Texts, "receivers").required(),
            field("cc", Kind::Texts, "receivers of a copy"),
            field("bcc", Kind::Texts, "hidden receivers"),
            field("replyTo", Kind::Text, "where answers go"),
            field("from", Kind::Text, "the sender; without it the connection's"),
            field("subject", Kind::Text, "the subject").required(),
            field("body", Kind::Text, "the text").required(),
            field("bodyType", Kind::Choice(&["text", "html"]), "what the body is")
                .or("\"text\"")
                .plain(),
            field("connectionId", Kind::Text, "the mail server's connection").plain(),
        ],
        &[],
        "`{messageId}`",
    ),
    action(
        "action-update-lead",
        "Changes columns of a lead.",
        &[
            field("leadId", Kind::Text, "the lead; without it the execution's own"),
            field("updates", Kind::Object, "new values by column").required(),
            field(
                "createIfNotExists",
                Kind::Boolean,
                "makes the lead if there is none",
            )
            .or("false"),
        ],
        &[],
        "the row",
    ),
    action(
        "action-create-booking",
        "Books an appointment.",
        &[
            field("title", Kind::Text, "what it is about").required(),
            field("description", Kind::Text, "more about it"),
            field("startTime", Kind::Time, "when it begins").required(),
            field(
                "duration",
                Kind::Integer(1, 525_600),
                "minutes; without it the column's default",
            ),
            field("visitorName", Kind::Text, "who comes"),
            field("visitorEmail", Kind::Text, "their e-mail address"),
            field("visitorPhone", Kind::Text, "their telephone number"),
            field("leadId", Kind::Text, "the lead; without it the execution's own"),
        ],
        &[],
        "the row",
    ),
    action(
        "action-send-message",
        "Adds a message to a conversation.",
        &[
            field(
                "conversationId",
                Kind::Text,
                "the conversation; without it the execution's own",
            ),
            field("content", Kind::Text, "the text").required(),
            field("role", Kind::Text, "who speaks").or("\"assistant\""),
        ],
        &[],
        "the row",
    ),
    action(
        "action-db",
        "Reads or writes rows of an allowed table, as the account.",
        &[
            field(
                "operation",
                Kind::Choice(&["find", "create", "update", "upsert", "delete"]),
                "what to do",
            )
            .required()
            .plain(),
            field("table", Kind::Text, "a watched or allowed table")
                .required()
                .plain(),
            field("values", Kind::Object, "values by column"),
            field(
                "where",
                Kind::Any,
                "`{column: value}`, or a list of `{column, operator, value}`",
            ),
            field("orderBy", Kind::Any, "the columns to sort by"),
            field("limit", Kind::Integer(1, 1_000), "rows at most").or("100"),
            field(
                "onConflict",
                Kind::Texts,
                "the columns that identify the row of an upsert",
            )
            .plain(),
        ],
        &[
            Need::When {
                when: "operation",
                is: WRITES,
                field: "values",
            },
            Need::When {
                when: "operation",
                is: &["update", "delete"],
                field: "where",
            },
        ],
        "`{rows}`",
    ),
    action(
        "action-sql",
        "Runs a stored query; free text only for accounts that the operator allowed.",
        &[
            field("queryName", Kind::Text, "a query that the operator stored").plain(),
            field("query", Kind::Text, "one statement with `$1`, `$2` ...").plain(),
            field(
                "params",
                Kind::Any,
                "the parameters, which are bound, never spliced",
            ),
            field(
                "mode",
                Kind::Choice(&["rows", "one", "scalar", "exec"]),
                "what comes back",
            )
            .or("\"rows\"")
            .plain(),
        ],
        &[Need::OneOf(&["queryName", "query"])],
        "rows",
    ),
    action(
        "action-emit",
        "Emits an event that other automations may start from.",
        &[
            field("event", Kind::Text, "the event's name").required(),
            field("payload", Kind::Any, "what it carries"),
        ],
        &[],
        "`{eventId}`",
    ),
];
