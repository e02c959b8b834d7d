//! pgbench as the application: the same program drives both sides of every ratio.

use std::path::PathBuf;

use end_to_end::{cluster, template};
use tokio::process::Command;

use crate::stage::Stage;

/// One way of loading the server.
pub struct Load {
    /// A file of `bench/sql/`.
    pub script: &'static str,
    /// Its variables.
    pub variables: Vec<(&'static str, String)>,
    /// Concurrent sessions.
    pub clients: u32,
    /// How long.
    pub seconds: u32,
}

/// Transactions per second, as the owner of the application's tables.
pub async fn run(stage: &Stage, load: &Load) -> f64 {
    let bin = PathBuf::from(std::env::var_os("PG_BIN").expect("run by setup/cluster"));
    let script = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/sql")).join(load.script);
    let mut command = Command::new(bin.join("pgbench"));
    command
        .args(["-n", "-M", "prepared", "-U", template::OWNER])
        .args([
            "-c",
            &load.clients.to_string(),
            "-j",
            &load.clients.min(2).to_string(),
        ])
        .args(["-T", &load.seconds.to_string(), "-f"])
        .arg(&script);
    for (name, value) in &load.variables {
        command.args(["-D", &format!("{name}={value}")]);
    }
    cluster::folder();
    let output = command
        .arg(&stage.database.name)
        .kill_on_drop(true)
        .output()
        .await
        .expect("start pgbench");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "pgbench {}: {said}{}",
        load.script,
        String::from_utf8_lossy(&output.stderr)
    );
    rate(&said).unwrap_or_else(|| panic!("pgbench said no rate: {said}"))
}

/// `tps = 1234.5 (without initial connection time)`; nothing if a transaction failed.
fn rate(said: &str) -> Option<f64> {
    let failed = said
        .lines()
        .find_map(|line| line.strip_prefix("number of failed transactions: "));
    if failed.is_some_and(|count| !count.starts_with("0 ")) {
        return None;
    }
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn the_rate_is_read_and_a_failed_transaction_spoils_it() {
        let said = "number of failed transactions: 0 (0.000%)\nlatency average = 0.5 ms\n\
                    tps = 1987.654321 (without initial connection time)\n";
        assert_eq!(rate(said), Some(1987.654321));
        assert_eq!(rate(&said.replace(": 0 (0.000%)", ": 3 (0.100%)")), None);
        assert_eq!(rate("pgbench: error"), None);
    }
}
