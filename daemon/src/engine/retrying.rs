//! Another attempt of a step that failed: whether there is one, and when (`data.retry`). Between attempts the step is
//! parked like any other that waits; attempt and error are in its record, and its idempotency key stays the same.

use std::time::Duration;

use chrono::{DateTime, Utc};
use flow::{Node, Outcome};
use serde_json::Value;

use super::story::Told;
use crate::backoff::Backoff;

/// What a server may ask for by Retry-After; beyond a day it means never.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Failures that another attempt cannot mend.
const FOR_GOOD: [&str; 5] = ["denied", "no_secret", "too_large", "invalid_graph", "loop_depth"];

/// The pause before the next attempt; none when this failure counts. A server that says when to come back is not
/// asked before.
pub(super) fn pause(node: &Node, told: &Told, now: DateTime<Utc>) -> Option<Duration> {
    let retry = node.retry.as_ref()?;
    if told.outcome != Outcome::Failed {
        return None;
    }
    let error = told.error.as_deref()?;
    let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
    if FOR_GOOD.contains(&code) {
        return None;
    }
    let pause = retry.pause(told.attempt)?;
    let pause = if retry.jitter {
        Backoff::new(pause, pause).pause()
    } else {
        pause
    };
    let asked = error.get("retryAfter").and_then(|after| retry_after(after, now));
    Some(pause.max(asked.unwrap_or_default()))
}

/// Seconds or a date, as HTTP has it.
fn retry_after(after: &Value, now: DateTime<Utc>) -> Option<Duration> {
    let text = after.as_str()?;
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(text).ok()?;
            (at.to_utc() - now).to_std().unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use flow::{Graph, Limits};
    use serde_json::json;

    use super::super::taking::told;
    use super::*;

    fn pauses(retry: Value, attempt: u32, error: Value) -> Option<Duration> {
        let nodes = json!([{ "id": "n", "type": "logic-merge", "data": { "retry": retry, "config": {} } }]);
        let graph = Graph::parse(&nodes, &json!([]), &Limits::default()).unwrap();
        let failed = Told {
            attempt,
            error: Some(Arc::new(error)),
            ..told(Arc::default(), Arc::default(), Outcome::Failed)
        };
        let now = "2026-03-01T10:00:00Z".parse().unwrap();
        pause(graph.node("n").unwrap(), &failed, now)
    }

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn pauses_grow_up_to_the_longest_until_attempts_run_out() {
        let retry = json!({"maxAttempts": 4, "initialMs": 1000, "maxMs": 3000, "jitter": false});
        let failed = || json!({"code": "node_failed"});
        for (attempt, pause) in [(1, seconds(1)), (2, seconds(2)), (3, seconds(3)), (4, None)] {
            assert_eq!(
                pauses(retry.clone(), attempt, failed()),
                pause,
                "after attempt {attempt}"
            );
        }
        let fixed = json!({"maxAttempts": 3, "backoff": "fixed", "initialMs": 1000, "jitter": false});
        assert_eq!(pauses(fixed, 2, failed()), seconds(1));
        assert_eq!(pauses(Value::Null, 1, failed()), None);
        let jittered = pauses(json!({"initialMs": 1000}), 1, failed()).unwrap();
        assert!(jittered >= Duration::from_millis(500) && jittered <= Duration::from_secs(1));
    }

    #[test]
    fn a_server_that_says_when_is_not_asked_before() {
        let retry = json!({"initialMs": 1000, "maxMs": 3000, "jitter": false});
        for (after, pause) in [
            ("30", 30),
            ("0", 1),
            ("Sun, 01 Mar 2026 10:00:20 GMT", 20),
            ("Sun, 01 Mar 2026 09:00:00 GMT", 1),
            ("soon", 1),
            ("99999999", 86_400),
        ] {
            let error = json!({"code": "node_failed", "retryAfter": after});
            assert_eq!(pauses(retry.clone(), 1, error), seconds(pause), "{after}");
        }
    }

    #[test]
    fn what_another_attempt_cannot_mend_is_not_tried_again() {
        for code in FOR_GOOD {
            assert_eq!(pauses(json!({"maxAttempts": 5}), 1, json!({"code": code})), None);
        }
    }
}
