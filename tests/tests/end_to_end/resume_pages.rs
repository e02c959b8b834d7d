//! Links that resume: what a person sees on a telephone, what a program is told, and that looking changes nothing.

use end_to_end::http::{self, Answer};
use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::{Value, json};
use std::net::SocketAddr;
use uuid::Uuid;

const BROWSER: (&str, &str) = (
    "Accept",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
);
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// An execution that sent a link and waits.
struct Sent {
    database: Database,
    daemon: Daemon,
    address: SocketAddr,
    id: Uuid,
    /// Path of the link.
    link: String,
}

/// Sends the link of `ask`, which is a node of this type, and then waits at it.
async fn sent(kind: &str, config: Value) -> Sent {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let send =
        json!({"method": "POST", "url": receiver.url("/sms"), "body": {"token": "{{ resume['ask'].url }}"}});
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", send)
        .node_with(
            "ask",
            kind,
            json!({"label": "Order <7>", "config": config, "outputVariable": "said"}),
        )
        .set("yes", "way", json!("yes"))
        .set("no", "way", json!("no"))
        .chain(&["start", "send", "ask"]);
    let graph = match kind {
        "logic-approval" => graph
            .edge_from("ask", "approved", "yes")
            .edge_from("ask", "rejected", "no"),
        _ => graph.edge("ask", "yes"),
    };
    let automation = account.manual(&database, "asks", &graph).await;
    let mut daemon = Daemon::start_reaching(&database, &receiver).await;
    let address = daemon.address().await;
    let id = database.start(automation, json!({})).await;
    let url = receiver.tokens(1).await.remove(0);
    let link = url
        .split_once(&address.to_string())
        .expect("our address")
        .1
        .to_owned();
    assert!(link.starts_with("/resume/"), "{link}");
    database.becomes(id, "waiting").await;
    Sent {
        database,
        daemon,
        address,
        id,
        link,
    }
}

impl Sent {
    async fn ask(&self, method: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        http::send(self.address, method, &self.link, headers, body).await
    }

    async fn status(&self) -> String {
        self.database
            .execution(self.id)
            .await
            .expect("an execution")
            .status
    }
}

#[tokio::test]
async fn a_person_reads_what_is_asked_and_decides_with_one_touch() {
    let sent = sent("logic-approval", json!({"message": "Ship it?\n<b>& more</b>"})).await;
    for method in ["GET", "HEAD", "GET"] {
        let page = sent.ask(method, &[BROWSER], b"").await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.header("content-type").starts_with("text/html"));
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.header(name), value, "{name}");
        }
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'")
        );
        if method == "GET" {
            let body = &page.body;
            assert!(body.contains("Ship it?\n&lt;b&gt;&amp; more&lt;/b&gt;"), "{body}");
            assert!(
                body.contains("Order &lt;7&gt;") && body.contains("width=device-width"),
                "{body}"
            );
            assert!(
                body.contains("<form method=\"post\">") && !body.contains("<script"),
                "{body}"
            );
        }
    }
    assert_eq!(sent.status().await, "waiting", "looking resumes nothing");

    let answer = sent
        .ask(
            "POST",
            &[BROWSER, FORM],
            b"comment=with+care+%C3%A9&outcome=approved",
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("You approved."), "{}", answer.body);
    let execution = sent.database.ended(sent.id).await.completed();
    assert_eq!(execution.variables["way"], "yes");
    assert_eq!(
        execution.variables["said"]["payload"],
        json!({"comment": "with care é"})
    );

    // used: for everybody, however it is asked
    for (method, body) in [("GET", &b""[..]), ("POST", b"outcome=rejected")] {
        let answer = sent.ask(method, &[BROWSER, FORM], body).await;
        assert_eq!(answer.status, 410, "{}", answer.body);
        assert!(answer.body.contains("<html"), "{}", answer.body);
        let answer = sent.ask(method, &[FORM], body).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (410, "application/problem+json")
        );
    }
    sent.daemon.stop().await;
}

#[tokio::test]
async fn a_program_resumes_a_wait_with_what_it_sends() {
    let sent = sent("logic-wait", json!({"for": "resume"})).await;
    let shown = sent.ask("GET", &[], b"").await;
    let shown: Value = serde_json::from_str(&shown.body).expect("JSON");
    assert_eq!(
        shown,
        json!({"waits_for": "resume", "message": null, "label": "Order <7>"})
    );
    let page = sent.ask("GET", &[BROWSER], b"").await;
    assert!(
        page.body.contains("Continue") && !page.body.contains("Approve"),
        "{}",
        page.body
    );
    let answer = sent
        .ask(
            "POST",
            &[JSON],
            br#"{"outcome": "paid", "amount": [1, "\u0000"]}"#,
        )
        .await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"outcome":null,"resumed":true}"#)
    );
    let execution = sent.database.ended(sent.id).await.completed();
    assert_eq!(
        execution.variables["said"],
        json!({"outcome": "paid", "amount": [1, "\u{fffd}"]})
    );
    sent.daemon.stop().await;
}

