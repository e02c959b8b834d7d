//! `logic-delay`: waits in the database for a while or until a point in time; one that has passed waits no more.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Class, Done, NodeError, NodeKind, NodeRun, Park, moment, setting, span};

/// The node type.
pub struct LogicDelay;

#[async_trait]
impl NodeKind for LogicDelay {
    fn name(&self) -> &'static str {
        "logic-delay"
    }

    fn class(&self) -> Class {
        Class::Parks
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        // The time that the node's own templates see, so that `until` and `env.now` agree.
        let env = run.names.get("env");
        let now = env
            .as_deref()
            .and_then(|env| moment::parse(env.get("now")?.as_str()?))
            .unwrap_or_else(Utc::now);
        let wait = wait(run.config, now)?;
        let park = (!wait.is_zero()).then_some(Park::during(wait));
        Ok(Done {
            park,
            ..Done::with(run.input.clone())
        })
    }
}

/// How long to wait from `now`.
fn wait(config: &Value, now: DateTime<Utc>) -> Result<Duration, NodeError> {
    if let Some(until) = setting::given(config, "until") {
        let until = until
            .as_str()
            .and_then(moment::parse)
            .ok_or_else(|| NodeError::failed("until is not a date or time such as 2026-03-01T10:00:00Z"))?;
        let wait = (until - now).to_std().unwrap_or_default();
        return span::within(wait.as_secs_f64(), "a delay").map(|_| wait);
    }
    span::given(config, "duration")?.ok_or_else(|| setting::missing("duration"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_in_their_unit() {
        for (config, seconds) in [
            (json!({"duration": 5}), 5.0),
            (json!({"duration": "2", "unit": "minutes"}), 120.0),
            (json!({"duration": 1.5, "unit": "hours"}), 5_400.0),
            (json!({"duration": 1, "unit": "days"}), 86_400.0),
            (json!({"duration": 0}), 0.0),
            (json!({"duration": -3, "unit": "days"}), 0.0),
            (json!({"until": "2026-01-01T00:01:00Z"}), 60.0),
            (json!({"until": "2026-01-01 02:00:00+01"}), 3_600.0),
            (json!({"until": "2026-01-02"}), 86_400.0),
            (json!({"until": "2025-12-31T23:59:59Z", "duration": 5}), 0.0),
            (json!({"until": "", "duration": 5}), 5.0),
        ] {
            let now = moment::parse("2026-01-01").unwrap();
            assert_eq!(
                wait(&config, now),
                Ok(Duration::from_secs_f64(seconds)),
                "{config}"
            );
        }
    }

    #[test]
    fn what_is_no_delay_is_refused() {
        for config in [
            json!({}),
            json!({"duration": "soon"}),
            json!({"duration": "inf"}),
            json!({"duration": 1, "unit": "weeks"}),
            json!({"duration": 5_000, "unit": "days"}),
            json!({"duration": []}),
            json!({"until": "tomorrow"}),
            json!({"until": 5}),
            json!({"until": "9999-01-01"}),
        ] {
            assert!(wait(&config, Utc::now()).is_err(), "{config}");
        }
    }
}
