//! `ai_tool`: what an agent is told about an automation, and how it may be called.

use serde_json::{Value, json};

use super::text;
use crate::problem::Problem;
use crate::schema::{self, Schema};

/// What fits into the description of a function for OpenAI.
const MAX_DESCRIPTION: usize = 1_024;
/// As the model providers take it.
const MAX_NAME: usize = 64;

/// A tool as its trigger configures it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// `^[a-z_][a-z0-9_]{0,63}$`.
    pub name: String,
    /// What the agent reads about it.
    pub description: Option<String>,
    /// The JSON Schema of its arguments, an object's.
    pub schema: Value,
}

/// How tool definitions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `tools` of OpenAI's chat completions.
    OpenAi,
    /// `tools` of Anthropic's messages.
    Anthropic,
    /// `tools/list` of the Model Context Protocol.
    Mcp,
}

impl Format {
    /// By its name, as `automations.tools` takes it.
    pub fn find(name: &str) -> Option<Format> {
        match name {
            "openai" => Some(Format::OpenAi),
            "anthropic" => Some(Format::Anthropic),
            "mcp" => Some(Format::Mcp),
            _ => None,
        }
    }
}

impl Tool {
    /// Reads a resolved configuration and compiles its schema.
    ///
    /// # Errors
    /// The setting that is missing or wrong.
    pub fn from_config(resolved: &Value) -> Result<Tool, Problem> {
        let problem = |message: String| Problem::error("trigger_config", None, message);
        let name = text(resolved, "tool_name")?
            .ok_or_else(|| problem("`tool_name` is missing: it is what the agent calls".to_owned()))?;
        if !is_name(name) {
            let shown: String = name.chars().take(80).collect();
            return Err(problem(format!(
                "`tool_name` is {shown:?}, and it must be of lower-case letters, digits and _, not begin with a digit, \
                 and have at most {MAX_NAME} characters"
            )));
        }
        let description = text(resolved, "tool_description")?;
        if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
            return Err(problem(format!(
                "`tool_description` has more than {MAX_DESCRIPTION} characters"
            )));
        }
        let schema = parameters(resolved.get("parameters")).map_err(&problem)?;
        Ok(Tool {
            name: name.to_owned(),
            description: description.map(str::to_owned),
            schema,
        })
    }

    /// The definition for a client of this format. `strict` where OpenAI's strict mode can say what the schema says.
    pub fn definition(&self, format: Format) -> Value {
        let mut definition = json!({ "name": self.name });
        if let Some(description) = &self.description {
            definition["description"] = json!(description);
        }
        match format {
            Format::OpenAi => {
                let strict = schema::strict(&self.schema);
                definition["strict"] = json!(strict.is_some());
                definition["parameters"] = strict.unwrap_or_else(|| self.schema.clone());
                json!({ "type": "function", "function": definition })
            }
            Format::Anthropic => {
                definition["input_schema"] = self.schema.clone();
                definition
            }
            Format::Mcp => {
                definition["inputSchema"] = self.schema.clone();
                definition
            }
        }
    }
}

/// The arguments of a call as the automation gets them: null for what is optional and takes no null is absent.
///
/// # Errors
/// A sentence with JSON pointers: what does not fit the schema, or why the schema itself is none.
pub fn arguments(schema: &Value, arguments: Value) -> Result<Value, String> {
    let arguments = match arguments {
        Value::Null => json!({}),
        arguments => arguments,
    };
    let compiled = Schema::compile(schema).map_err(|error| format!("the schema of the tool: {error}"))?;
    let arguments = schema::without_nulls(schema, arguments);
    compiled
        .check("arguments", &arguments)
        .map_err(|mismatch| mismatch.to_string())?;
    Ok(arguments)
}

/// `input_schema` of a manual trigger: none where it is not there or blank.
///
/// # Errors
/// A schema that is not taken.
pub fn input_schema(resolved: &Value) -> Result<Option<Schema>, Problem> {
    match resolved.get("input_schema") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(entries)) if entries.is_empty() => Ok(None),
        Some(schema) => Schema::compile(schema)
            .map(Some)
            .map_err(|error| Problem::error("trigger_config", None, format!("`input_schema`: {error}"))),
    }
}

fn parameters(parameters: Option<&Value>) -> Result<Value, String> {
    let schema = schema::of_parameters(parameters).and_then(|schema| {
        Schema::compile(&schema)?;
        Ok(schema)
    });
    schema.map_err(|error| format!("`parameters`: {error}"))
}

fn is_name(name: &str) -> bool {
    let first = name
        .bytes()
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c == b'_');
    let rest = name
        .bytes()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
    first && rest && name.len() <= MAX_NAME
}
