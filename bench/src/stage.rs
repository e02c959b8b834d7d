//! What a section plays on: a database of its own with the product, a sample application and tables to compare with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use end_to_end::{Account, DaemonOptions, Database, waiting};
use tokio_postgres::Client;

use crate::scale::Sizes;

/// What every section is told.
#[derive(Debug, Clone)]
pub struct Bench {
    /// How much there is of everything.
    pub scale: Sizes,
    /// How often each thing is measured.
    pub rounds: u32,
}

/// The databases that `setup/bench` gives wake-up workers to. No section needs more of them at once.
const NAMES: [&str; 4] = ["bench_1", "bench_2", "bench_3", "bench_4"];

/// Waits for the worker of this session's database: it looks again when the configuration is read.
async fn with_worker(superuser: &Client) {
    waiting::until("the wake-up worker", || async {
        let reload = "SELECT pg_reload_conf()";
        superuser.batch_execute(reload).await.expect(reload);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let there = "SELECT FROM pg_stat_activity
            WHERE backend_type = 'automations wake-up' AND datname = current_database()";
        superuser.query_opt(there, &[]).await.expect(there)
    })
    .await;
}

/// A database and who works in it.
pub struct Stage {
    /// A clone of the template: `install()` and the sample application, and schema `bench` with what is compared.
    pub database: Database,
    /// May do anything.
    pub superuser: Client,
    /// The account whose leads come in.
    pub account: Account,
}

impl Stage {
    /// A new one, in a database that has a wake-up worker.
    pub async fn fresh() -> Stage {
        static STAGES: AtomicUsize = AtomicUsize::new(0);
        let name = NAMES[STAGES.fetch_add(1, Ordering::Relaxed) % NAMES.len()];
        let database = Database::fresh_as(name).await;
        database.run(include_str!("../sql/compared_tables.sql")).await;
        let superuser = database.superuser().await;
        with_worker(&superuser).await;
        // The seeds of the sample application belong to accounts of their own; without its automations nothing of
        // theirs is ever started.
        database.run("DELETE FROM public.automations").await;
        let account = Account::new(&database).await;
        Stage {
            database,
            superuser,
            account,
        }
    }

    /// Takes all leads, executions and what belongs to them away, so that every round begins with the same.
    pub async fn empty(&self) {
        self.as_superuser(include_str!("../sql/empty.sql")).await;
    }

    /// As [`Stage::empty`], but the history stays.
    pub async fn empty_of_the_present(&self) {
        self.as_superuser(include_str!("../sql/empty_of_the_present.sql"))
            .await;
    }

    /// Runs statements as the superuser.
    pub async fn as_superuser(&self, statements: &str) {
        self.superuser
            .batch_execute(statements)
            .await
            .unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// Makes so many leads of an account in one statement.
    pub async fn leads(&self, account: &Account, count: i32) {
        self.database
            .owner
            .execute(include_str!("../sql/insert_leads.sql"), &[&account.user, &count])
            .await
            .expect("insert leads");
    }

    /// How many executions of what occurred since then (seconds since 1970) have completed, and when the last one came
    /// to its present state, by the server's commit timestamps.
    pub async fn completed_since(&self, since: f64) -> (i64, f64) {
        let query = "SELECT count(*) FILTER (WHERE e.status = 'completed'),
                coalesce(max(extract(epoch FROM pg_xact_commit_timestamp(e.xmin))), 0)::float8
            FROM public.automation_executions e WHERE e.started_at >= to_timestamp($1)";
        let row = self
            .superuser
            .query_one(query, &[&since])
            .await
            .expect("commit timestamps");
        (row.get(0), row.get(1))
    }
}

/// A daemon as an operator starts it: nothing but defaults.
pub fn daemon_options() -> DaemonOptions {
    DaemonOptions {
        log: "info".to_owned(),
        ..DaemonOptions::default()
    }
}

/// Seconds since 1970 by the clock that the server's timestamps come from: it runs on this machine.
pub fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs_f64()
}
