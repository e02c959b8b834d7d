//! Calls of webhooks: who may call, what an execution gets, and what the caller is told.

use end_to_end::hook::{self, Hook};
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, http, waiting};
use serde_json::{Value, json};
use uuid::Uuid;

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn echo() -> Graph {
    Graph::from("trigger-webhook")
        .set("said", "said", json!("{{ trigger.body.text }}"))
        .edge("start", "said")
}

#[tokio::test]
async fn a_signed_call_is_on_disk_when_it_is_answered_and_runs_with_its_data() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let called = Hook::new(&database, &account, hook::github("/git/push"), &echo()).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;

    let body = br#"{"text": "caf\u00e9 \u0000"}"#;
    let at = Hook {
        path: format!("{}?a=1&b=x%20y&a=2", called.path),
        ..called
    };
    let id = hook::execution(&at.delivery(address, "d-1", body).await);
    let execution = database.ended(id).await;
    assert_eq!(execution.status, "completed");
    let data: Value = database
        .value(
            "SELECT trigger_data FROM public.automation_executions WHERE id = $1",
            &[&id],
        )
        .await;
    assert_eq!(data["method"], "POST");
    assert_eq!(data["path"], "git/push");
    assert_eq!(data["query"], json!({"a": ["1", "2"], "b": "x y"}));
    assert_eq!(data["body"], json!({"text": "café \u{fffd}"}));
    assert_eq!(data["headers"]["x-github-delivery"], "d-1");
    assert_eq!(data["headers"].get("x-hub-signature-256"), None, "{data}");

    // the same delivery again, and another
    assert_eq!(hook::execution(&at.delivery(address, "d-1", body).await), id);
    assert_ne!(hook::execution(&at.delivery(address, "d-2", body).await), id);
    waiting::until("three counted calls", || async {
        let counted = "SELECT coalesce(sum(calls), 0)::bigint FROM automations.webhook_calls";
        (database.count(counted).await == 3).then_some(())
    })
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn whoever_may_not_call_is_told_the_same_wherever_he_calls_and_starts_nothing() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let called = Hook::new(&database, &account, hook::github("orders"), &echo()).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let name = called
        .path
        .trim_start_matches("/hooks/")
        .trim_end_matches("/orders")
        .to_owned();

    let right = hook::signed(b"{}");
    let large = vec![b'x'; 5 << 20];
    let mut said = Vec::new();
    for (method, path, signature, body) in [
        ("POST", called.path.clone(), "sha256=00", &b"{}"[..]),
        ("POST", called.path.clone(), "", b"{}"),
        ("POST", called.path.clone(), &right, b"{} "),
        ("PUT", called.path.clone(), "", b""),
        ("POST", called.path.clone(), "", &large),
        ("POST", format!("/hooks/{name}/other"), &right, b"{}"),
        (
            "POST",
            format!("/hooks/{}/orders", Uuid::now_v7().simple()),
            &right,
            b"{}",
        ),
        ("POST", format!("/hooks/{name}/%ff"), &right, b"{}"),
        ("POST", format!("/hooks/{name}/a%00b"), &right, b"{}"),
        (
            "GET",
            format!("/hooks/{name}/orders?hub.mode=subscribe&hub.challenge=7"),
            "",
            b"",
        ),
        (
            "GET",
            "/hooks/x/y?hub.mode=subscribe&hub.challenge=7".to_owned(),
            "",
            b"",
        ),
        ("POST", "/hooks/x/y".to_owned(), "", &large),
    ] {
        let headers = [("X-Hub-Signature-256", signature), JSON];
        let answer = http::send(address, method, &path, &headers, body).await;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
        said.push(answer.body);
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.automation_executions")
            .await,
        0
    );
    daemon.stop().await;
}

