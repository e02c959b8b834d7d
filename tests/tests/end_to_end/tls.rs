//! TLS to PostgreSQL, in libpq's words: a server with a certificate of an authority of this test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::own_cluster::OwnCluster;
use end_to_end::{Account, Database, Graph, daemon, waiting};
use serde_json::json;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// The server's certificate is for the name localhost; 127.0.0.1 is another name for it.
const NAME: &str = "localhost";
const OTHER_NAME: &str = "127.0.0.1";

struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    /// By the openssl program: PostgreSQL's packages bring it.
    fn new() -> Certificates {
        let certificates = Certificates {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["ours", "others"] {
            let subject = format!("/CN={name}");
            certificates.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj {subject} \
                 -keyout {name}.key -out {name}.crt"
            ));
        }
        certificates.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={NAME} \
             -addext subjectAltName=DNS:{NAME} -keyout server.key -out server.csr"
        ));
        certificates.openssl(
            "x509 -req -in server.csr -CA ours.crt -CAkey ours.key -CAcreateserial -days 2 -copy_extensions copy \
             -out server.crt",
        );
        certificates.give_to_the_server();
        certificates
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .expect("the openssl program");
        assert!(
            output.status.success(),
            "openssl {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The server runs as postgres where the tests run as root, and reads no key that others may read.
    fn give_to_the_server(&self) {
        let script = "chmod 600 server.key && { [ \"$(id -u)\" != 0 ] || chown -R postgres: .; }";
        let status = Command::new("sh")
            .args(["-c", script])
            .current_dir(self.folder.path())
            .status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn serve(&self) -> OwnCluster {
        let mut settings = vec!["ssl=on".to_owned(), "log_connections=on".to_owned()];
        settings.push(format!("ssl_cert_file={}", self.path("server.crt").display()));
        settings.push(format!("ssl_key_file={}", self.path("server.key").display()));
        OwnCluster::start(&settings).await
    }
}

/// Runs `check` as this login and gives all that it says. It never finds an extension here; what counts is how it
/// connected, and that stands in the server's log.
async fn check(cluster: &OwnCluster, login: &str, host: &str, mode: &str, root: Option<&Path>) -> String {
    let make = format!("CREATE ROLE {login} LOGIN PASSWORD '{}'", cluster.password);
    let made = Command::new(PathBuf::from(std::env::var("PG_BIN").unwrap()).join("psql"))
        .args([
            "-qX",
            "-h",
            OTHER_NAME,
            "-p",
            &cluster.port.to_string(),
            "-U",
            "postgres",
            "-c",
            &make,
        ])
        .env("PGPASSWORD", &cluster.password)
        .env("PGDATABASE", "postgres")
        .status();
    assert!(made.is_ok_and(|status| status.success()), "{make}");
    let mut url = format!(
        "postgresql://{login}:{}@{host}:{}/postgres?sslmode={mode}",
        cluster.password, cluster.port
    );
    if let Some(root) = root {
        url.push_str(&format!("&sslrootcert={}", root.display()));
    }
    // Nobody's ~/.postgresql/root.crt.
    let said = daemon::command()
        .args(["check", "--database-url", &url, "--listen-database-url", "none"])
        .env("HOME", "/nonexistent")
        .output()
        .await
        .expect("run check");
    format!(
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    )
}

/// The server's line about this login's connection.
async fn authorized(cluster: &OwnCluster, login: &str) -> String {
    let log = cluster.folder.join("server.log");
    let word = format!("authorized: user={login} ");
    waiting::until(&format!("{login} to connect"), || async {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines().find(|line| line.contains(&word)).map(str::to_owned)
    })
    .await
}

fn never_connected(cluster: &OwnCluster, login: &str) -> bool {
    let log = std::fs::read_to_string(cluster.folder.join("server.log")).unwrap_or_default();
    !log.contains(&format!("authorized: user={login} "))
}

#[tokio::test]
async fn each_sslmode_connects_as_libpq_means_it() {
    let certificates = Certificates::new();
    let cluster = certificates.serve().await;
    let ours = certificates.path("ours.crt");
    for (mode, host, root, encrypted) in [
        ("disable", NAME, None, false),
        ("allow", NAME, None, false),
        ("prefer", OTHER_NAME, None, true),
        ("require", OTHER_NAME, None, true),
        ("verify-ca", OTHER_NAME, Some(ours.as_path()), true),
        ("verify-full", NAME, Some(ours.as_path()), true),
    ] {
        let login = format!("by_{}", mode.replace('-', "_"));
        let said = check(&cluster, &login, host, mode, root).await;
        assert!(!never_connected(&cluster, &login), "{mode}: {said}");
        let line = authorized(&cluster, &login).await;
        assert_eq!(line.contains("SSL enabled"), encrypted, "{mode}: {line}");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_refused() {
    let certificates = Certificates::new();
    let cluster = certificates.serve().await;
    let (ours, others) = (certificates.path("ours.crt"), certificates.path("others.crt"));
    let nothing = certificates.path("nothing.crt");
    for (login, host, mode, root) in [
        ("wrong_name", OTHER_NAME, "verify-full", &ours),
        ("wrong_authority_full", NAME, "verify-full", &others),
        ("wrong_authority_ca", NAME, "verify-ca", &others),
        // libpq: with sslrootcert, require means verify-ca.
        ("wrong_authority", NAME, "require", &others),
        ("no_such_file", NAME, "verify-ca", &nothing),
    ] {
        let said = check(&cluster, login, host, mode, Some(root)).await;
        assert!(never_connected(&cluster, login), "{login}: {said}");
        assert!(said.to_lowercase().contains("certificate"), "{login}: {said}");
        assert!(!said.contains(&cluster.password), "{login}");
    }
    cluster.stop().await;
}

/// A session without TLS, as one who is no daemon.
async fn session(cluster: &OwnCluster, database: &str, login: &str) -> Client {
    let url = format!(
        "postgresql://{login}:{}@{OTHER_NAME}:{}/{database}",
        cluster.password, cluster.port
    );
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("connect");
    tokio::spawn(connection);
    client
}

/// A database of that server with everything in it, whose leads are slow to change.
async fn slow_database(cluster: &OwnCluster) -> Database {
    let server = session(cluster, "postgres", "postgres").await;
    for statement in [
        format!("CREATE ROLE app LOGIN CREATEROLE PASSWORD '{}'", cluster.password),
        format!("CREATE ROLE works LOGIN PASSWORD '{}'", cluster.password),
        "CREATE DATABASE over_tls OWNER app".to_owned(),
    ] {
        server
            .batch_execute(&statement)
            .await
            .expect("a login or the database");
    }
    let owner = session(cluster, "over_tls", "app").await;
    owner
        .batch_execute(
            "CREATE EXTENSION automations;
             SELECT automations.install(sample_app => true);
             CREATE FUNCTION public.be_slow() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 PERFORM pg_sleep(600);
                 RETURN NEW;
             END $$;
             CREATE TRIGGER be_slow AFTER UPDATE OF score ON public.leads
                 FOR EACH ROW EXECUTE FUNCTION public.be_slow()",
        )
        .await
        .expect("the extension");
    let superuser = session(cluster, "over_tls", "postgres").await;
    let grant = "GRANT automations_daemon TO works; GRANT authenticated TO automations_daemon";
    superuser.batch_execute(grant).await.expect("the daemon's role");
    Database {
        name: "over_tls".to_owned(),
        owner,
    }
}

#[tokio::test]
async fn a_statement_of_a_cancelled_execution_is_cancelled_over_tls() {
    let certificates = Certificates::new();
    let cluster = certificates.serve().await;
    let database = slow_database(&cluster).await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .node("mark", "action-update-lead", json!({"updates": {"score": 7}}))
        .edge("start", "mark");
    let automation = account.manual(&database, "slow", &graph).await;
    let lead = account.lead(&database, "Ada").await;
    let url = format!(
        "postgresql://works:{}@{NAME}:{}/over_tls?sslmode=verify-full&sslrootcert={}",
        cluster.password,
        cluster.port,
        certificates.path("ours.crt").display()
    );
    let mut daemon = daemon::command()
        .args([
            "--database-url",
            &url,
            "--http",
            "none",
            "--poll-interval",
            "500ms",
        ])
        .env("HOME", "/nonexistent")
        .spawn()
        .expect("the daemon");
    let id: Uuid = database
        .value(
            "SELECT automations.run($1, '{}', lead_id => $2)",
            &[&automation, &lead],
        )
        .await;
    let server = session(&cluster, "over_tls", "postgres").await;
    let sleeping = async || -> i64 {
        let query = "SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
                     WHERE a.usename = 'works' AND a.wait_event = 'PgSleep' AND s.ssl";
        server.query_one(query, &[]).await.expect("look").get(0)
    };
    waiting::until("a statement that sleeps", async || {
        (sleeping().await == 1).then_some(())
    })
    .await;

    assert!(
        database
            .value::<bool>("SELECT automations.cancel($1)", &[&id])
            .await
    );

    // Long before the daemon's limit for a statement, 30 s, would have ended it.
    let soon = std::time::Duration::from_secs(12);
    waiting::until_within(soon, "it to be cancelled", async || {
        (sleeping().await == 0).then_some(())
    })
    .await;
    daemon.kill().await.expect("kill it");
    cluster.stop().await;
}
