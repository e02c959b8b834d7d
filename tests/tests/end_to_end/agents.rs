//! Automations as tools of AI agents over the Model Context Protocol, in both revisions.

mod let_in;

use end_to_end::agent::{Agent, WITH_SESSIONS, WITHOUT_SESSIONS};
use end_to_end::{Account, Daemon, Database, Graph, http, waiting};
use serde_json::{Value, json};
use uuid::Uuid;

const REVISIONS: [&str; 2] = [WITH_SESSIONS, WITHOUT_SESSIONS];

/// A tool that says where one asked about.
async fn look_up(database: &Database, account: &Account, name: &str) -> Uuid {
    let graph = Graph::from("trigger-ai-tool")
        .set("answer", "found", json!("in {{ trigger.city }}"))
        .edge("start", "answer");
    let config = json!({ "tool_name": name, "tool_description": "Looks it up.",
        "parameters": [{ "name": "city", "required": true }] });
    account
        .automation(database, name, "ai_tool", config, &graph)
        .await
}

/// A tool that waits until somebody resumes it.
async fn patient(database: &Database, account: &Account) -> Uuid {
    let graph = Graph::from("trigger-ai-tool")
        .node("wait", "logic-wait", json!({ "for": "resume" }))
        .edge("start", "wait");
    account
        .automation(
            database,
            "patient",
            "ai_tool",
            json!({ "tool_name": "patient" }),
            &graph,
        )
        .await
}

async fn key(database: &Database, account: &Account, rest: &str) -> String {
    let create = format!("SELECT automations.create_api_key($1, 'test'{rest})");
    let tenant = database.as_tenant(account.user).await;
    tenant.query_one(&create, &[&account.agent]).await.unwrap().get(0)
}

#[tokio::test]
async fn an_agent_lists_its_tools_and_calls_them_in_both_revisions() {
    let database = Database::fresh().await;
    let (account, stranger) = (Account::new(&database).await, Account::new(&database).await);
    look_up(&database, &account, "look_up").await;
    look_up(&database, &stranger, "of_a_stranger").await;
    let mut daemon = Daemon::start(&database).await;
    let (address, key) = (daemon.address().await, key(&database, &account, "").await);
    for revision in REVISIONS {
        let agent = Agent::connect(address, &key, revision).await;
        assert_eq!(agent.tools().await, ["look_up"], "{revision}");
        let strange = agent.call("of_a_stranger", json!({ "city": "Nantes" })).await;
        let unknown = agent.call("of_nobodyyyyy", json!({ "city": "Nantes" })).await;
        let text = |told: &Value| {
            told["error"]
                .to_string()
                .replace("of_nobodyyyyy", "of_a_stranger")
        };
        assert_eq!(text(&strange), text(&unknown), "{strange}");
        let said = agent.request("tools/list", json!({})).await;
        let tool = &said.answer()["result"]["tools"][0];
        assert_eq!(tool["description"], json!("Looks it up."));
        assert_eq!(tool["inputSchema"]["required"], json!(["city"]));
        assert_eq!(tool["annotations"]["readOnlyHint"], json!(true));

        let told = agent.call("look_up", json!({ "city": "Nantes" })).await;
        assert_eq!(told["result"]["isError"], json!(false), "{told}");
        assert_eq!(
            told["result"]["structuredContent"],
            json!({ "found": "in Nantes" }),
            "{told}"
        );
        let text = told["result"]["content"][0]["text"].as_str().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(text).unwrap(),
            json!({ "found": "in Nantes" })
        );
    }
    let started = "SELECT count(*) FROM public.automation_executions WHERE trigger_type = 'ai_tool' AND status = 'completed'";
    assert_eq!(database.count(started).await, 2);
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.automation_api_keys WHERE last_used_at IS NOT NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn errors_of_the_automation_are_the_tools_and_errors_of_the_protocol_are_the_protocols() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    look_up(&database, &account, "look_up").await;
    let failing = Graph::from("trigger-ai-tool")
        .node(
            "stop",
            "logic-stop",
            json!({ "status": "failure", "message": "there is none" }),
        )
        .edge("start", "stop");
    account
        .automation(
            &database,
            "fails",
            "ai_tool",
            json!({ "tool_name": "fails" }),
            &failing,
        )
        .await;
    let mut daemon = Daemon::start(&database).await;
    let (address, key) = (daemon.address().await, key(&database, &account, "").await);
    for revision in REVISIONS {
        let agent = Agent::connect(address, &key, revision).await;
        let before = database
            .count("SELECT count(*) FROM public.automation_executions")
            .await;
        let told = agent.call("look_up", json!({ "city": 7 })).await;
        assert_eq!(told["result"]["isError"], json!(true), "{told}");
        assert!(told.to_string().contains("arguments/city"), "{told}");
        let told = agent.call("of_nobody", json!({})).await;
        assert_eq!(told["error"]["code"], json!(-32602), "{told}");
        let told = agent.request("no/such/method", json!({})).await;
        assert_eq!(told.answer()["error"]["code"], json!(-32601), "{told:?}");
        assert_eq!(
            database
                .count("SELECT count(*) FROM public.automation_executions")
                .await,
            before
        );

        let told = agent.call("fails", json!({})).await;
        assert_eq!(told["result"]["isError"], json!(true), "{told}");
        assert!(
            told["result"]["content"][0]["text"]
                .as_str()
                .unwrap()
                .contains("there is none"),
            "{told}"
        );

        for broken in [
            "",
            "{",
            "[]",
            "null",
            "7",
            "{\"jsonrpc\": \"2.0\"}",
            &"[".repeat(100_000),
        ] {
            let said = agent
                .post(broken, &agent.headers("tools/list", &Value::Null))
                .await
                .read()
                .await;
            assert!((400..500).contains(&said.status), "{broken:.40}: {said:?}");
        }
        let large = agent.headers("tools/list", &Value::Null);
        let said = agent.post(&"x".repeat(3 << 20), &large).await.read().await;
        assert_eq!(
            (said.status, said.header("content-type")),
            (413, Some("application/problem+json")),
            "{said:?}"
        );
        assert_eq!(agent.tools().await.len(), 2, "it still works");
    }
}

