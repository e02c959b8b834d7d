//! Spans of time in a node's settings: a number and its `unit`.

use std::time::Duration;

use serde_json::Value;

use super::{NodeError, setting};

/// The longest one, as the catalogue has it: ten years in seconds.
const MAX_SECONDS: f64 = 315_360_000.0;

/// The setting in `unit` (seconds, where that is not given), if it is given. A negative one lies in the past and is
/// over.
pub(super) fn given(config: &Value, name: &str) -> Result<Option<Duration>, NodeError> {
    let Some(given) = setting::given(config, name) else {
        return Ok(None);
    };
    let number = match given {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number
        .filter(|n| n.is_finite())
        .ok_or_else(|| setting::wrong(name, "a number", given))?;
    let seconds = match setting::text(config, "unit")?.as_deref() {
        None | Some("second" | "seconds") => 1.0,
        Some("minute" | "minutes") => 60.0,
        Some("hour" | "hours") => 3_600.0,
        Some("day" | "days") => 86_400.0,
        Some(_) => return Err(NodeError::failed("unit must be seconds, minutes, hours or days")),
    };
    within((number * seconds).max(0.0), name).map(Some)
}

/// So many seconds, unless they are too many.
pub(super) fn within(seconds: f64, name: &str) -> Result<Duration, NodeError> {
    if seconds > MAX_SECONDS {
        Err(NodeError::failed(format!("{name} can be ten years at most")))
    } else {
        Ok(Duration::from_secs_f64(seconds))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_is_read_in_its_unit() {
        for (config, seconds) in [
            (json!({}), None),
            (json!({"timeout": null}), None),
            (json!({"timeout": 5}), Some(5.0)),
            (json!({"timeout": " 2 ", "unit": "minutes"}), Some(120.0)),
            (json!({"timeout": 0.5, "unit": "hours"}), Some(1_800.0)),
            (json!({"timeout": -1, "unit": "days"}), Some(0.0)),
        ] {
            assert_eq!(
                given(&config, "timeout"),
                Ok(seconds.map(Duration::from_secs_f64)),
                "{config}"
            );
        }
        let error = given(&json!({"timeout": 4_000, "unit": "days"}), "timeout").unwrap_err();
        assert_eq!(error.message, "timeout can be ten years at most");
    }
}
