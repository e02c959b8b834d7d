//! Where it was measured: without that no number can be compared with another run's.

use end_to_end::cluster;
use serde::Serialize;
use std::process::Command;

/// The machine.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// What this process may use.
    pub cores: usize,
    /// By its own name.
    pub processor: String,
    /// All of it.
    pub memory_mib: u64,
}

/// The server.
#[derive(Debug, Serialize)]
pub struct Server {
    /// Its version.
    pub version: String,
    /// Settings that decide what a commit costs.
    pub settings: std::collections::BTreeMap<String, String>,
}

/// The sources.
#[derive(Debug, Serialize)]
pub struct Commit {
    /// Of git; null outside a repository.
    pub id: Option<String>,
    /// Whether the files differ from it.
    pub dirty: bool,
}

const SETTINGS: &[&str] = &[
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
    "shared_preload_libraries",
    "track_commit_timestamp",
];

/// This machine.
pub fn machine() -> Machine {
    let of = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
    };
    let memory = of("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    Machine {
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        processor: of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
        memory_mib: memory.unwrap_or(0) / 1024,
    }
}

/// The server of this run.
pub async fn server() -> Server {
    let session = cluster::connect("postgres", "postgres").await;
    let version = session
        .query_one("SELECT version()", &[])
        .await
        .expect("its version");
    let settings = session
        .query(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY ($1)",
            &[&SETTINGS],
        )
        .await
        .expect("its settings");
    Server {
        version: version.get(0),
        settings: settings.iter().map(|row| (row.get(0), row.get(1))).collect(),
    }
}

/// What these sources are.
pub fn commit() -> Commit {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-C", env!("CARGO_MANIFEST_DIR")])
            .args(arguments)
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    Commit {
        id: git(&["rev-parse", "HEAD"]),
        dirty: git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty()),
    }
}

/// How busy the machine has been in the last minute: above the number of cores, others were at work too.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0.0)
}
