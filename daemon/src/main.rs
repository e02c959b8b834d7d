//! automationd: claims executions, walks their graphs, performs their nodes, writes results back.

mod backoff;
mod command;
mod database;
mod definitions;
mod egress;
mod engine;
mod gathering;
mod health;
mod http;
mod leases;
mod listen;
mod mcp;
mod nodes;
mod notified;
mod outcomes;
mod queue;
mod settings;
mod signing;
mod stop;
mod telemetry;
mod wake;
mod worker;

use std::process::ExitCode;

use settings::{Answer, parse};

fn main() -> ExitCode {
    // first of all: two providers of TLS, or none, is a panic at the first connection
    let _ = rustls::crypto::ring::default_provider().install_default();
    let line = match parse(std::env::args_os()) {
        Ok(line) => line,
        Err(Answer::Text(text)) => {
            command::say(text.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(Answer::Wrong(line)) => {
            command::complain(&line);
            return ExitCode::from(2);
        }
    };
    telemetry::logs(line.flags.log_format);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores) // templates are evaluated on these, so no more of them than cores
        .thread_keep_alive(std::time::Duration::from_secs(5))
        .max_blocking_threads(64) // names are looked up on these, and a dead resolver takes its time
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            // as a task: what runs in block_on is woken on a thread of its own, behind one of the runtime's
            let command = runtime.spawn(command::perform(line));
            runtime.block_on(command).unwrap_or(ExitCode::FAILURE)
        }
        Err(error) => {
            command::complain(&format!("the runtime could not be started: {error}"));
            ExitCode::FAILURE
        }
    }
}
