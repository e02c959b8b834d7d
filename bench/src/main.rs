//! `make bench`: measures the product, one section after the other, each against something that is measured in the
//! same run; prints a table and writes `results.json`. Runs beside the throwaway server of `setup/bench`.

mod arguments;
mod drain;
mod filling;
mod flow;
mod latencies;
mod log_files;
mod machine;
mod measure;
mod pgbench;
mod process;
mod receiver;
mod report;
mod scale;
mod sections;
mod stage;
mod stats;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use arguments::Arguments;
use report::{Report, SectionReport};
use sections::{Findings, Section};
use stage::Bench;

#[tokio::main]
async fn main() -> ExitCode {
    // A section that fails says why and where, in a line.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    let arguments = Arguments::parse();
    let chosen = match sections::chosen(&arguments.sections) {
        Ok(chosen) => chosen,
        Err(unknown) => {
            eprintln!("bench: {unknown}");
            return ExitCode::from(2);
        }
    };
    let bench = Bench {
        scale: arguments.scale.sizes(),
        rounds: arguments.rounds,
    };
    let mut report = Report::begin(&bench).await;
    log_files::make().await;
    for section in chosen {
        eprintln!("==> {}", section.name());
        let part = measured(section, &bench).await;
        table::print(&part);
        report.add(part);
    }
    table::print_all(&report);
    report.write(&arguments.out);
    println!("{}", arguments.out.display());
    if report.sections.iter().any(|part| part.failed.is_some()) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Runs one section on a task of its own, so that one that panics takes no other with it.
async fn measured(section: &'static dyn Section, bench: &Bench) -> SectionReport {
    let (began, load) = (Instant::now(), machine::load());
    let bench = bench.clone();
    let task = tokio::spawn(async move { section.run(&bench).await });
    let (findings, failed) = match task.await {
        Ok(findings) => (findings, None),
        Err(error) => (Findings::default(), Some(panicked(error))),
    };
    SectionReport {
        name: section.name().to_owned(),
        seconds: began.elapsed().as_secs_f64(),
        load_before: load,
        failed,
        measures: findings.measures.into_iter().map(Into::into).collect(),
        notes: findings.notes,
    }
}

fn panicked(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(what) => what
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| what.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "it panicked".to_owned()),
        Err(error) => error.to_string(),
    }
}
