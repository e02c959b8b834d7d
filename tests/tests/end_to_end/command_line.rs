//! automationd at the command line: what it says, where, and with which exit code.

use end_to_end::{Database, Graph, cluster, daemon, template};
use serde_json::json;

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

async fn automationd(arguments: &[&str]) -> Said {
    let output = daemon::command()
        .args(arguments)
        .output()
        .await
        .expect("run automationd");
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[tokio::test]
async fn a_wrong_setting_is_one_line_that_names_the_flag_and_exit_2() {
    let url = "postgres://user:hidden-word@localhost/db";
    let cases: [(&[&str], &str); 6] = [
        (&[], "--database-url"),
        (&["--database-url", "nonsense://x"], "--database-url"),
        (&["--database-url", url, "--http", "everywhere"], "--http"),
        (&["--database-url", url, "--lease", "soon"], "--lease"),
        (&["--database-url", url, "--concurrency", "0"], "--concurrency"),
        (&["--database-url", url, "--no-such-flag"], "--no-such-flag"),
    ];
    for (arguments, flag) in cases {
        let said = automationd(arguments).await;
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.err);
        assert_eq!(said.err.trim_end().lines().count(), 1, "{}", said.err);
        assert!(
            said.err.contains(flag) && !said.err.contains("hidden-word"),
            "{}",
            said.err
        );
    }
}

#[tokio::test]
async fn check_finds_everything_right_on_an_adopted_database() {
    let database = Database::fresh().await;
    let said = automationd(&[
        "check",
        "--database-url",
        &cluster::url(&database.name, template::DAEMON),
    ])
    .await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.lines().count() >= 5, "{}", said.out);
}

#[tokio::test]
async fn check_fails_where_something_is_wrong() {
    let empty = Database::empty().await;
    let copy = Database::copy_of_template().await;
    for (what, url) in [
        ("no such server", "postgres://nobody@127.0.0.1:1/none".to_owned()),
        ("no extension", cluster::url(&empty.name, template::DAEMON)),
        ("a copy", cluster::url(&copy.name, template::DAEMON)),
        ("a superuser", cluster::url(&copy.name, "postgres")),
    ] {
        let said = automationd(&["check", "--database-url", &url]).await;
        assert_eq!(said.code, Some(1), "{what}: {}{}", said.out, said.err);
        assert!(!said.out.contains(&cluster::password()) && !said.err.contains(&cluster::password()));
    }
}

#[tokio::test]
async fn the_daemon_refuses_to_run_as_a_superuser() {
    let database = Database::fresh().await;
    let url = cluster::url(&database.name, "postgres");
    let said = automationd(&["--database-url", &url, "--http", "none"]).await;
    assert_ne!(said.code, Some(0));
    assert!(
        format!("{}{}", said.out, said.err)
            .to_lowercase()
            .contains("superuser"),
        "{}{}",
        said.out,
        said.err
    );
}

#[tokio::test]
async fn validate_says_one_line_per_problem() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, graph: &Graph| {
        let path = folder.path().join(name);
        let export =
            json!({"nodes": graph.nodes(), "edges": graph.edges(), "viewport": {"x": 0, "y": 0, "zoom": 1}});
        std::fs::write(&path, export.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = write(
        "good.json",
        &Graph::from("trigger-manual")
            .set("set", "a", json!(1))
            .edge("start", "set"),
    );
    let bad = Graph::from("trigger-manual")
        .node("odd", "no-such-type", json!({}))
        .chain(&["start", "odd", "gone"]);
    let bad = write("bad.json", &bad);

    let said = automationd(&["validate", &good]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let said = automationd(&["validate", &bad]).await;
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    let text = format!("{}{}", said.out, said.err);
    assert!(
        text.contains("odd") && text.contains("gone") && text.trim().lines().count() >= 2,
        "{text}"
    );
    assert_ne!(automationd(&["validate", "/no/such/file"]).await.code, Some(0));
}

#[tokio::test]
async fn keygen_writes_a_private_key_that_only_its_owner_reads_and_never_overwrites_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let file = path.to_str().unwrap();

    let said = automationd(&["keygen", file]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let private = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!said.out.contains(private.trim()), "the private key was printed");
    assert!(!said.out.trim().is_empty(), "no public key was printed");

    assert_ne!(automationd(&["keygen", file]).await.code, Some(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), private);
}

#[tokio::test]
async fn install_makes_the_tables_and_is_idempotent() {
    let database = Database::empty().await;
    database.run("CREATE EXTENSION automations").await;
    let url = cluster::url(&database.name, template::OWNER);
    for _ in 0..2 {
        let said = automationd(&["install", "--sample-app", "--database-url", &url]).await;
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    }
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.automation_executions")
            .await,
        0
    );
}
