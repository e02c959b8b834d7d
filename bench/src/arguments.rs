//! The command line of the benchmark.

use std::path::PathBuf;

use clap::Parser;

use crate::scale::Scale;

/// Measures the product beside the server of `setup/cluster`.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub struct Arguments {
    /// Sections to run, in their usual order; all of the table if none is named.
    pub sections: Vec<String>,
    /// How much there is of everything.
    #[arg(long, value_enum, default_value = "standard")]
    pub scale: Scale,
    /// How often each thing is measured, in turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub rounds: u32,
    /// Where the results go as JSON.
    #[arg(long, default_value = "target/bench/results.json")]
    pub out: PathBuf,
}
