//! `action-create-booking`: a row in the application's bookings, as the tenant. `automations.settings` names table
//! and columns.

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Class, Done, NodeError, NodeKind, NodeRun, moment, setting};

/// The node type.
pub struct ActionCreateBooking;

/// Minutes: a year.
const MAX_DURATION: u64 = 525_600;

#[async_trait]
impl NodeKind for ActionCreateBooking {
    fn name(&self) -> &'static str {
        "action-create-booking"
    }

    fn class(&self) -> Class {
        Class::Tenant
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let call = call(run.config, run.execution.lead_id)?;
        Ok(Done::with(run.as_tenant()?.create_booking(&call).await?))
    }

    fn describe(&self, config: &Value) -> Value {
        super::described(self.name(), call(config, None))
    }
}

/// What `automations.node_create_booking` is told; what is not given is left to the column's default.
fn call(config: &Value, own_lead: Option<Uuid>) -> Result<Value, NodeError> {
    let start = setting::required_text(config, "startTime")?;
    let start = moment::parse(&start)
        .ok_or_else(|| NodeError::failed("startTime is not a date or time such as 2026-03-01T10:00:00Z"))?;
    let mut call = json!({
        "title": setting::required_text(config, "title")?,
        "startTime": moment::write(start),
    });
    if let Some(minutes) = setting::integer_given(config, "duration", 1..=MAX_DURATION)? {
        call["duration"] = minutes.into();
    }
    for name in ["description", "visitorName", "visitorEmail", "visitorPhone"] {
        if let Some(text) = setting::text(config, name)? {
            call[name] = text.into();
        }
    }
    if let Some(lead) = setting::id(config, "leadId", own_lead)? {
        call["leadId"] = json!(lead);
    }
    Ok(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_booking_is_made_plain() {
        let lead = Uuid::from_u128(1);
        let config = json!({
            "title": "Demo", "startTime": "2026-03-01 10:00+01:00", "duration": "45", "visitorName": "Ann",
            "visitorPhone": 4912345, "visitorEmail": "",
        });
        let expected = json!({
            "title": "Demo", "startTime": "2026-03-01T09:00:00Z", "duration": 45, "visitorName": "Ann",
            "visitorPhone": "4912345", "leadId": lead,
        });
        assert_eq!(call(&config, Some(lead)), Ok(expected));
    }

    #[test]
    fn what_is_not_given_is_left_to_the_columns_default() {
        let config = json!({"title": "Demo", "startTime": "2026-03-01T10:00:00Z", "duration": ""});
        let expected = json!({"title": "Demo", "startTime": "2026-03-01T10:00:00Z"});
        assert_eq!(call(&config, None), Ok(expected));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (config, message) in [
            (json!({"title": "Demo"}), "startTime is missing or empty"),
            (json!({"startTime": "2026-03-01"}), "title is missing or empty"),
            (
                json!({"title": "Demo", "startTime": "soon"}),
                "startTime is not a date or time such as 2026-03-01T10:00:00Z",
            ),
            (
                json!({"title": "Demo", "startTime": "2026-03-01", "duration": 0}),
                "duration must be a whole number between 1 and 525600",
            ),
        ] {
            assert_eq!(call(&config, None).unwrap_err().message, message, "{config}");
        }
    }
}
