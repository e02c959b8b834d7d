//! Who is let in: keys, their scopes and their sessions, hosts and pages.

use super::*;

#[tokio::test]
async fn whatever_is_wrong_with_a_key_the_answer_is_the_same() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    look_up(&database, &account, "look_up").await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let good = key(&database, &account, "").await;
    let expired = key(&database, &account, ", expires_at => now() - interval '1 second'").await;
    let revoked = key(&database, &account, "").await;
    database
        .owner
        .execute(
            "UPDATE public.automation_api_keys SET revoked_at = now() WHERE $1 LIKE prefix || '%'",
            &[&revoked],
        )
        .await
        .unwrap();
    let other = flow::ApiKey::make("live", &[7; 8], &[7; 32]).unwrap();
    let mut wrong = vec![
        expired,
        revoked,
        other.reveal().to_owned(),
        String::new(),
        "x".to_owned(),
    ];
    wrong.push(good.replace("auto_live", "auto_test"));
    let mut answers = Vec::new();
    for key in &wrong {
        let agent = Agent::with_key(address, key, WITHOUT_SESSIONS);
        let said = agent.request("tools/list", json!({})).await;
        assert_eq!(said.status, 401, "{said:?}");
        assert_eq!(said.header("content-type"), Some("application/problem+json"));
        assert_eq!(said.header("www-authenticate"), Some("bearer"));
        answers.push(said.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // each as often as it takes until no more may come from here; a good key that was good is still asked about
    let agent = Agent::connect(address, &good, WITHOUT_SESSIONS).await;
    assert_eq!(agent.tools().await, ["look_up"]);
    let guesser = Agent::with_key(address, other.reveal(), WITHOUT_SESSIONS);
    let mut said = guesser.request("tools/list", json!({})).await;
    for _ in 0..60 {
        said = guesser.request("tools/list", json!({})).await;
        if said.status == 429 {
            break;
        }
    }
    assert_eq!(said.status, 429, "{said:?}");
    assert!(
        said.header("retry-after")
            .is_some_and(|seconds| seconds.parse::<u64>().is_ok()),
        "{said:?}"
    );
    assert_eq!(agent.tools().await, ["look_up"]);
    let log = daemon.log().join("\n");
    for key in wrong.iter().filter(|key| key.len() > 40).chain([&good]) {
        assert!(!log.contains(&key[24..]), "a secret is in the log");
    }
}

#[tokio::test]
async fn a_session_belongs_to_the_key_that_opened_it_and_ends_with_it() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    look_up(&database, &account, "look_up").await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let (mine, other) = (
        key(&database, &account, "").await,
        key(&database, &account, "").await,
    );
    let agent = Agent::connect(address, &mine, WITH_SESSIONS).await;
    let mut thief = Agent::with_key(address, &other, WITH_SESSIONS);
    thief.session.clone_from(&agent.session);
    let stolen = thief.request("tools/list", json!({})).await;
    assert_eq!(stolen.status, 404, "{stolen:?}");
    thief.session = Some("no-such-session".to_owned());
    let unknown = thief.request("tools/list", json!({})).await;
    assert_eq!((unknown.status, &unknown.body), (404, &stolen.body));
    assert_eq!(agent.tools().await, ["look_up"]);
    database
        .owner
        .execute(
            "UPDATE public.automation_api_keys SET revoked_at = now() WHERE $1 LIKE prefix || '%'",
            &[&mine],
        )
        .await
        .unwrap();
    assert_eq!(agent.request("tools/list", json!({})).await.status, 401);
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    look_up(&database, &account, "look_up").await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let key = key(&database, &account, ", ARRAY['tools:read']").await;
    let agent = Agent::connect(address, &key, WITHOUT_SESSIONS).await;
    assert_eq!(agent.tools().await, ["look_up"]);
    let told = agent.call("look_up", json!({ "city": "Nantes" })).await;
    assert!(
        told["error"]["message"]
            .as_str()
            .unwrap()
            .contains("may not call"),
        "{told}"
    );
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.automation_executions")
            .await,
        0
    );
}

#[tokio::test]
async fn other_hosts_and_other_pages_are_refused() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    let key = key(&database, &account, "").await;
    let agent = Agent::with_key(address, &key, WITHOUT_SESSIONS);
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": {
        "io.modelcontextprotocol/protocolVersion": WITHOUT_SESSIONS,
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {} } } });
    let mut headers = agent.headers("server/discover", &Value::Null);
    let said = agent.post(&message.to_string(), &headers).await.read().await;
    assert_eq!(said.status, 200, "{said:?}");
    headers.push(("Origin".to_owned(), "https://evil.example".to_owned()));
    let said = agent.post(&message.to_string(), &headers).await.read().await;
    assert_eq!(
        (said.status, said.header("content-type")),
        (403, Some("application/problem+json")),
        "{said:?}"
    );
    headers.pop();
    headers[0].1 = "evil.example".to_owned();
    let said = agent.post(&message.to_string(), &headers).await.read().await;
    assert_eq!(
        (said.status, said.header("content-type")),
        (421, Some("application/problem+json")),
        "{said:?}"
    );
}
