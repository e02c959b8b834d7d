//! `logic-wait`: waits in the database until somebody resumes it or an event comes, or for as long as it may.

use async_trait::async_trait;
use flow::{EventMatch, Outcome};
use serde_json::{Value, json};

use super::outside::{Came, How, Wait};
use super::{Class, Done, NodeError, NodeKind, NodeRun, Park, setting, span};

/// The node type.
pub struct LogicWait;

/// Characters in the name of an event, as `automations.emit()` takes it.
const NAME: usize = 200;

/// The handle after a time-out.
const TIMEOUT: &str = "timeout";

#[async_trait]
impl NodeKind for LogicWait {
    fn name(&self) -> &'static str {
        "logic-wait"
    }

    fn class(&self) -> Class {
        Class::Waits
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let wait = match setting::text(run.config, "for")?.as_deref() {
            Some("resume") => Wait::Resume,
            Some("event") => event(run.config)?,
            _ => return Err(NodeError::failed("for must be event or resume")),
        };
        Ok(Done {
            park: Some(Park {
                wake_in: span::given(run.config, "timeout")?,
                wait: Some(wait),
            }),
            ..Done::with(Value::Null)
        })
    }

    fn arrived(&self, came: Came) -> Result<Done, NodeError> {
        Ok(match came.how {
            How::Timeout => Done::chose(timed_out(), TIMEOUT),
            _ => Done::with(came.payload),
        })
    }

    fn pinned(&self, output: &Value) -> Outcome {
        if *output == timed_out() {
            Outcome::Chose(vec![TIMEOUT.to_owned()])
        } else {
            Outcome::Default
        }
    }
}

/// The output when nothing came in time.
fn timed_out() -> Value {
    json!({ "timed_out": true })
}

/// The event that is waited for; a `match` that no event could be compared with fails now, not when one comes.
fn event(config: &Value) -> Result<Wait, NodeError> {
    let event = setting::required_text(config, "event")?;
    if event.chars().count() > NAME {
        let message = format!("the name of an event has {NAME} characters at most");
        return Err(NodeError::failed(message));
    }
    let matching = setting::given(config, "match").cloned().unwrap_or_default();
    EventMatch::parse(&matching).map_err(|error| NodeError::failed(format!("match: {error}")))?;
    Ok(Wait::Event { event, matching })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{Run, chosen};
    use super::*;

    async fn parked(config: Value) -> Result<Park, NodeError> {
        let names = json!({"trigger": {"order": 7, "days": 2}});
        let done = Run::new("logic-wait", config).names(names).go(&LogicWait).await?;
        Ok(done.park.unwrap())
    }

    #[tokio::test]
    async fn it_waits_for_who_resumes_it_and_as_long_as_it_may() {
        let park = parked(json!({"for": "resume"})).await.unwrap();
        assert_eq!((park.wake_in, park.wait), (None, Some(Wait::Resume)));
        let park = parked(json!({"for": "resume", "timeout": "{{ trigger.days }}", "unit": "days"})).await;
        assert_eq!(park.unwrap().wake_in, Some(Duration::from_secs(2 * 86_400)));
    }

    #[tokio::test]
    async fn what_it_matches_is_rendered_when_it_begins_to_wait() {
        let rules = json!({"rules": [{"field": "payload.order", "operator": "equals", "value": "{{ trigger.order }}"}]});
        for (given, rendered) in [
            (json!({"order": "{{ trigger.order }}"}), json!({"order": 7})),
            (
                rules,
                json!({"rules": [{"field": "payload.order", "operator": "equals", "value": 7}]}),
            ),
            (Value::Null, Value::Null),
        ] {
            let park = parked(json!({"for": "event", "event": "paid", "match": given})).await;
            let wait = Wait::Event {
                event: "paid".to_owned(),
                matching: rendered,
            };
            assert_eq!(park.unwrap().wait, Some(wait));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_waited_for_fails_before_it_waits() {
        for config in [
            json!({}),
            json!({"for": "godot"}),
            json!({"for": "event"}),
            json!({"for": "event", "event": "{{ trigger.gone }}"}),
            json!({"for": "event", "event": "paid", "match": "{{ trigger.order }}"}),
            json!({"for": "resume", "timeout": "soon"}),
            json!({"for": "resume", "timeout": 1, "unit": "moons"}),
        ] {
            assert_eq!(
                parked(config.clone()).await.unwrap_err().code,
                "node_failed",
                "{config}"
            );
        }
    }

    #[test]
    fn it_gives_what_came_or_leaves_by_timeout() {
        let came = |how, payload| Came {
            how,
            outcome: None,
            payload,
        };
        let done = LogicWait.arrived(came(How::Resumed, json!({"a": 1}))).unwrap();
        assert_eq!(
            (&*done.output, done.outcome),
            (&json!({"a": 1}), Outcome::Default)
        );
        let late = LogicWait.arrived(came(How::Timeout, Value::Null)).unwrap();
        assert_eq!(chosen(&late), ["timeout"]);
        assert_eq!(LogicWait.pinned(&late.output), late.outcome);
        assert_eq!(LogicWait.pinned(&json!({})), Outcome::Default);
    }
}