#[tokio::test]
async fn a_person_lets_a_wait_go_on_with_one_touch() {
    let sent = sent("logic-wait", json!({"for": "resume"})).await;
    // as a browser sends a form without fields
    let answer = sent.ask("POST", &[BROWSER, FORM], b"").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("It goes on."), "{}", answer.body);
    sent.database.ended(sent.id).await.completed();
    sent.daemon.stop().await;
}

#[tokio::test]
async fn bad_input_is_told_what_was_wrong_and_resumes_nothing() {
    let sent = sent("logic-approval", json!({"message": "?"})).await;
    let large = [
        b"{\"outcome\": \"approved\", \"x\": \"".to_vec(),
        vec![b'x'; 1 << 20],
        b"\"}".to_vec(),
    ]
    .concat();
    let deep = format!(
        "{{\"outcome\": \"approved\", \"x\": {}1{}}}",
        "[".repeat(110),
        "]".repeat(110)
    );
    for (method, kind, body, status) in [
        ("POST", JSON, &b""[..], 400),
        ("POST", JSON, b"{", 400),
        ("POST", JSON, b"\"approved\"", 400),
        ("POST", JSON, b"{\"outcome\": \"perhaps\"}", 400),
        ("POST", FORM, b"comment=x", 400),
        ("POST", FORM, b"outcome=approved&outcome=rejected", 400),
        (
            "POST",
            ("Content-Type", "multipart/form-data; boundary=x"),
            b"--x",
            415,
        ),
        ("POST", JSON, &large, 413),
        ("POST", JSON, deep.as_bytes(), 400),
        ("PUT", JSON, b"{\"outcome\": \"approved\"}", 405),
        ("DELETE", JSON, b"", 405),
    ] {
        let answer = sent.ask(method, &[kind], body).await;
        assert_eq!(answer.status, status, "{method} {body:.40?}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    // what we have not signed is nobody's, whatever it looks like
    let token = sent.link.trim_start_matches("/resume/");
    let other = if token[20..].starts_with('A') { "B" } else { "A" };
    let forged = format!("{}{other}{}", &token[..20], &token[21..]);
    let mut said = Vec::new();
    for token in [
        &forged,
        "x",
        "..%2f..",
        "%ff",
        &"A".repeat(5_000),
        &format!("{token}x"),
    ] {
        for method in ["GET", "POST"] {
            let path = format!("/resume/{token}");
            let answer = http::send(
                sent.address,
                method,
                &path,
                &[JSON],
                b"{\"outcome\": \"approved\"}",
            )
            .await;
            assert_eq!(answer.status, 404, "{method} {token:.40}: {}", answer.body);
            said.push(answer.body);
        }
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(sent.status().await, "waiting");
    sent.daemon.stop().await;
}

#[tokio::test]
async fn of_many_who_press_at_once_one_decides() {
    let sent = sent("logic-approval", json!({})).await;
    let presses = (0..16).map(|at| {
        let body: &[u8] = if at % 2 == 0 {
            b"outcome=approved"
        } else {
            b"outcome=rejected"
        };
        sent.ask("POST", &[FORM], body)
    });
    let mut said: Vec<u16> = futures_util::future::join_all(presses)
        .await
        .into_iter()
        .map(|answer| answer.status)
        .collect();
    said.sort_unstable();
    assert_eq!(said, [vec![200], vec![410; 15]].concat());
    sent.database.ended(sent.id).await.completed();
    sent.daemon.stop().await;
}

#[tokio::test]
async fn a_link_is_dead_when_its_time_is_over_or_its_execution_was_cancelled() {
    let late = sent("logic-approval", json!({"timeout": 1, "unit": "seconds"})).await;
    late.database.ended(late.id).await;
    let cancelled = sent("logic-approval", json!({})).await;
    let cancel = "SELECT automations.cancel($1)";
    assert!(cancelled.database.value::<bool>(cancel, &[&cancelled.id]).await);
    for sent in [late, cancelled] {
        for (method, body) in [("GET", &b""[..]), ("POST", b"outcome=approved")] {
            assert_eq!(sent.ask(method, &[FORM], body).await.status, 410, "{method}");
        }
        sent.daemon.stop().await;
    }
}
