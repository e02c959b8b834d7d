//! What the README shows under "Ways to start one" works when it is pasted, in its order, into a database with the sample
//! application.

use end_to_end::sample::NEW_LEAD;
use end_to_end::{Daemon, DaemonOptions, Database, http, waiting};
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;
use tokio_postgres::SimpleQueryMessage;

/// The indented blocks of that section.
fn blocks() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(path).expect("README.md");
    let section = readme
        .split("\n## Ways to start one\n")
        .nth(1)
        .expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in section.lines() {
        let code = line.strip_prefix("    ");
        if let Some(code) = code {
            if !std::mem::replace(&mut inside, true) {
                blocks.push(String::new());
            }
            let block = blocks.last_mut().expect("a block");
            block.push_str(code);
            block.push('\n');
        } else {
            inside = false;
        }
    }
    blocks
}

/// What stands between two words of a line.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text
        .split_once(before)
        .unwrap_or_else(|| panic!("{before} in {text}"))
        .1;
    rest.split_once(after)
        .unwrap_or_else(|| panic!("{after} in {rest}"))
        .0
}

/// The first column of the last row that the statements give.
async fn pasted(database: &Database, statements: &str) -> String {
    let given = database.owner.simple_query(statements).await;
    let given = given.unwrap_or_else(|error| panic!("{error:?}:\n{statements}"));
    let rows = given.iter().rev().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.unwrap_or_default().to_owned()
}

/// What curl says; it fails where the answer is an error.
async fn in_a_shell(command: &str, key: &str) -> String {
    let output = Command::new("bash")
        .arg("-c")
        .arg(command.replacen("curl ", "curl --fail-with-body --max-time 60 ", 1))
        .env("KEY", key)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{said}\n{errors}");
    said
}

async fn ended(database: &Database, what: &str, count: i64) {
    waiting::until(what, || async {
        let query = format!(
            "SELECT count(*) FROM public.automation_executions WHERE automation_id = '{NEW_LEAD}' AND {what}"
        );
        (database.count(&query).await == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_it_shows_of_ways_to_start_works_when_it_is_pasted() {
    let database = Database::fresh().await;
    let options = DaemonOptions {
        flags: vec!["--accept-notify-payloads".to_owned()],
        ..DaemonOptions::default()
    };
    let mut daemon = Daemon::start_with(&database, options).await;
    let address = daemon.address().await;
    daemon.says(&["listening"]).await;
    let mut key = String::new();
    for block in blocks() {
        if ["UPDATE ", "SELECT ", "INSERT "]
            .iter()
            .any(|word| block.starts_with(word))
        {
            let given = pasted(&database, &block).await;
            if block.contains("create_api_key(") {
                key = given;
            }
        }
        if block.contains("/mcp ") {
            let said = in_a_shell(&block.replace("127.0.0.1:8787", &address.to_string()), &key).await;
            assert!(said.contains("Hello Ada"), "{said}");
        } else if block.starts_with("curl ") {
            let path: String = database
                .value("SELECT automations.webhook_path($1)", &[&NEW_LEAD])
                .await;
            assert!(block.contains("http://127.0.0.1:8787/hooks/.../orders ") && path.ends_with("/orders"));
            let (name, value) = between(&block, "-H '", "'").split_once(": ").expect("a header");
            let body = between(&block, "--json '", "'");
            let headers = [(name, value), ("Content-Type", "application/json")];
            let answer = http::send(address, "POST", &path, &headers, body.as_bytes()).await;
            assert_eq!(answer.status, 202, "{}", answer.body);
            ended(&database, "trigger_type = 'webhook' AND status = 'completed'", 1).await;
        } else if block.contains("automations.emit(") {
            ended(
                &database,
                "trigger_type = 'event' AND NOT test_mode AND status = 'completed'",
                1,
            )
            .await;
            ended(
                &database,
                "trigger_type = 'event' AND test_mode AND status = 'completed'",
                1,
            )
            .await;
        } else if block.contains("automations.run(") {
            ended(&database, "trigger_type = 'manual' AND status = 'waiting'", 1).await;
            let link: String = database
                .value(
                    "SELECT variables ->> 'link' FROM public.automation_executions WHERE status = 'waiting'",
                    &[],
                )
                .await;
            let link = link.split_once(&address.to_string()).expect("our address").1;
            let page = http::send(address, "GET", link, &[("Accept", "text/html")], b"").await;
            assert!(page.body.contains("Ship order 7?"), "{}", page.body);
        } else if block.contains("pg_notify(") {
            ended(&database, "trigger_type = 'manual' AND status = 'waiting'", 3).await;
        }
    }
    daemon.stop().await;
}