#[tokio::test]
async fn who_may_call_is_told_what_was_wrong() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let settings = json!({"path": "in", "methods": ["POST", "PUT"],
                          "auth": {"type": "token", "token": "open sesame"}});
    let called = Hook::new(&database, &account, settings, &echo()).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let token = ("Authorization", "Bearer open sesame");
    let large = vec![b' '; (1 << 20) + 1];
    for (method, headers, body, status) in [
        ("GET", vec![token], &b""[..], 405),
        ("POST", vec![token], b"{}", 415),
        (
            "POST",
            vec![token, ("Content-Type", "multipart/form-data; boundary=x")],
            b"{}",
            415,
        ),
        ("POST", vec![token, JSON], b"{", 400),
        ("PUT", vec![token, JSON], &large, 413),
        ("PUT", vec![token, JSON], b"{}", 202),
        (
            "POST",
            vec![token, ("Content-Type", "application/x-www-form-urlencoded")],
            b"a=1",
            202,
        ),
        ("POST", vec![JSON], b"{}", 401),
    ] {
        let answer = http::send(address, method, &called.path, &headers, body).await;
        assert_eq!(answer.status, status, "{method} {headers:?}: {}", answer.body);
        assert_eq!(
            answer.header("allow"),
            if status == 405 { "POST, PUT" } else { "" }
        );
    }
    let settings = json!({"path": "rare", "calls_per_minute": 1});
    let rare = Hook::new(&database, &account, settings, &echo()).await;
    for status in [202, 429] {
        let answer = http::send(address, "POST", &rare.path, &[JSON], b"{}").await;
        assert_eq!(answer.status, status, "{}", answer.body);
        let wait = answer.header("retry-after").parse().unwrap_or(0);
        assert_eq!((1..=60).contains(&wait), status == 429, "{answer:?}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn an_account_that_calls_too_often_is_told_to_wait_whichever_webhook_it_calls_and_no_other_is() {
    let database = Database::fresh().await;
    let (account, other) = (Account::new(&database).await, Account::new(&database).await);
    let get = json!({"path": "get", "methods": ["GET"]});
    let get = Hook::new(&database, &account, get, &echo()).await;
    let post = Hook::new(&database, &account, json!({"path": "post"}), &echo()).await;
    let others = Hook::new(&database, &other, json!({"path": "post"}), &echo()).await;
    let options = DaemonOptions::default().flag("--max-account-calls", "1");
    let mut daemon = Daemon::start_with(&database, options).await;
    let address = daemon.address().await;
    let mut said = Vec::new();
    for (method, hook, body) in [
        ("GET", &get, &b""[..]),
        ("POST", &post, b"{}"),
        ("GET", &get, b""),
        ("POST", &others, b"{}"),
    ] {
        let answer = http::send(address, method, &hook.path, &[JSON], body).await;
        said.push((answer.status, answer.header("retry-after").is_empty()));
    }
    assert_eq!(said, [(202, true), (429, false), (429, false), (202, true)]);
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.automation_executions")
            .await,
        2
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_change_counts_from_the_next_call_on() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let settings = |token: &str| json!({"path": "in", "auth": {"type": "token", "token": token}});
    let called = Hook::new(&database, &account, settings("one"), &echo()).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let call = async |token: &str| {
        let token = format!("Bearer {token}");
        let headers = [("Authorization", token.as_str()), JSON];
        http::send(address, "POST", &called.path, &headers, b"{}")
            .await
            .status
    };
    let save = async |what: &str, config: Value| {
        let statement = format!("UPDATE public.automations SET trigger_config = $1, {what} WHERE id = $2");
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&config, &called.automation];
        database.owner.execute(&statement, &parameters).await.unwrap();
    };
    assert_eq!((call("one").await, call("two").await), (202, 401));
    save("status = status", settings("two")).await;
    assert_eq!((call("one").await, call("two").await), (401, 202));
    save("status = 'paused'", settings("two")).await;
    assert_eq!(call("two").await, 401);
    save("status = 'active'", settings("two")).await;
    assert_eq!(call("two").await, 202);
    save("status = 'error'", settings("two")).await;
    assert_eq!(call("two").await, 202);
    daemon.stop().await;
}

#[tokio::test]
async fn the_last_node_answers_where_the_caller_asks_for_it() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let settings = json!({"path": "sum", "response": "last_node"});
    let summing = Hook::new(&database, &account, settings, &echo()).await;
    let failing = Graph::from("trigger-webhook")
        .node(
            "stop",
            "logic-stop",
            json!({"status": "failure", "message": "a secret of ours"}),
        )
        .edge("start", "stop");
    let settings = json!({"path": "fail", "response": "last_node"});
    let failing = Hook::new(&database, &account, settings, &failing).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let answer = http::send(address, "POST", &summing.path, &[JSON], br#"{"text": "hi"}"#).await;
    assert_eq!(
        (answer.status, answer.body.contains("hi")),
        (200, true),
        "{}",
        answer.body
    );
    let answer = http::send(address, "POST", &failing.path, &[JSON], b"{}").await;
    assert_eq!(
        (answer.status, answer.body.contains("secret")),
        (500, false),
        "{}",
        answer.body
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_call_is_kept_when_asked_and_metas_question_is_answered() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let settings = json!({"path": "meta", "keep": true,
        "auth": {"type": "hmac", "secret": hook::SECRET, "verify_token": "open sesame"}});
    let called = Hook::new(&database, &account, settings, &echo()).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let ask = |token: &str| {
        format!(
            "{}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}",
            called.path
        )
    };
    let answer = http::send(address, "GET", &ask("open+sesame"), &[], b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "1158201444"));
    assert_eq!(http::send(address, "GET", &ask("x"), &[], b"").await.status, 401);
    let id = hook::execution(&called.delivery(address, "", br#"{"entry": 1}"#).await);
    // Meta sends the same again when it heard no answer
    assert_eq!(
        hook::execution(&called.delivery(address, "", br#"{"entry": 1}"#).await),
        id
    );
    let kept: String = database
        .value(
            "SELECT string_agg(concat_ws(' ', source, event, correlation_id, payload -> 'body'), ', ')
                  FROM public.automation_events",
            &[],
        )
        .await;
    assert_eq!(kept, format!("webhook meta {id} {{\"entry\": 1}}"));
    daemon.stop().await;
}

#[tokio::test]
async fn a_host_name_that_is_not_ours_is_not_answered() {
    let database = Database::fresh().await;
    let options = DaemonOptions::default().flag("--public-url", "https://hooks.example.com/");
    let mut daemon = Daemon::start_with(&database, options).await;
    let address = daemon.address().await;
    for (host, status) in [("hooks.example.com", 200), ("evil.example.com", 421)] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{host}: {answer:.100}"
        );
    }
    daemon.stop().await;
}
