//! Clients that other people wrote, as `setup/clients` installed them: programs in Python and Node that speak with the
//! daemon as they are.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// Where they are installed.
fn installed() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let clients = root.join(target).join("clients");
    assert!(
        clients.join("installed").exists(),
        "the clients are not installed: `setup/clients` does it, as `make test` does"
    );
    clients
}

/// One of the programs of `tests/clients`.
pub fn python(program: &str) -> Command {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.arg(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("clients")
            .join(program),
    );
    command.kill_on_drop(true);
    command
}

/// The conformance suite of the Model Context Protocol, with a key for each of its requests.
pub fn conformance(key: &str) -> Command {
    let clients = installed();
    let mut command = Command::new(clients.join("node"));
    command
        .arg("--import")
        .arg(clients.join("with_key.mjs"))
        .arg(clients.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"))
        .env("MCP_KEY", key)
        .kill_on_drop(true);
    command
}

/// What the program says on standard output when it is given that on standard input.
pub async fn said(mut command: Command, given: &str) -> String {
    let mut child = spawned(&mut command);
    let mut input = child.stdin.take().expect("its standard input");
    input.write_all(given.as_bytes()).await.expect("give");
    drop(input);
    let output = child.wait_with_output().await.expect("its end");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{errors}", output.status);
    said
}

/// Starts it; what it says on standard error is shown by the test.
pub fn spawned(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start a client")
}
