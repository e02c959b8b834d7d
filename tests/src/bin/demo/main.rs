//! The demonstration: leads go in, results come out, and each step is shown as it happens.
//!
//! `demo demo` tells the story and ends; `demo up` tells it and stays, showing whatever else happens, until
//! it is interrupted. Both run beside the throwaway server of `setup/cluster run`.

mod ear;
mod page;
mod scenes;

use std::process::ExitCode;

use end_to_end::{Daemon, DaemonOptions, Database, Receiver, cluster, sample, template};
use tokio::signal::unix::{SignalKind, signal};

use ear::Ear;
use page::Page;

/// What the scenes play on.
pub struct Stage {
    /// The database, with the application and its two accounts.
    pub database: Database,
    /// Where announcements go.
    pub receiver: Receiver,
    /// What is written is written here.
    pub page: Page,
}

#[tokio::main]
async fn main() -> ExitCode {
    let stays = match std::env::args().nth(1).as_deref() {
        None | Some("demo") => false,
        Some("up") => true,
        Some(other) => {
            eprintln!("demo: unknown argument {other}: demo or up");
            return ExitCode::from(2);
        }
    };
    let mut interrupted = signal(SignalKind::interrupt()).expect("handle SIGINT");
    let mut terminated = signal(SignalKind::terminate()).expect("handle SIGTERM");
    tokio::select! {
        failed = play(stays) => if failed == 0 {
            ExitCode::SUCCESS
        } else {
            eprintln!("demo: {failed} execution(s) did not complete");
            ExitCode::FAILURE
        },
        _ = interrupted.recv() => stopped(stays, 130),
        _ = terminated.recv() => stopped(stays, 143),
    }
}

/// Interrupting is how `up` is meant to end. The daemon and the database go as the play is dropped.
fn stopped(stays: bool, code: u8) -> ExitCode {
    eprintln!("\nstopped");
    if stays {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(code)
    }
}

/// How many executions did not complete.
async fn play(stays: bool) -> usize {
    let page = Page::new();
    page.title("A database with the extension, a small application, and one daemon");
    let server = cluster::connect("postgres", "postgres").await;
    template::make(&server, "demo").await;
    let database = Database {
        owner: cluster::connect("demo", template::OWNER).await,
        name: "demo".to_owned(),
    };
    page.line("CREATE EXTENSION automations; SELECT automations.install(sample_app := true);");
    let receiver = Receiver::start().await;
    let mut daemon = Daemon::start_with(
        &database,
        DaemonOptions::default().flag("--allow-hosts", &receiver.host()),
    )
    .await;
    let http = daemon.address().await;
    page.line(&format!(
        "automationd is ready at http://{http} (resident: {} MiB)",
        daemon.resident_kib() / 1024
    ));

    let mut ear = Ear::new(&database).await;
    let stage = Stage {
        database,
        receiver,
        page,
    };
    scenes::all(&stage, &mut ear).await;

    if stays {
        stage
            .page
            .title("Everything stays up until you press Ctrl-C; what you do in SQL shows here");
        stage
            .page
            .line(&format!("psql '{}'", cluster::url("demo", template::OWNER)));
        stage.page.line(&format!(
            "  INSERT INTO leads (user_id, name, source, phone) VALUES ('{}', 'You', 'referral', '1');",
            sample::ADA
        ));
        for path in ["healthz", "readyz", "metrics"] {
            stage.page.line(&format!("http://{http}/{path}"));
        }
        ear.follow(&stage).await;
    }
    daemon.stop().await;
    stage
        .page
        .title("The daemon stopped cleanly; the server and its folder go now");
    ear.failed
}
