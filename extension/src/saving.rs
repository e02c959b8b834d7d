//! Saving an automation: what cannot run is refused while it is active, with the code that the daemon runs (D5), and
//! each saved change of an active automation gets the number of a new, immutable version.

mod row;
mod sealing;

use pgrx::datum::DatumWithOid;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::prelude::*;
use pgrx::{AllocatedByPostgres, PgTrigger};
use serde_json::Value;

use crate::acting::as_table_owner;
use crate::refusal::Refusal;
use flow::trigger::webhook::Webhook;
use row::Row;

/// `automations.check_automation()`: BEFORE INSERT OR UPDATE ON public.automations, for each row.
#[pg_trigger(sql = false)]
fn check_automation<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, Refusal> {
    Ok(Some(checked(trigger).unwrap_or_else(|refusal| refusal.raise())))
}

fn checked<'a>(trigger: &PgTrigger<'_>) -> Result<PgHeapTuple<'a, AllocatedByPostgres>, Refusal> {
    let new = Row::new(trigger).ok_or(Refusal::WrongTrigger("automations.check_automation()"))?;
    let old = Row::old(trigger);
    let moved = old.as_ref().is_none_or(|old| {
        old.uuid("agent_id") != new.uuid("agent_id") || old.uuid("user_id") != new.uuid("user_id")
    });
    if moved {
        agent_is_the_owners(&new)?;
    }
    if new.text("status").as_deref() == Some("active") {
        can_run(&new)?; // before secrets are sealed, while their form can be seen
    }
    let new = sealing::sealed(new, old.as_ref())?;
    // The number is ours: what the caller writes there only asks for another one.
    let current = old.as_ref().and_then(|old| old.integer("version"));
    let mut number = current;
    if new.text("status").as_deref() == Some("active") {
        let resolved = resolved(&new)?;
        let asked = new.integer("version") != current;
        if current.is_none() || asked || differs(&new, current, resolved)? {
            number = Some(next_version(&new)?);
        }
    }
    new.with(&[("version", number.map(pg_sys::Datum::from))])?
        .into_tuple()
}

/// `automations.publish_version()`: AFTER INSERT OR UPDATE ON public.automations, for each row.
#[pg_trigger(sql = false)]
fn publish_version<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, Refusal> {
    let saved = Row::new(trigger)
        .ok_or(Refusal::WrongTrigger("automations.publish_version()"))
        .and_then(|new| {
            as_table_owner(|| {
                Ok(Spi::run_with_args(
                    "SELECT automations.save_version($1, nullif(current_setting('automations.note', true), ''),
                                                     automations.claimed_user())",
                    &[new.uuid("id").into()],
                )?)
            })
        });
    if let Err(refusal) = saved {
        refusal.raise();
    }
    Ok(None)
}

/// The agent must belong to the user that the automation names, also when either changes (D9). Who asks does not
/// learn whether the agent is somebody else's or not there at all.
fn agent_is_the_owners(new: &Row) -> Result<(), Refusal> {
    let (Some(agent), Some(owner)) = (new.uuid("agent_id"), new.uuid("user_id")) else {
        return Ok(()); // NOT NULL says it better
    };
    let same = as_table_owner(|| {
        Ok(Spi::get_one_with_args::<bool>(
            "SELECT automations.account_of_agent($1) = $2",
            &[agent.into(), owner.into()],
        )?)
    })?;
    match same {
        Some(true) => Ok(()),
        _ => Err(Refusal::ForeignAgent(agent.to_string())),
    }
}

/// The trigger configuration that counts.
fn resolved(new: &Row) -> Result<Value, Refusal> {
    let trigger_type = new.text("trigger_type").unwrap_or_default();
    Ok(flow::trigger::resolve(
        &trigger_type,
        &new.json("trigger_config")?,
        &new.json("nodes")?,
    ))
}

/// Graph, trigger and options: everything that would make an execution fail before its first node. `validate()` shows
/// the first part; the others are not in the graph.
fn can_run(new: &Row) -> Result<(), Refusal> {
    let nodes = new.json("nodes")?;
    let edges = new.json("edges")?;
    let trigger_type = new.text("trigger_type").unwrap_or_default();
    let problems = flow::check(&nodes, &edges, Some(&trigger_type), &flow::Limits::default());
    if let Some(problem) = problems.into_iter().find(flow::Problem::is_error) {
        return Err(refused(&problem));
    }
    let resolved = flow::trigger::resolve(&trigger_type, &new.json("trigger_config")?, &nodes);
    if trigger_type == "event" {
        flow::Listener::from_config(&resolved).map_err(|problem| refused(&problem))?;
        flow::options::Entry::from_config(&resolved).map_err(|problem| refused(&problem))?;
    }
    if trigger_type == "schedule" {
        flow::Schedule::from_config(&resolved, crate::schedules::transaction_start())
            .map_err(|problem| refused(&problem))?;
    }
    if trigger_type == "manual" {
        flow::trigger::tool::input_schema(&resolved).map_err(|problem| refused(&problem))?;
    }
    if trigger_type == "webhook" {
        Webhook::from_config(&resolved, None).map_err(|problem| refused(&problem))?;
    }
    if trigger_type == "ai_tool" {
        flow::trigger::tool::Tool::from_config(&resolved).map_err(|problem| refused(&problem))?;
    }
    flow::Options::from_json(&new.json("options")?).map_err(|problem| refused(&problem))?;
    Ok(())
}

fn refused(problem: &flow::Problem) -> Refusal {
    Refusal::Invalid(match &problem.node_id {
        Some(node) => format!("node {node}: {} ({})", problem.message, problem.code),
        None => format!("{} ({})", problem.message, problem.code),
    })
}

/// Whether what is saved is something else than what its version holds, e.g. because it was changed as a draft.
fn differs(new: &Row, version: Option<i32>, resolved: Value) -> Result<bool, Refusal> {
    let same = as_table_owner(|| {
        let arguments: [DatumWithOid<'_>; 8] = [
            new.uuid("id").into(),
            version.into(),
            new.text("trigger_type").into(),
            pgrx::JsonB(resolved).into(),
            new.jsonb("nodes"),
            new.jsonb("edges"),
            new.jsonb("options"),
            new.uuid("user_id").into(),
        ];
        Ok(Spi::get_one_with_args::<bool>(
            "SELECT (SELECT v.trigger_type = $3 AND v.trigger_config = $4 AND v.nodes = $5 AND v.edges = $6
                            AND v.options = $7 AND v.account_id = $8
                       FROM public.automation_versions v WHERE v.automation_id = $1 AND v.version = $2)",
            &arguments,
        )?)
    })?;
    Ok(same != Some(true))
}

fn next_version(new: &Row) -> Result<i32, Refusal> {
    let newest = as_table_owner(|| {
        Ok(Spi::get_one_with_args::<i32>(
            "SELECT max(v.version) FROM public.automation_versions v WHERE v.automation_id = $1",
            &[new.uuid("id").into()],
        )?)
    })?;
    Ok(newest.unwrap_or(0).saturating_add(1))
}