#[tokio::test]
async fn a_call_repeated_with_its_idempotency_key_is_one_execution() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    look_up(&database, &account, "look_up").await;
    let conversation = account.conversation(&database).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let key = key(&database, &account, "").await;
    let meta = json!({ "automations/idempotencyKey": "order-7", "automations/conversationId": conversation });
    let mut executions = Vec::new();
    for revision in REVISIONS {
        let agent = Agent::connect(address, &key, revision).await;
        let params = json!({ "name": "look_up", "arguments": { "city": "Nantes" }, "_meta": meta });
        let said = agent.request("tools/call", params).await;
        assert_eq!(
            said.answer()["result"]["structuredContent"],
            json!({ "found": "in Nantes" }),
            "{said:?}"
        );
        executions.push(said.answer()["result"]["_meta"]["automations/executionId"].clone());
    }
    assert_eq!(executions[0], executions[1]);
    let found: Uuid = database
        .value("SELECT conversation_id FROM public.automation_executions", &[])
        .await;
    assert_eq!(found, conversation);
}

#[tokio::test]
async fn progress_is_told_while_it_runs_and_a_call_that_is_taken_back_is_cancelled() {
    for revision in REVISIONS {
        let database = Database::fresh().await;
        let account = Account::new(&database).await;
        patient(&database, &account).await;
        let mut daemon = Daemon::start(&database).await;
        let address = daemon.address().await;
        let key = key(&database, &account, "").await;
        let agent = Agent::connect(address, &key, revision).await;
        let params = json!({ "name": "patient", "arguments": {}, "_meta": { "progressToken": "p1" } });
        let (id, mut reply) = agent.begin("tools/call", params).await;
        let mut times = Vec::new();
        while times.len() < 2 {
            let message = reply.next().await.expect("progress");
            if message["method"] == json!("notifications/progress") {
                assert_eq!(message["params"]["progressToken"], json!("p1"));
                times.push(message["params"]["progress"].as_f64().unwrap());
            }
        }
        assert!(times[0] < times[1], "{times:?}");
        database.one_that_is("waiting").await;
        match revision {
            WITH_SESSIONS => {
                let said = agent
                    .notify("notifications/cancelled", json!({ "requestId": id }))
                    .await;
                assert_eq!(said.status, 202, "{said:?}");
            }
            _ => drop(reply),
        }
        database.one_that_is("cancelled").await;
    }
}

