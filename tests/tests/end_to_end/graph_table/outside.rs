//! What people and other systems do while a graph waits, step by step: `{"waiting": "node@place"}` waits until that
//! step waits, `{"requested": path}` until a node has sent that; `resume` resumes the step, `emit` emits an event,
//! `let_go` lets answers go.

use end_to_end::{Database, waiting};
use flow::{Place, ResumeSecret, ResumeToken, StepId, TokenKind};
use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{row::Row, world::World};

/// Who looks at what waits, and signs tokens as the extension does.
pub struct Outside {
    administrator: Client,
}

impl Outside {
    pub async fn new(database: &Database) -> Outside {
        Outside {
            administrator: database.superuser().await,
        }
    }

    pub async fn perform(
        &self,
        database: &Database,
        world: &World,
        row: &Row,
        account: Uuid,
        execution: Uuid,
        step: &Value,
    ) {
        let mut token = None;
        if let Some(entry) = step["waiting"].as_str() {
            token = Some(self.waits(row, execution, &step_id(entry)).await);
        }
        if let Some(path) = step["requested"].as_str() {
            world.request(row, path).await;
        }
        if let Some(path) = step["token_in"].as_str() {
            let body = world.request(row, path).await.json();
            token = body["token"].as_str().map(str::to_owned);
        }
        if let Some(how) = step.get("resume") {
            let token = token.unwrap_or_else(|| panic!("{}: resume what?", row.file));
            let payload = how.get("payload").cloned().unwrap_or_else(|| json!({}));
            let resume = "SELECT automations.resume($1, $2, $3)";
            let outcome = how["outcome"].as_str();
            let first: bool = database.value(resume, &[&token, &Json(&payload), &outcome]).await;
            let second: bool = database.value(resume, &[&token, &Json(&payload), &outcome]).await;
            assert!(
                first && !second,
                "{}: a token is good for one time: {first}, {second}",
                row.file
            );
        }
        if let Some(event) = step.get("emit") {
            let (name, payload) = (event["event"].as_str().unwrap(), Json(&event["payload"]));
            let _: Uuid = database
                .value(
                    "SELECT automations.emit($1, $2, account_id := $3)",
                    &[&name, &payload, &account],
                )
                .await;
        }
        if step.get("let_go").is_some() {
            world.let_go(row);
        }
    }

    /// Waits until a step waits, and gives the token that resumes it.
    async fn waits(&self, row: &Row, execution: Uuid, step: &StepId) -> String {
        let key = step.idempotency_key(execution);
        waiting::until(&format!("{}: {step} to wait", row.file), || async {
            let waits = "SELECT 1 FROM automations.waits
                         WHERE execution_id = $1 AND step_key = $2 AND kind IS NOT NULL AND came IS NULL";
            self.administrator
                .query_opt(waits, &[&execution, &key])
                .await
                .unwrap()
        })
        .await;
        let nodes = row.nodes.as_array().into_iter().flatten();
        let approves = |node: &Value| node["id"] == *step.node && node["type"] == "logic-approval";
        let kind = match nodes.clone().any(approves) {
            true => TokenKind::Approval,
            false => TokenKind::Wait,
        };
        let secret: String = self
            .administrator
            .query_one("SELECT secret FROM automations.token_secret", &[])
            .await
            .unwrap()
            .get(0);
        ResumeToken {
            kind,
            execution,
            step: key,
        }
        .sign(&ResumeSecret::from_hex(&secret).unwrap())
    }
}

/// The step of `node@outer:0/inner:1`, its first run; of `node#2@...` the second.
fn step_id(entry: &str) -> StepId {
    let (step, place) = entry.split_once('@').unwrap_or((entry, ""));
    let (node, run) = step.split_once('#').unwrap_or((step, "1"));
    let around = place.split('/').filter_map(|one| one.split_once(':'));
    let place = around.fold(Place::default(), |place, (id, item)| {
        place.inside(id.into(), 1, item.parse().unwrap())
    });
    StepId {
        node: node.into(),
        place,
        run: run.parse().unwrap(),
    }
}
