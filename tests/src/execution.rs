//! Executions as the application reads them, and waiting for their end.

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::{Database, waiting};

/// A row of `automation_executions`.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Its id.
    pub id: Uuid,
    /// The automation.
    pub automation_id: Uuid,
    /// pending, running, waiting, completed, failed, cancelled.
    pub status: String,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// What went wrong, for programs.
    pub error_code: Option<String>,
    /// Where.
    pub error_node: Option<String>,
    /// What started it.
    pub trigger_data: Value,
    /// The story, in order of completion.
    pub nodes: Vec<Value>,
    /// Final variables.
    pub variables: Value,
    /// The result.
    pub output: Value,
    /// The lead that it is about.
    pub lead_id: Option<Uuid>,
    /// The execution whose write started it.
    pub caused_by: Option<Uuid>,
    /// How many such executions lie before it.
    pub depth: i16,
    /// The version of the automation that it runs.
    pub version: Option<i32>,
    /// Whole milliseconds from start to end.
    pub duration_ms: Option<i32>,
}

const COLUMNS: &str = "id, automation_id, status, error, error_code, error_node_id, trigger_data, nodes_executed, \
    variables, output, lead_id, caused_by, depth, version, duration_ms";

impl Execution {
    fn of(row: &Row) -> Execution {
        let json = |index: usize| {
            row.get::<_, Option<Json<Value>>>(index)
                .map_or(Value::Null, |Json(value)| value)
        };
        Execution {
            id: row.get(0),
            automation_id: row.get(1),
            status: row.get(2),
            error: row.get(3),
            error_code: row.get(4),
            error_node: row.get(5),
            trigger_data: json(6),
            nodes: json(7).as_array().cloned().unwrap_or_default(),
            variables: json(8),
            output: json(9),
            lead_id: row.get(10),
            caused_by: row.get(11),
            depth: row.get(12),
            version: row.get(13),
            duration_ms: row.get(14),
        }
    }

    /// Whether it is over.
    pub fn is_final(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }

    /// `node:status` of what ran (not of what was skipped), in order of completion.
    pub fn path(&self) -> Vec<String> {
        let ran = self.nodes.iter().filter(|node| node["status"] != "skipped");
        ran.map(|node| format!("{}:{}", text(&node["node_id"]), text(&node["status"])))
            .collect()
    }

    /// Ids of the nodes that ran, in order of completion.
    pub fn ran(&self) -> Vec<String> {
        let ran = self.nodes.iter().filter(|node| node["status"] != "skipped");
        ran.map(|node| text(&node["node_id"])).collect()
    }

    /// The last entry about this node.
    pub fn node(&self, id: &str) -> &Value {
        let entry = self.nodes.iter().rfind(|node| node["node_id"] == id);
        entry.unwrap_or_else(|| panic!("{id} is not in nodes_executed: {:?}", self.nodes))
    }

    /// Itself, if it completed.
    ///
    /// # Panics
    /// Otherwise, with what went wrong.
    pub fn completed(self) -> Execution {
        assert_eq!(
            self.status, "completed",
            "{:?} at {:?}: {:?}",
            self.error_code, self.error_node, self.error
        );
        self
    }

    /// Itself, if it failed so.
    pub fn failed(self, error_code: &str) -> Execution {
        assert_eq!(
            (self.status.as_str(), self.error_code.as_deref()),
            ("failed", Some(error_code)),
            "{self:?}"
        );
        self
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Database {
    /// The execution with this id, if there is one.
    pub async fn execution(&self, id: Uuid) -> Option<Execution> {
        let query = format!("SELECT {COLUMNS} FROM public.automation_executions WHERE id = $1");
        self.owner
            .query_opt(&query, &[&id])
            .await
            .expect("read an execution")
            .as_ref()
            .map(Execution::of)
    }

    /// All executions of an automation, oldest first.
    pub async fn executions(&self, automation: Uuid) -> Vec<Execution> {
        let query = format!(
            "SELECT {COLUMNS} FROM public.automation_executions WHERE automation_id = $1 ORDER BY id"
        );
        self.owner
            .query(&query, &[&automation])
            .await
            .expect("read executions")
            .iter()
            .map(Execution::of)
            .collect()
    }

    /// Waits until there is an execution with this status; its id.
    pub async fn one_that_is(&self, status: &str) -> Uuid {
        waiting::until(&format!("an execution that is {status}"), || async {
            let query = "SELECT id FROM public.automation_executions WHERE status = $1 LIMIT 1";
            let found = self.owner.query_opt(query, &[&status]).await;
            found.expect("read an execution").map(|row| row.get(0))
        })
        .await
    }

    /// Waits until the execution is over.
    pub async fn ended(&self, id: Uuid) -> Execution {
        waiting::until(&format!("the end of execution {id}"), || async {
            self.execution(id).await.filter(Execution::is_final)
        })
        .await
    }

    /// Waits until the execution has this status.
    pub async fn becomes(&self, id: Uuid, status: &str) -> Execution {
        waiting::until(&format!("execution {id} to be {status}"), || async {
            self.execution(id)
                .await
                .filter(|execution| execution.status == status)
        })
        .await
    }

    /// Waits until an automation has exactly one execution and it is over.
    pub async fn only(&self, automation: Uuid) -> Execution {
        let mut all = self.all_ended(automation, 1).await;
        all.remove(0)
    }

    /// Waits until an automation has so many executions, all over.
    ///
    /// # Panics
    /// When it has more.
    pub async fn all_ended(&self, automation: Uuid, count: usize) -> Vec<Execution> {
        let what = format!("{count} execution(s) of {automation} to end");
        let all = waiting::until(&what, || async {
            let all = self.executions(automation).await;
            (all.len() >= count && all.iter().all(Execution::is_final)).then_some(all)
        })
        .await;
        assert_eq!(all.len(), count, "too many executions: {all:?}");
        all
    }

    /// Waits until nothing is queued any more.
    pub async fn idle(&self) {
        waiting::until("an empty queue", || async {
            (self.count("SELECT count(*) FROM automations.queue").await == 0).then_some(())
        })
        .await;
    }

    /// `automations.run(...)` as the owner of the tables.
    pub async fn start(&self, automation: Uuid, input: Value) -> Uuid {
        self.value("SELECT automations.run($1, $2)", &[&automation, &Json(input)])
            .await
    }
}
