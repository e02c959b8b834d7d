//! Tools of AI agents: `tools()` and `call_tool()` look at the automations as the caller, whom row level security shows
//! what he may see, and at what is known of them as tools as the owner of the tables.

use flow::trigger::tool::{self, Format, Tool};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, JsonB, Uuid};
use serde_json::{Value, json};

use crate::acting::as_table_owner;
use crate::asking::is_visible_automation;
use crate::jsonb;
use crate::refusal::Refusal;

/// `automations.tool_of(trigger_config)`.
#[pg_extern(sql = false)]
fn tool_of(trigger_config: Option<AnyElement>) -> Result<JsonB, ErrorReport> {
    let config = jsonb::argument(trigger_config, "trigger_config")?;
    let tool = Tool::from_config(&config).map_err(|problem| Refusal::Invalid(problem.message))?;
    Ok(JsonB(json!({
        "name": tool.name,
        "description": tool.description,
        "schema": tool.schema,
    })))
}

/// `automations.tools(agent_id, format)`.
#[pg_extern(sql = false)]
fn tools(agent_id: Option<Uuid>, format: Option<&str>) -> Result<JsonB, ErrorReport> {
    let format = format.unwrap_or("openai");
    let format = Format::find(format).ok_or_else(|| {
        let shown: String = format.chars().take(40).collect();
        Refusal::Argument(format!("`format` is openai, anthropic or mcp, not {shown:?}"))
    })?;
    let visible: Option<Vec<Uuid>> = Spi::get_one_with_args(
        "SELECT pg_catalog.array_agg(a.id) FROM public.automations a
          WHERE a.agent_id OPERATOR(pg_catalog.=) $1 AND a.trigger_type OPERATOR(pg_catalog.=) 'ai_tool'",
        &[agent_id.into()],
    )
    .map_err(Refusal::from)?;
    let found = as_table_owner(|| {
        Spi::connect(|client| {
            let mut found = Vec::new();
            let rows = client.select(
                "SELECT t.tool_name, t.description, t.schema::text FROM automations.tools t
                  WHERE t.agent_id = $1 AND t.automation_id = ANY ($2) ORDER BY t.tool_name COLLATE \"C\"",
                None,
                &[agent_id.into(), visible.unwrap_or_default().into()],
            )?;
            for row in rows {
                let schema: Option<String> = row.get(3)?;
                let tool = Tool {
                    name: row.get::<String>(1)?.unwrap_or_default(),
                    description: row.get(2)?,
                    schema: jsonb::parse(&schema.unwrap_or_default(), "the schema of a tool")?,
                };
                found.push(tool.definition(format));
            }
            Ok(found)
        })
    })?;
    Ok(JsonB(Value::Array(found)))
}

/// `automations.call_tool(agent_id, tool, arguments, conversation_id)`.
#[pg_extern(sql = false)]
fn call_tool(
    agent_id: Option<Uuid>,
    tool: Option<&str>,
    arguments: Option<AnyElement>,
    conversation_id: Option<Uuid>,
) -> Result<Option<Uuid>, ErrorReport> {
    let name = tool.ok_or(Refusal::Null("tool"))?;
    let unknown = || Refusal::Unknown {
        kind: "tool",
        id: name.chars().take(80).collect(),
    };
    let known: Option<(Uuid, String)> = as_table_owner(|| {
        let (automation, schema) = Spi::get_two_with_args::<Uuid, String>(
            "SELECT x.automation_id, x.schema FROM (SELECT) one LEFT JOIN (
                 SELECT t.automation_id, t.schema::text FROM automations.tools t
                  WHERE t.agent_id = $1 AND t.tool_name = $2) x ON true",
            &[agent_id.into(), name.into()],
        )?;
        Ok(automation.zip(schema))
    })?;
    let (automation_id, schema) = known.ok_or_else(unknown)?;
    if !is_visible_automation(automation_id)? {
        return Err(unknown().into());
    }
    let schema = jsonb::parse(&schema, "the schema of the tool")?;
    let arguments =
        tool::arguments(&schema, jsonb::argument(arguments, "arguments")?).map_err(Refusal::Argument)?;
    let started = as_table_owner(|| {
        Ok(Spi::get_one_with_args::<Uuid>(
            "SELECT automations.start_execution($1, $2, false, NULL, $3, NULL, 'ai_tool')",
            &[
                automation_id.into(),
                JsonB(arguments).into(),
                conversation_id.into(),
            ],
        )?)
    })?;
    Ok(started)
}
