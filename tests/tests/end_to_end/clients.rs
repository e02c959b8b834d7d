//! Clients that other people wrote, as they are: the official client of the Model Context Protocol and its conformance
//! suite speak with a daemon, those of OpenAI and Anthropic take the tool definitions, and the library of Standard Webhooks
//! signs calls.

use end_to_end::hook::Hook;
use end_to_end::{Account, Daemon, Database, Graph, clients, waiting};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// Saves a tool of that name.
async fn tool(database: &Database, account: &Account, name: &str, config: Value, graph: &Graph) {
    let mut all = json!({ "tool_name": name, "tool_description": format!("The tool {name}.") });
    for (key, value) in config.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    account.automation(database, name, "ai_tool", all, graph).await;
}

fn begin() -> Graph {
    Graph::from("trigger-ai-tool")
}

fn stop(config: Value) -> Graph {
    begin().node("stop", "logic-stop", config).edge("start", "stop")
}

/// A tool that runs for some seconds.
fn takes(seconds: u32) -> Graph {
    begin()
        .node(
            "wait",
            "logic-delay",
            json!({ "duration": seconds, "unit": "seconds" }),
        )
        .set("done", "said", json!("it is done"))
        .chain(&["start", "wait", "done"])
}

async fn look_up(database: &Database, account: &Account) {
    let graph = begin()
        .set("answer", "found", json!("in {{ trigger.city }}"))
        .edge("start", "answer");
    let parameters = json!([{ "name": "city", "description": "Which one", "required": true },
        { "name": "days", "type": "integer" }]);
    tool(
        database,
        account,
        "look_up",
        json!({ "parameters": parameters }),
        &graph,
    )
    .await;
}

async fn key(database: &Database, account: &Account) -> String {
    let tenant = database.as_tenant(account.user).await;
    let create = "SELECT automations.create_api_key($1, 'a real client')";
    tenant.query_one(create, &[&account.agent]).await.unwrap().get(0)
}

/// The tools of an agent that `tests/clients/agent.py` calls.
async fn agents_tools(database: &Database, account: &Account) {
    look_up(database, account).await;
    let fails = stop(json!({ "status": "failure", "message": "there is none" }));
    tool(database, account, "fails", json!({}), &fails).await;
    tool(database, account, "slow", json!({}), &takes(3)).await;
    let patient = begin()
        .node("wait", "logic-wait", json!({ "for": "resume" }))
        .edge("start", "wait");
    tool(database, account, "patient", json!({}), &patient).await;
}

#[tokio::test]
async fn the_official_python_client_lists_calls_hears_and_takes_back_in_both_revisions() {
    for (mode, revision) in [("legacy", "2025-11-25"), ("auto", "2026-07-28")] {
        let database = Database::fresh().await;
        let account = Account::new(&database).await;
        agents_tools(&database, &account).await;
        let mut daemon = Daemon::start(&database).await;
        let url = format!("http://{}/mcp", daemon.address().await);
        let mut command = clients::python("agent.py");
        command.args([&url, &key(&database, &account).await, mode]);
        let mut child = clients::spawned(&mut command);
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut errors = child.stderr.take().unwrap();
        let errors = tokio::spawn(async move {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text).await;
            text
        });

        let mut last = said.next_line().await.unwrap();
        if last.as_deref() == Some("listening") {
            let changing = async {
                // the first look is what changes are changes of
                let mut now_and_then = tokio::time::interval(std::time::Duration::from_millis(300));
                for n in 0.. {
                    now_and_then.tick().await;
                    tool(&database, &account, &format!("new_{n}"), json!({}), &begin()).await;
                }
            };
            tokio::select! {
                () = changing => {}
                line = said.next_line() => last = line.unwrap(),
            }
        }
        let Some(seen) = last.and_then(|line| serde_json::from_str::<Value>(&line).ok()) else {
            panic!("{mode}: {}", errors.await.unwrap());
        };

        assert_eq!(seen["revision"], json!(revision));
        assert_eq!(seen["server"], json!("automationd"));
        let names = seen["tools"].as_array().unwrap();
        let names: Vec<_> = names.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["fails", "look_up", "patient", "slow"]);
        let schema = &seen["tools"][1]["inputSchema"];
        assert_eq!(schema["required"], json!(["city"]), "{schema}");
        assert_eq!(seen["called"]["isError"], json!(false));
        assert_eq!(seen["called"]["structured"], json!({ "found": "in Nantes" }));
        assert_eq!(seen["refused"]["isError"], json!(true));
        assert!(seen["refused"].to_string().contains("city"), "{seen}");
        assert_eq!(seen["failed"]["isError"], json!(true));
        assert!(seen["failed"].to_string().contains("there is none"), "{seen}");
        assert_eq!(seen["unknown"], json!(-32602));
        assert_eq!(seen["executions"][0], seen["executions"][1]);
        assert_eq!(seen["slow"]["structured"], json!({ "said": "it is done" }));
        let reports = seen["slow"]["reports"].as_array().unwrap();
        assert!(reports.len() >= 2, "{reports:?}");
        assert_eq!(seen["taken_back"], json!(true));
        waiting::until("the call that was taken back to be cancelled", || async {
            let cancelled = "SELECT count(*) FROM public.automation_executions WHERE status = 'cancelled'";
            (database.count(cancelled).await == 1).then_some(())
        })
        .await;
        let changed = seen["changed"].as_array().unwrap();
        assert!(changed.contains(&json!("new_0")), "{changed:?}");
    }
}

