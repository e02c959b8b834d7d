//! What every node may carry in its `data`, whatever its type.

use super::{Field, Kind};

static RETRY: &[Field] = &[
    Field::new("maxAttempts", Kind::Integer(1, 100), "attempts in all")
        .or("3")
        .plain(),
    Field::new(
        "backoff",
        Kind::Choice(&["fixed", "exponential"]),
        "how the pause grows",
    )
    .or("\"exponential\"")
    .plain(),
    Field::new(
        "initialMs",
        Kind::Integer(0, 86_400_000),
        "milliseconds before the second attempt",
    )
    .or("1000")
    .plain(),
    Field::new(
        "maxMs",
        Kind::Integer(0, 86_400_000),
        "milliseconds of a pause at most",
    )
    .or("60000")
    .plain(),
    Field::new("jitter", Kind::Boolean, "makes each pause shorter at random")
        .or("true")
        .plain(),
];

/// The settings of any node, beside its configuration.
pub static DATA: &[Field] = &[
    Field::new("label", Kind::Text, "for people").plain(),
    Field::new("disabled", Kind::Boolean, "passes its input through")
        .or("false")
        .plain(),
    Field::new(
        "retry",
        Kind::ObjectOf(RETRY),
        "what happens before a failure counts",
    )
    .plain(),
    Field::new(
        "timeoutMs",
        Kind::Integer(1, 86_400_000),
        "milliseconds for one attempt",
    )
    .plain(),
    Field::new(
        "onError",
        Kind::Choice(&["stop", "continue"]),
        "an edge on handle `error` wins over both",
    )
    .or("\"stop\"")
    .plain(),
    Field::new(
        "onInterrupted",
        Kind::Choice(&["retry", "fail"]),
        "what becomes of a step that had started when its daemon died",
    )
    .or("\"retry\"")
    .plain(),
    Field::new("pinnedOutput", Kind::Any, "used in test mode instead of acting").plain(),
    Field::new(
        "outputVariable",
        Kind::Text,
        "the output also becomes this variable",
    )
    .plain(),
];
