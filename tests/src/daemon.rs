//! A real automationd as a process of its own: started, waited for, stopped or killed; its log is kept, and
//! printed when a test fails.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::{Database, cluster, http, template, waiting};

/// The program under test: AUTOMATIOND_BIN, else what `make install` built.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("AUTOMATIOND_BIN") {
        return PathBuf::from(path);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")),
        PathBuf::from,
    );
    target.join("release/automationd")
}

/// A command that runs the program with nothing of this process's own settings in its environment, and
/// that ends with this process, however that ends.
pub fn command() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program());
    for (name, _) in std::env::vars() {
        if name.starts_with("AUTOMATIOND_") || name.starts_with("PG") || name.ends_with("DATABASE_URL") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// How to start a daemon.
#[derive(Clone)]
pub struct DaemonOptions {
    /// Flags beside those that every test needs.
    pub flags: Vec<String>,
    /// The login.
    pub user: String,
    /// Another way to the database than straight to the server.
    pub database_url: Option<String>,
    /// RUST_LOG.
    pub log: String,
}

impl Default for DaemonOptions {
    fn default() -> DaemonOptions {
        DaemonOptions {
            flags: Vec::new(),
            user: template::DAEMON.to_owned(),
            database_url: None,
            log: "info,automationd=debug".to_owned(),
        }
    }
}

impl DaemonOptions {
    /// With this flag and its value, whatever it was before.
    pub fn flag(mut self, name: &str, value: &str) -> DaemonOptions {
        if let Some(at) = self.flags.iter().position(|flag| flag == name) {
            self.flags.drain(at..=at + 1);
        }
        self.flags.extend([name.to_owned(), value.to_owned()]);
        self
    }
}

type Log = Arc<Mutex<Vec<String>>>;

/// A running daemon.
pub struct Daemon {
    child: Child,
    log: Log,
}

impl Daemon {
    /// Starts one and waits until it is ready.
    pub async fn start(database: &Database) -> Daemon {
        Daemon::start_with(database, DaemonOptions::default()).await
    }

    /// Starts one that may reach this receiver, and waits until it is ready.
    pub async fn start_reaching(database: &Database, receiver: &crate::Receiver) -> Daemon {
        Daemon::start_with(
            database,
            DaemonOptions::default().flag("--allow-hosts", &receiver.host()),
        )
        .await
    }

    /// Starts one and waits until it is ready.
    pub async fn start_with(database: &Database, options: DaemonOptions) -> Daemon {
        let mut daemon = Daemon::spawn(&database.name, options);
        daemon.ready().await;
        daemon
    }

    /// Starts one and waits for nothing.
    pub fn spawn(database: &str, options: DaemonOptions) -> Daemon {
        let straight = cluster::url(database, &options.user);
        let mut child = command()
            .args([
                "--database-url",
                options.database_url.as_deref().unwrap_or(&straight),
                "--http",
                "127.0.0.1:0",
            ])
            .args(&options.flags)
            .env("RUST_LOG", &options.log)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", program().display()));
        let log = Log::default();
        keep(child.stdout.take().expect("its output"), log.clone());
        keep(child.stderr.take().expect("its errors"), log.clone());
        Daemon { child, log }
    }

    /// Waits until `/readyz` says yes.
    ///
    /// # Panics
    /// If the daemon ends instead.
    pub async fn ready(&mut self) {
        self.readyz(200, "").await;
    }

    /// Waits until `/readyz` says no and gives this word as the reason; then all that it says.
    pub async fn not_ready(&mut self, because: &str) -> String {
        self.readyz(503, because).await
    }

    async fn readyz(&mut self, status: u16, word: &str) -> String {
        let deadline = Instant::now() + waiting::DEADLINE;
        let mut said = None;
        loop {
            let answer = http::get(self.address().await, "/readyz").await;
            match answer {
                Some(answer) if answer.status == status && answer.body.contains(word) => return answer.body,
                other => said = other.or(said),
            }
            self.must_run();
            assert!(
                Instant::now() < deadline,
                "/readyz never answered {status} {word}, but {said:?}"
            );
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Where its HTTP is, as its log says.
    pub async fn address(&mut self) -> SocketAddr {
        let deadline = Instant::now() + waiting::DEADLINE;
        loop {
            if let Some(address) = self.log().iter().find_map(|line| address_in(line)) {
                return address;
            }
            self.must_run();
            assert!(
                Instant::now() < deadline,
                "the log never named the address of HTTP"
            );
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    fn must_run(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("the daemon ended by itself: {status}");
        }
    }

    /// Waits for a line of the log that holds all these words.
    pub async fn says(&self, words: &[&str]) -> String {
        waiting::until(&format!("a line with {words:?} in the daemon's log"), || async {
            self.log()
                .into_iter()
                .find(|line| words.iter().all(|word| line.contains(word)))
        })
        .await
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("the log").clone()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("a running daemon")
    }

    /// Sends a signal by name (TERM, INT, STOP ...).
    pub async fn signal(&self, name: &str) {
        signal(self.pid(), name).await;
    }

    /// SIGTERM, and waits for exit 0.
    pub async fn stop(mut self) {
        self.signal("TERM").await;
        let status = self.ended().await;
        assert!(status.success(), "after SIGTERM the daemon ended with {status}");
    }

    /// SIGKILL: no time for a last word.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("kill -9");
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        match tokio::time::timeout(waiting::DEADLINE, self.child.wait()).await {
            Ok(status) => status.expect("its exit status"),
            Err(_) => panic!("the daemon did not end"),
        }
    }

    /// Resident memory in KiB, as the kernel counts it.
    pub fn resident_kib(&self) -> u64 {
        self.memory_kib("VmRSS:")
    }

    /// The most resident memory that it has had, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.memory_kib("VmHWM:")
    }

    fn memory_kib(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("its /proc");
        let line = status
            .lines()
            .find(|line| line.starts_with(what))
            .expect("a line about memory");
        line.split_whitespace()
            .nth(1)
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }
}

/// Sends a signal by name to a process. By the shell's own kill: the program is not on every machine.
pub async fn signal(pid: u32, name: &str) {
    let status = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()])
        .status()
        .await;
    assert!(
        status.is_ok_and(|status| status.success()),
        "kill -s {name} {pid}"
    );
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(400);
            eprintln!("--- the daemon's log ---");
            log[from..].iter().for_each(|line| eprintln!("{line}"));
            eprintln!("--- end of the daemon's log ---");
        }
    }
}

fn keep(stream: impl AsyncRead + Unpin + Send + 'static, log: Log) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            log.lock().expect("the log").push(line);
        }
    });
}

/// The address in a line about HTTP: `... http ... 127.0.0.1:41234 ...`.
fn address_in(line: &str) -> Option<SocketAddr> {
    if !line.to_lowercase().contains("http") {
        return None;
    }
    let rest = line.split("127.0.0.1:").nth(1)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let port: u16 = digits.parse().ok().filter(|port| *port > 0)?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}
