//! A second server beside the one of the tests: `setup/cluster run` as a process of its own, for what no other
//! test should notice (other settings of the server, the end of the program itself).

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::daemon::signal;
use crate::waiting;

/// The program; it and its server are gone when this is dropped.
pub struct OwnCluster {
    /// `setup/cluster` itself.
    pub program: Child,
    /// Where everything of it is.
    pub folder: PathBuf,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Of the superuser `postgres`.
    pub password: String,
    /// Pid of the server.
    pub server: u32,
    // A closed pipe would end the command inside.
    _output: BufReader<ChildStdout>,
}

impl OwnCluster {
    /// Starts one with these settings of the server (`name=value`) and waits until it serves.
    pub async fn start(settings: &[String]) -> OwnCluster {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../setup/cluster");
        let mut command = Command::new(path);
        command.args(["run", "--fast"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let say = "echo \"$AUTOMATIONS_TEST_CLUSTER $PGPORT $PGPASSWORD\"; exec sleep 3600";
        let mut program = command
            .args(["--", "sh", "-c", say])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut output = BufReader::new(program.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).await.expect("its first line");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [folder, port, password] = words[..] else {
            panic!("setup/cluster did not start: {line:?}");
        };
        let folder = PathBuf::from(folder);
        let file = std::fs::read_to_string(folder.join("data/postmaster.pid")).expect("postmaster.pid");
        OwnCluster {
            program,
            port: port.parse().expect("a port"),
            password: password.to_owned(),
            server: file
                .lines()
                .next()
                .and_then(|pid| pid.parse().ok())
                .expect("a pid"),
            folder,
            _output: output,
        }
    }

    /// Ends it and waits until everything is gone.
    pub async fn stop(mut self) {
        signal(self.program.id().expect("a running program"), "TERM").await;
        self.gone().await;
    }

    /// Waits until the program, the server and the folder are gone.
    pub async fn gone(&mut self) {
        self.program.wait().await.expect("its end");
        waiting::until("the server and its folder to be gone", || async {
            (!self.left_something()).then_some(())
        })
        .await;
    }

    /// Whether the server or the folder are still there.
    pub fn left_something(&self) -> bool {
        self.folder.exists() || PathBuf::from(format!("/proc/{}", self.server)).exists()
    }
}