#[tokio::test]
async fn the_conformance_suite_passes_but_for_what_tools_alone_do_not_offer() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let text = stop(json!({ "output": "This is a simple text response for testing." }));
    tool(&database, &account, "test_simple_text", json!({}), &text).await;
    let fails = stop(
        json!({ "status": "failure", "message": "This tool intentionally returns an error for testing" }),
    );
    tool(&database, &account, "test_error_handling", json!({}), &fails).await;
    tool(
        &database,
        &account,
        "test_tool_with_progress",
        json!({}),
        &takes(4),
    )
    .await;
    tool(&database, &account, "test_reconnection", json!({}), &takes(1)).await;
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": { "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } } } },
        "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
        "additionalProperties": false,
    });
    let config = json!({ "parameters": schema });
    tool(&database, &account, "json_schema_2020_12_tool", config, &text).await;
    let mut daemon = Daemon::start(&database).await;
    let port = daemon.address().await.port();

    let url = format!("http://localhost:{port}/mcp");
    let (key, folder) = (key(&database, &account).await, tempfile::tempdir().unwrap());
    let suite = || {
        let mut command = clients::conformance(&key);
        command.current_dir(folder.path()).args(["server", "--url", &url]);
        command
    };
    let mut all = suite();
    all.arg("--expected-failures").arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/clients/conformance_baseline.yml"
    ));
    let said = clients::said(all, "").await;
    for passed in [
        "server-initialize",
        "ping",
        "tools-list",
        "tools-call-simple-text",
        "tools-call-error",
        "tools-call-with-progress",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
    ] {
        assert!(said.contains(&format!("✓ {passed}: ")), "{passed}:\n{said}");
    }
    // what the suite does not run by itself
    for scenario in ["json-schema-2020-12", "server-sse-polling"] {
        let mut one = suite();
        one.args(["--scenario", scenario]);
        clients::said(one, "").await;
    }
}

#[tokio::test]
async fn the_models_and_clients_of_openai_anthropic_and_mcp_take_the_definitions_and_their_calls_run() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    look_up(&database, &account).await;
    let nested = json!({ "type": "object", "properties": {
        "when": { "type": "string", "format": "date-time" },
        "people": { "type": "array", "items": { "type": "object", "required": ["name"],
            "properties": { "name": { "type": "string" }, "age": { "type": "integer", "minimum": 0 } } } },
        "kind": { "enum": ["visit", "call"] } }, "required": ["when"] });
    tool(
        &database,
        &account,
        "plan",
        json!({ "parameters": nested }),
        &begin(),
    )
    .await;
    let daemon = Daemon::start(&database).await;
    let tenant = database.as_tenant(account.user).await;
    let all = "SELECT jsonb_object_agg(f, automations.tools($1, f)) FROM unnest('{openai,anthropic,mcp}'::text[]) f";
    let given: Value = tenant.query_one(all, &[&account.agent]).await.unwrap().get(0);

    let said = clients::said(clients::python("tool_definitions.py"), &given.to_string()).await;

    let said: Value = serde_json::from_str(&said).unwrap();
    for format in ["openai", "anthropic", "mcp"] {
        assert_eq!(said[format]["sent"], given[format], "sent as it is");
        assert_eq!(said[format]["sent"].as_array().map(Vec::len), Some(2));
        if format == "mcp" {
            continue;
        }
        let (name, arguments) = (
            said[format]["called"].as_str().unwrap(),
            &said[format]["arguments"],
        );
        assert_eq!(name, "look_up");
        let call = "SELECT automations.call_tool($1, $2, $3)";
        let execution = tenant
            .query_one(call, &[&account.agent, &name, arguments])
            .await
            .unwrap()
            .get(0);
        let ended = database.ended(execution).await.completed();
        assert_eq!(ended.variables["found"], json!("in Nantes"), "{format}");
    }
    daemon.kill().await;
}

#[tokio::test]
async fn the_library_of_standard_webhooks_signs_calls_that_start_one_execution_for_each_message() {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-webhook")
        .set("said", "text", json!("{{ trigger.body.data.text }}"))
        .edge("start", "said");
    let settings = json!({ "path": "paid", "auth": { "type": "standard-webhooks", "secret": SECRET } });
    let hook = Hook::new(&database, &account, settings, &graph).await;
    let mut daemon = Daemon::start(&database).await;
    let url = format!("http://{}{}", daemon.address().await, hook.path);

    let mut command = clients::python("webhook.py");
    command.args([&url, SECRET]);
    let said = clients::said(command, "").await;

    let said: Value = serde_json::from_str(&said).unwrap();
    for right in ["right", "again", "another", "rotated"] {
        assert_eq!(said[right]["status"], json!(202), "{right}: {said}");
    }
    for wrong in ["altered", "strange", "old", "early"] {
        assert_eq!(said[wrong]["status"], json!(401), "{wrong}: {said}");
        assert_eq!(said[wrong]["body"], said["altered"]["body"], "one answer for all");
    }
    let id = |call: &str| said[call]["body"]["execution_id"].clone();
    assert_eq!(id("right"), id("again"));
    assert_ne!(id("right"), id("another"));
    let first = id("right").as_str().unwrap().parse().unwrap();
    assert_eq!(
        database.ended(first).await.completed().variables["text"],
        json!("café")
    );
    let started = "SELECT count(*) FROM public.automation_executions";
    assert_eq!(database.count(started).await, 3);
}
