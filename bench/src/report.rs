//! `results.json`: one shape, for whoever compares two runs. `format` counts up when a field changes its meaning.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::machine::{self, Commit, Machine, Server};
use crate::measure::Summed;
use crate::scale::Sizes;
use crate::stage::Bench;

/// All that a run found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Of this file.
    pub format: u32,
    /// Seconds since 1970.
    pub measured_at: u64,
    /// The sources.
    pub commit: Commit,
    /// The machine.
    pub machine: Machine,
    /// The server.
    pub server: Server,
    /// How much there was of everything.
    pub scale: Sizes,
    /// How often each thing was measured.
    pub rounds: u32,
    /// How long it took.
    pub seconds: f64,
    /// What was measured.
    pub sections: Vec<SectionReport>,
    #[serde(skip)]
    began: Instant,
}

/// What one section found.
#[derive(Debug, Serialize)]
pub struct SectionReport {
    /// Its name.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// Load of the machine in the minute before: more than the section before explains means that it was not quiet.
    pub load_before: f64,
    /// Why there is nothing, if there is nothing.
    pub failed: Option<String>,
    /// The numbers.
    pub measures: Vec<Summed>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

impl Report {
    /// An empty one of this machine and server.
    pub async fn begin(bench: &Bench) -> Report {
        Report {
            format: 1,
            measured_at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            commit: machine::commit(),
            machine: machine::machine(),
            server: machine::server().await,
            scale: bench.scale.clone(),
            rounds: bench.rounds,
            seconds: 0.0,
            sections: Vec::new(),
            began: Instant::now(),
        }
    }

    /// One section more.
    pub fn add(&mut self, section: SectionReport) {
        self.sections.push(section);
        self.seconds = self.began.elapsed().as_secs_f64();
    }

    /// Writes it, folders included.
    pub fn write(&self, path: &Path) {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        let text = serde_json::to_string_pretty(self).expect("a report is JSON");
        std::fs::write(path, text + "\n").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
