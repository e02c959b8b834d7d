//! A hot standby of a server of one's own: a base backup that follows it, until it is promoted.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

use tokio_postgres::{Client, Config, NoTls};

use crate::cluster;
use crate::own_cluster::OwnCluster;

/// What a server says whose port somebody has taken since it was looked for.
const TAKEN: &str = "could not bind IPv4 address";

/// The server; it is gone when this is dropped. Its folder lies in that of its primary, and goes with it.
pub struct Standby {
    folder: PathBuf,
    port: u16,
    password: String,
}

impl Standby {
    /// Copies the primary and follows it.
    ///
    /// # Panics
    /// When it does not start, with what it said.
    pub fn of(primary: &OwnCluster) -> Standby {
        let mut standby = Standby {
            folder: primary.folder.join("standby"),
            port: 0,
            password: primary.password.clone(),
        };
        let socket = primary.folder.join("socket").display().to_string();
        let folder = standby.folder.display().to_string();
        must(&as_server(
            "pg_basebackup",
            &[
                "-R",
                "-c",
                "fast",
                "-D",
                &folder,
                "-h",
                &socket,
                "-U",
                "postgres",
                "-p",
                &primary.port.to_string(),
            ],
        ));
        let log = standby.log_file().display().to_string();
        loop {
            standby.port = free_port();
            let options = ["-p ", &standby.port.to_string()].concat();
            let start = ["start", "-w", "-s", "-D", &folder, "-l", &log, "-o", &options];
            let started = as_server("pg_ctl", &start);
            if started.status.success() {
                break;
            }
            let said = standby.log();
            // each connection of another test takes a free port, too
            assert!(said.contains(TAKEN), "{}: {said}", started.status);
            std::fs::remove_file(&log).expect("remove the log");
        }
        standby
    }

    /// A connection string for programs.
    pub fn url(&self, database: &str, user: &str) -> String {
        let (password, port) = (&self.password, self.port);
        format!("postgresql://{user}:{password}@127.0.0.1:{port}/{database}")
    }

    /// A session.
    pub async fn connect(&self, database: &str, user: &str) -> Client {
        let config: Config = self
            .url(database, user)
            .parse()
            .expect("our own connection string");
        let (client, connection) = config.connect(NoTls).await.expect("connect to the standby");
        tokio::spawn(connection);
        client
    }

    /// Makes a primary of it and waits until it is one.
    pub async fn promote(&self) {
        let superuser = self.connect("postgres", "postgres").await;
        let promoted = superuser
            .query_one("SELECT pg_promote(wait_seconds => 60)", &[])
            .await;
        assert!(
            promoted.expect("pg_promote").get::<_, bool>(0),
            "it was not promoted in time"
        );
    }

    /// Asks for a fast shutdown and waits until it is over; false when it takes too long.
    pub fn stops_fast(&self) -> bool {
        let folder = self.folder.display().to_string();
        as_server("pg_ctl", &["stop", "-w", "-m", "fast", "-t", "30", "-D", &folder])
            .status
            .success()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).expect("the standby's log")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.with_extension("log")
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let folder = self.folder.display().to_string();
        as_server("pg_ctl", &["stop", "-m", "immediate", "-D", &folder]);
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    free.expect("a free port").port()
}

/// Runs one of PostgreSQL's own programs as the user of servers, which is not root.
fn as_server(program: &str, arguments: &[&str]) -> Output {
    let path = cluster::bin().join(program);
    let script =
        "cd /; if [ \"$(id -u)\" = 0 ]; then exec runuser -u postgres -- \"$@\"; else exec \"$@\"; fi";
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(path)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn must(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
}