#[tokio::test]
async fn a_call_with_an_idempotency_key_survives_its_connection_and_is_asked_for_again() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    patient(&database, &account).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let key = key(&database, &account, "").await;
    let agent = Agent::connect(address, &key, WITHOUT_SESSIONS).await;
    let params = json!({ "name": "patient", "arguments": {},
        "_meta": { "progressToken": "p1", "automations/idempotencyKey": "order-8" } });
    let (_, mut reply) = agent.begin("tools/call", params.clone()).await;
    reply.next().await.expect("progress");
    let first = database.one_that_is("waiting").await;
    drop(reply);
    waiting::until("the daemon to see that the connection is gone", || async {
        let metrics = http::get(address, "/metrics").await?.body;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("automationd_mcp_calls_total{"))?;
        line.ends_with(" 1").then_some(())
    })
    .await;
    let (_, mut again) = agent.begin("tools/call", params).await;
    again.next().await.expect("progress");
    let resumed: bool = database
        .value(
            "SELECT automations.resume_waiting($1, '{\"text\": \"here\"}', NULL)",
            &[&first],
        )
        .await;
    assert!(resumed);
    let said = again.read().await;
    let result = &said.answer()["result"];
    assert_eq!(result["isError"], json!(false), "{said:?}");
    assert_eq!(
        result["_meta"]["automations/executionId"],
        json!(first),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_daemon_that_stops_lets_the_execution_of_a_call_go_on() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    patient(&database, &account).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let key = key(&database, &account, "").await;
    let agent = Agent::connect(address, &key, WITH_SESSIONS).await;
    let call = tokio::spawn(async move {
        agent
            .begin("tools/call", json!({ "name": "patient" }))
            .await
            .1
            .read()
            .await
    });
    database.one_that_is("waiting").await;
    daemon.stop().await;
    drop(call.await);
    database.one_that_is("waiting").await;
}

#[tokio::test]
async fn a_client_hears_that_the_list_of_its_tools_has_changed() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    look_up(&database, &account, "first").await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let key = key(&database, &account, "").await;
    for (revision, tool) in REVISIONS.into_iter().zip(["second", "third"]) {
        let agent = Agent::connect(address, &key, revision).await;
        let mut stream = match revision {
            WITH_SESSIONS => agent.listen().await,
            _ => {
                let (_, mut stream) = agent
                    .begin(
                        "subscriptions/listen",
                        json!({ "notifications": { "toolsListChanged": true } }),
                    )
                    .await;
                let told = stream.next().await.expect("an acknowledgment");
                assert_eq!(
                    told["method"],
                    json!("notifications/subscriptions/acknowledged"),
                    "{told}"
                );
                stream
            }
        };
        assert_eq!(stream.status, 200, "{}", stream.head);
        // the first look is what changes are changes of
        let changing = async {
            let mut now_and_then = tokio::time::interval(std::time::Duration::from_millis(300));
            for n in 0.. {
                now_and_then.tick().await;
                look_up(&database, &account, &format!("{tool}_{n}")).await;
            }
        };
        let heard = async {
            loop {
                let message = stream.next().await.expect("a notification");
                if message["method"] == json!("notifications/tools/list_changed") {
                    return;
                }
            }
        };
        tokio::select! {
            () = changing => {}
            () = heard => {}
        }
        assert!(agent.tools().await.iter().any(|name| name.starts_with(tool)));
    }
}
