//! `profile`: where the server's time goes in `drain_noop` and `drain_flow`. Not part of the table: it runs when it is
//! named, with counters on that cost time themselves.
//! How: the same drains with track_functions = all (self time of each function that is not inlined) and
//! pg_stat_statements tracking what runs inside functions, of the daemon's login only.
//! The numbers are shares, to find what to look at; the rates of the other sections are what is true without counters.

use async_trait::async_trait;

use super::{Findings, Section};
use crate::drain::{drain, drain_running};
use crate::flow;
use crate::measure::Measure;
use crate::receiver::FastReceiver;
use crate::stage::{Bench, Stage, daemon_options};

/// The section.
pub struct Profile;

#[async_trait]
impl Section for Profile {
    fn name(&self) -> &'static str {
        "profile"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let mut findings = Findings::default();

        let stage = Stage::fresh().await;
        stage
            .account
            .on_new_lead(&stage.database, "nothing", &flow::noop())
            .await;
        stage.count_functions().await;
        let count = bench.scale.drain_noop;
        let drained = drain(&stage, daemon_options(), count, || {
            stage.leads(&stage.account, count)
        })
        .await;
        findings.measures.push(Measure::new(
            "drain_noop with counters",
            "per s",
            vec![drained.rate],
        ));
        findings
            .notes
            .extend(stage.where_time_went("drain_noop", count).await);

        let stage = Stage::fresh().await;
        let receiver = FastReceiver::start().await;
        stage
            .account
            .on_new_lead(&stage.database, "ordinary", &flow::ordinary(&receiver))
            .await;
        stage.count_functions().await;
        let count = bench.scale.drain_flow;
        let options = daemon_options().flag("--allow-hosts", &receiver.host);
        let drained = drain_running(&stage, options, count, || stage.leads(&stage.account, count)).await;
        findings.measures.push(Measure::new(
            "drain_flow with counters",
            "per s",
            vec![drained.rate],
        ));
        findings
            .notes
            .extend(stage.where_time_went("drain_flow", count).await);
        findings
    }
}

impl Stage {
    /// Counts calls and times of functions of the daemon's sessions from now on.
    async fn count_functions(&self) {
        let settings = format!(
            "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
             ALTER ROLE {login} IN DATABASE {database} SET track_functions = 'all';
             ALTER ROLE {login} IN DATABASE {database} SET pg_stat_statements.track = 'all';
             SELECT pg_stat_statements_reset()",
            login = end_to_end::template::DAEMON,
            database = self.database.name
        );
        self.as_superuser(&settings).await;
    }

    /// Two tables, of functions and of statements, for each execution.
    async fn where_time_went(&self, what: &str, count: i32) -> Vec<String> {
        // those that ran to be warm count too
        let each = f64::from(count + crate::drain::WARM);
        let mut lines = Vec::new();
        for (title, query) in [
            ("function", include_str!("../../sql/time_by_function.sql")),
            ("statement", include_str!("../../sql/time_by_statement.sql")),
        ] {
            lines.push(format!(
                "| {what}: {title} | calls per 1,000 executions | self µs per execution | µs per call |"
            ));
            lines.push("|---|---|---|---|".to_owned());
            let rows = self.superuser.query(query, &[]).await;
            for row in rows.unwrap_or_else(|error| panic!("{query}: {error:?}")) {
                let (name, calls, ms): (String, f64, f64) = (row.get(0), row.get(1), row.get(2));
                lines.push(format!(
                    "| {} | {:.0} | {:.1} | {:.0} |",
                    name.split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ")
                        .replace('|', "/"),
                    calls / each * 1000.0,
                    ms / each * 1000.0,
                    ms / calls * 1000.0
                ));
            }
        }
        lines
    }
}
