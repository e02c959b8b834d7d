//! How much there is of everything. `standard` ends within fifteen minutes on two cores; `full` has the numbers of the
//! goals; `tiny` only shows that the ruler works.

use clap::ValueEnum;
use serde::Serialize;

/// The choices.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Scale {
    /// Seconds, and no number of it means anything.
    Tiny,
    /// What `make bench` does.
    Standard,
    /// As long as it takes.
    Full,
}

/// Row counts and durations.
#[derive(Debug, Clone, Serialize)]
pub struct Sizes {
    /// The choice.
    pub name: &'static str,
    /// Length of each run of pgbench.
    pub load_seconds: u32,
    /// Rows that the floor deletes.
    pub floor_rows: i32,
    /// Notifications and commits that are timed one by one.
    pub single_shots: u32,
    /// `insert_nomatch`: automations in the account, in its three runs.
    pub automations: [i32; 3],
    /// `insert_nomatch`: automations of all accounts.
    pub automations_in_all: i32,
    /// `insert_bulk`: rows in one statement.
    pub bulk_rows: i32,
    /// `drain_noop`: executions.
    pub drain_noop: i32,
    /// `drain_flow`: executions.
    pub drain_flow: i32,
    /// `latency`: seconds of fifty inserts each.
    pub latency_seconds: u32,
    /// `history`: finished executions that are there already.
    pub history_rows: i32,
    /// `held_xmin`: executions since the open transaction began.
    pub held_rows: i32,
    /// `history`, `held_xmin`: executions of a measured drain.
    pub short_drain: i32,
    /// `fairness`: pending executions of the other account.
    pub flood: i32,
    /// `fairness`: executions that are timed in a round.
    pub fair_shots: u32,
    /// `waiting`: parked executions.
    pub parked: i32,
    /// `waiting`: how many are woken.
    pub woken: i32,
    /// `waiting`: seconds until these are due, in which they have to be parked.
    pub wake_after: f64,
    /// `schedules`: due in the same minute; a multiple of a hundred.
    pub schedules: i32,
    /// `idle`, `waiting`: seconds in which nothing happens.
    pub idle_seconds: u32,
    /// `retention`: old executions.
    pub retention_rows: i32,
    /// `loop`: items.
    pub loop_items: i32,
}

impl Scale {
    /// Its numbers.
    pub fn sizes(self) -> Sizes {
        match self {
            Scale::Tiny => Sizes {
                name: "tiny",
                load_seconds: 1,
                floor_rows: 2_000,
                single_shots: 20,
                automations: [0, 10, 100],
                automations_in_all: 200,
                bulk_rows: 500,
                drain_noop: 200,
                drain_flow: 100,
                latency_seconds: 1,
                history_rows: 1_000,
                held_rows: 200,
                short_drain: 200,
                flood: 1_000,
                fair_shots: 10,
                parked: 100,
                woken: 10,
                wake_after: 4.0,
                schedules: 100,
                idle_seconds: 2,
                retention_rows: 500,
                loop_items: 200,
            },
            Scale::Standard => Sizes {
                name: "standard",
                load_seconds: 4,
                floor_rows: 100_000,
                single_shots: 200,
                automations: [0, 100, 10_000],
                automations_in_all: 100_000,
                bulk_rows: 50_000,
                drain_noop: 10_000,
                drain_flow: 2_000,
                latency_seconds: 8,
                history_rows: 300_000,
                held_rows: 20_000,
                short_drain: 4_000,
                flood: 100_000,
                fair_shots: 150,
                parked: 5_000,
                woken: 1_000,
                wake_after: 12.0,
                schedules: 10_000,
                idle_seconds: 20,
                retention_rows: 100_000,
                loop_items: 100_000,
            },
            Scale::Full => Sizes {
                name: "full",
                load_seconds: 10,
                floor_rows: 500_000,
                single_shots: 1_000,
                automations: [0, 100, 10_000],
                automations_in_all: 100_000,
                bulk_rows: 100_000,
                drain_noop: 20_000,
                drain_flow: 5_000,
                latency_seconds: 30,
                history_rows: 5_000_000,
                held_rows: 200_000,
                short_drain: 10_000,
                flood: 100_000,
                fair_shots: 500,
                parked: 100_000,
                woken: 1_000,
                wake_after: 12.0,
                schedules: 10_000,
                idle_seconds: 60,
                retention_rows: 1_000_000,
                loop_items: 100_000,
            },
        }
    }
}
