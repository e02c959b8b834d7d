//! `action-db`: reads or writes rows of a table that automations may use, as the tenant and of its account only.
//!
//! What may be touched is decided in the database (`automations.node_db`); here only the shape of the settings is
//! made plain, because templates may have turned numbers into text.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};

/// The node type.
pub struct ActionDb;

/// Rows that one run reads at most, and without a `limit`.
const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;

#[async_trait]
impl NodeKind for ActionDb {
    fn name(&self) -> &'static str {
        "action-db"
    }

    fn class(&self) -> Class {
        Class::Tenant
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let call = call(run.config)?;
        Ok(Done::with(run.as_tenant()?.db(&call).await?))
    }

    fn describe(&self, config: &Value) -> Value {
        super::described(self.name(), call(config))
    }
}

/// What `automations.node_db` is told.
fn call(config: &Value) -> Result<Value, NodeError> {
    let operation = setting::required_text(config, "operation")?;
    let needs = match operation.as_str() {
        "find" => &[][..],
        "create" | "upsert" => &["values"],
        "update" => &["values", "where"],
        "delete" => &["where"],
        _ => {
            return Err(NodeError::failed(
                "operation must be find, create, update, upsert or delete",
            ));
        }
    };
    let mut call = json!({
        "operation": operation,
        "table": setting::required_text(config, "table")?,
        "limit": setting::integer(config, "limit", DEFAULT_LIMIT, 1..=MAX_LIMIT)?,
    });
    for name in ["values", "where", "orderBy", "onConflict"] {
        match setting::given(config, name) {
            Some(value) => call[name] = value.clone(),
            None if needs.contains(&name) => return Err(setting::missing(name)),
            None => {}
        }
    }
    // Without a condition the database refuses as well; said here, it costs no transaction and test mode says it too.
    let conditions = &call["where"];
    let none = conditions.as_object().is_some_and(serde_json::Map::is_empty)
        || conditions.as_array().is_some_and(Vec::is_empty);
    if needs.contains(&"where") && none {
        return Err(setting::missing("where"));
    }
    match &call["values"] {
        Value::Object(_) | Value::Null => Ok(call),
        other => Err(setting::wrong("values", "an object", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_one_plain_call() {
        let config = json!({
            "operation": "update", "table": "leads", "values": {"status": "hot"}, "where": {"id": "x"},
            "limit": "5", "orderBy": "", "onConflict": null, "somethingElse": 1,
        });
        let expected = json!({
            "operation": "update", "table": "leads", "values": {"status": "hot"}, "where": {"id": "x"}, "limit": 5,
        });
        assert_eq!(call(&config), Ok(expected));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (config, message) in [
            (json!({"table": "t"}), "operation is missing or empty"),
            (
                json!({"operation": "drop", "table": "t"}),
                "operation must be find, create, update, upsert or delete",
            ),
            (json!({"operation": "find"}), "table is missing or empty"),
            (
                json!({"operation": "create", "table": "t"}),
                "values is missing or empty",
            ),
            (
                json!({"operation": "create", "table": "t", "values": "x"}),
                "values must be an object, but it is a text",
            ),
            (
                json!({"operation": "update", "table": "t", "values": {}}),
                "where is missing or empty",
            ),
            (
                json!({"operation": "delete", "table": "t", "where": {}}),
                "where is missing or empty",
            ),
            (
                json!({"operation": "delete", "table": "t", "where": []}),
                "where is missing or empty",
            ),
            (
                json!({"operation": "find", "table": "t", "limit": 1001}),
                "limit must be a whole number between 1 and 1000",
            ),
        ] {
            assert_eq!(call(&config).unwrap_err().message, message, "{config}");
        }
    }
}
