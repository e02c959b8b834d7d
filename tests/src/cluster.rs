//! The server that `setup/cluster` started, as its environment variables describe it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use tokio_postgres::{Client, Config, NoTls};

use crate::own_cluster::OwnCluster;

/// Of this process: another server than the one of all tests.
static INSTEAD: OnceLock<HashMap<&'static str, String>> = OnceLock::new();

/// From now on this process speaks to that server: everything here, databases and daemons. Once, by a test that has
/// its process to itself, as nextest gives it.
///
/// # Panics
/// The second time.
pub fn use_instead(own: &OwnCluster) {
    let variables = HashMap::from([
        ("PGHOST", "127.0.0.1".to_owned()),
        ("PGPORT", own.port.to_string()),
        ("PGPASSWORD", own.password.clone()),
        ("AUTOMATIONS_TEST_CLUSTER", own.folder.display().to_string()),
    ]);
    INSTEAD.set(variables).expect("one server for each test");
}

/// Value of a variable that `setup/cluster` sets.
///
/// # Panics
/// Without it: the tests never look for a server by themselves, they might find somebody's.
fn variable(name: &str) -> String {
    if let Some(value) = INSTEAD.get().and_then(|instead| instead.get(name)) {
        return value.clone();
    }
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run by `setup/cluster run -- ...`"))
}

/// The cluster's folder; that it is set proves that the server is ours to do anything with.
pub fn folder() -> PathBuf {
    PathBuf::from(variable("AUTOMATIONS_TEST_CLUSTER"))
}

/// Password of every login that the tests use.
pub fn password() -> String {
    variable("PGPASSWORD")
}

/// `host:port` of the server.
pub fn address() -> String {
    format!("{}:{}", variable("PGHOST"), variable("PGPORT"))
}

/// A connection string for programs.
pub fn url(database: &str, user: &str) -> String {
    let (host, port) = (variable("PGHOST"), variable("PGPORT"));
    format!("postgresql://{user}:{}@{host}:{port}/{database}", password())
}

/// A session; its connection lives on a task of its own until the client is dropped.
pub async fn connect(database: &str, user: &str) -> Client {
    folder();
    let config: Config = url(database, user).parse().expect("our own connection string");
    let (client, connection) = config
        .connect(NoTls)
        .await
        .unwrap_or_else(|error| panic!("connecting to {database} as {user}: {error:?}"));
    tokio::spawn(connection);
    client
}

/// Where PostgreSQL's own programs of this server's version are.
pub fn bin() -> PathBuf {
    PathBuf::from(variable("PG_BIN"))
}

/// Runs one of PostgreSQL's own programs (`psql`, `pg_dump` ...) of this server's version.
pub fn program(name: &str, arguments: &[&str]) -> Output {
    folder();
    let path = bin().join(name);
    Command::new(&path)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// As [`program`], and its standard output.
///
/// # Panics
/// If it fails, with what it said.
pub fn program_must(name: &str, arguments: &[&str]) -> String {
    let output = program(name, arguments);
    assert!(
        output.status.success(),
        "{name} {arguments:?} failed ({}):\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
