//! Listens to `automation_execution` and shows each execution as its status changes.

use std::collections::HashMap;

use end_to_end::listener::{Listener, listen};
use end_to_end::{Database, Execution, template, waiting};
use serde_json::Value;
use uuid::Uuid;

use crate::Stage;

/// What it heard and whom it knows.
pub struct Ear {
    listener: Listener,
    names: HashMap<Uuid, String>,
    ran: HashMap<Uuid, Uuid>,
    /// Executions that did not complete, of all that were heard.
    pub failed: usize,
}

impl Ear {
    /// Listens from now on.
    pub async fn new(database: &Database) -> Ear {
        let listener = listen(&database.name, template::OWNER, "automation_execution").await;
        Ear {
            listener,
            names: HashMap::new(),
            ran: HashMap::new(),
            failed: 0,
        }
    }

    /// Shows what happens until so many executions are over, and gives those.
    pub async fn hear(&mut self, stage: &Stage, count: usize) -> Vec<Execution> {
        let mut over = Vec::new();
        while over.len() < count {
            let next = tokio::time::timeout(waiting::DEADLINE, self.next(stage)).await;
            over.extend(next.unwrap_or_else(|_| panic!("waited in vain for an execution to end")));
        }
        over
    }

    /// Listens without a word until so many executions are over.
    pub async fn count(&mut self, count: usize) {
        let mut over = 0;
        while over < count {
            let next = tokio::time::timeout(waiting::DEADLINE, self.listener.heard.recv()).await;
            let notification = next
                .expect("waited in vain for executions to end")
                .expect("a connection");
            let heard: Value = serde_json::from_str(notification.payload()).unwrap_or_default();
            match heard["status"].as_str() {
                Some("completed") => over += 1,
                Some("failed" | "cancelled") => {
                    over += 1;
                    self.failed += 1;
                }
                _ => (),
            }
        }
    }

    /// Shows whatever happens, for ever.
    pub async fn follow(&mut self, stage: &Stage) {
        loop {
            self.next(stage).await;
        }
    }

    /// The next change of status: shown, and given if it is the last one.
    async fn next(&mut self, stage: &Stage) -> Option<Execution> {
        let notification = self
            .listener
            .heard
            .recv()
            .await
            .expect("a connection to listen on");
        let heard: Value = serde_json::from_str(notification.payload()).ok()?;
        let id: Uuid = heard["id"].as_str()?.parse().ok()?;
        let execution = stage.database.execution(id).await?;
        let name = self.name(&stage.database, execution.automation_id).await;
        self.ran.insert(id, execution.automation_id);
        match heard["status"].as_str()? {
            "waiting" => stage.page.waits(&name, &execution),
            "completed" | "failed" | "cancelled" => {
                let cause = execution
                    .caused_by
                    .and_then(|cause| self.ran.get(&cause))
                    .copied();
                let cause = match cause {
                    Some(automation) => Some(self.name(&stage.database, automation).await),
                    None => None,
                };
                self.failed += usize::from(execution.status != "completed");
                stage.page.over(&name, &execution, cause.as_deref());
                return Some(execution);
            }
            _ => (),
        }
        None
    }

    async fn name(&mut self, database: &Database, automation: Uuid) -> String {
        if let Some(name) = self.names.get(&automation) {
            return name.clone();
        }
        let name: String = database
            .value(
                "SELECT name FROM public.automations WHERE id = $1",
                &[&automation],
            )
            .await;
        self.names.insert(automation, name.clone());
        name
    }
}
