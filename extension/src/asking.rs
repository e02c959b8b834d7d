//! `run()`, `cancel()` and `resume_waiting()`: what a caller may ask for is looked at as the caller, whom row level security shows what he
//! may see; what follows is done as the owner of the tables, because executions are written by the machinery only.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid};

use crate::acting::as_table_owner;
use crate::jsonb;
use crate::refusal::Refusal;

/// Beginnings of the keys by which the machinery knows its occasions: nobody takes one before it, or keeps it waiting.
const OURS: [&str; 4] = ["hook:", "mcp:", "schedule ", "step "];

/// `automations.run(automation_id, input, test_mode, lead_id, conversation_id, idempotency_key)`.
#[pg_extern(sql = false)]
fn run(
    automation_id: Option<Uuid>,
    input: Option<AnyElement>,
    test_mode: Option<bool>,
    lead_id: Option<Uuid>,
    conversation_id: Option<Uuid>,
    idempotency_key: Option<&str>,
) -> Result<Option<Uuid>, ErrorReport> {
    let automation_id = automation_id.ok_or(Refusal::Null("automation_id"))?;
    must_see_automation(automation_id)?;
    if idempotency_key.is_some_and(|key| OURS.iter().any(|ours| key.starts_with(ours))) {
        return Err(Refusal::Argument(
            "`idempotency_key` begins like a key of webhooks, agents, schedules or steps".to_owned(),
        )
        .into());
    }
    check_input(automation_id, test_mode == Some(true), &input)?;
    let input = jsonb::passed_on(input);
    let started = as_table_owner(|| {
        Ok(Spi::get_one_with_args::<Uuid>(
            "SELECT automations.start_execution($1, $2, $3, $4, $5, $6)",
            &[
                automation_id.into(),
                input,
                test_mode.into(),
                lead_id.into(),
                conversation_id.into(),
                idempotency_key.into(),
            ],
        )?)
    })?;
    Ok(started)
}

/// The input against `input_schema` of a manual trigger, where it has one: that of the version which will run, or of the
/// draft in test mode.
fn check_input(automation_id: Uuid, test_mode: bool, input: &Option<AnyElement>) -> Result<(), Refusal> {
    let schema: Option<String> = as_table_owner(|| {
        Ok(Spi::get_one_with_args(
            "SELECT (SELECT nullif(CASE WHEN $2 THEN automations.resolve_trigger(a.trigger_type, a.trigger_config, a.nodes)
                                        ELSE v.trigger_config END -> 'input_schema', 'null')::text
                       FROM public.automations a
                       LEFT JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
                      WHERE a.id = $1 AND a.trigger_type = 'manual')",
            &[automation_id.into(), test_mode.into()],
        )?)
    })?;
    let Some(schema) = schema else { return Ok(()) };
    let config = serde_json::json!({ "input_schema": jsonb::parse(&schema, "input_schema")? });
    let schema =
        flow::trigger::tool::input_schema(&config).map_err(|problem| Refusal::Argument(problem.message))?;
    let Some(schema) = schema else { return Ok(()) };
    let input = match input {
        // SAFETY: the argument is declared jsonb.
        Some(input) => jsonb::value_of(Some(input.datum()), "input")?,
        None => serde_json::json!({}),
    };
    schema
        .check("input", &input)
        .map_err(|mismatch| Refusal::Argument(mismatch.to_string()))
}

/// `automations.cancel(execution_id)`. A captured change that no daemon has claimed yet is a row of the queue only:
/// whoever sees its automation may cancel it.
#[pg_extern(sql = false)]
fn cancel(execution_id: Option<Uuid>) -> Result<bool, ErrorReport> {
    let execution_id = execution_id.ok_or(Refusal::Null("execution_id"))?;
    if !is_visible_execution(execution_id)? && !is_a_change_of_the_callers(execution_id)? {
        return Ok(false);
    }
    let cancelled = as_table_owner(|| {
        Ok(Spi::get_one_with_args::<bool>(
            "SELECT automations.cancel_execution($1)",
            &[execution_id.into()],
        )?)
    })?;
    Ok(cancelled.unwrap_or(false))
}

/// `automations.resume_waiting(execution_id, payload, outcome)`: by what the caller sees, without a token.
#[pg_extern(sql = false)]
fn resume_waiting(
    execution_id: Option<Uuid>,
    payload: Option<AnyElement>,
    outcome: Option<&str>,
) -> Result<bool, ErrorReport> {
    let execution_id = execution_id.ok_or(Refusal::Null("execution_id"))?;
    if !is_visible_execution(execution_id)? {
        return Ok(false);
    }
    let resumed = as_table_owner(|| {
        Ok(Spi::get_one_with_args::<bool>(
            "SELECT automations.resume_all_steps($1, $2, $3)",
            &[execution_id.into(), jsonb::passed_on(payload), outcome.into()],
        )?)
    })?;
    Ok(resumed.unwrap_or(false))
}

/// Whether the caller sees this automation.
pub(crate) fn is_visible_automation(automation_id: Uuid) -> Result<bool, Refusal> {
    let visible: Option<bool> = Spi::get_one_with_args(
        "SELECT EXISTS (SELECT FROM public.automations a WHERE a.id OPERATOR(pg_catalog.=) $1)",
        &[automation_id.into()],
    )?;
    Ok(visible == Some(true))
}

/// Refuses an automation that the caller does not see, as one that is not there.
pub(crate) fn must_see_automation(automation_id: Uuid) -> Result<(), Refusal> {
    match is_visible_automation(automation_id)? {
        true => Ok(()),
        false => Err(Refusal::Unknown {
            kind: "automation",
            id: automation_id.to_string(),
        }),
    }
}

/// Whether the caller sees this execution.
pub(crate) fn is_visible_execution(execution_id: Uuid) -> Result<bool, Refusal> {
    let visible: Option<bool> = Spi::get_one_with_args(
        "SELECT EXISTS (SELECT FROM public.automation_executions e WHERE e.id OPERATOR(pg_catalog.=) $1)",
        &[execution_id.into()],
    )?;
    Ok(visible == Some(true))
}

/// Whether it is a captured change for an automation that the caller sees. The key of the queue begins with the account,
/// so this reads all of it: only where there is no execution at all.
fn is_a_change_of_the_callers(execution_id: Uuid) -> Result<bool, Refusal> {
    let automation: Option<Uuid> = as_table_owner(|| {
        Ok(Spi::get_one_with_args(
            "SELECT coalesce(
                (SELECT d.automation_id FROM automations.debounced d WHERE d.execution_id = $1),
                (SELECT q.automation_id FROM automations.queue q
                  WHERE q.id = $1 AND NOT EXISTS (SELECT FROM public.automation_executions e WHERE e.id = $1)
                  LIMIT 1))",
            &[execution_id.into()],
        )?)
    })?;
    automation.map_or(Ok(false), is_visible_automation)
}
