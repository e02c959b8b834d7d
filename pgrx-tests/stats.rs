//! Statistics: what counts, what does not, and who sees them.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    /// Ten completed executions of 10 to 100 ms, one that failed, one cancelled, and a test run.
    fn history() -> Outcome {
        stage::set()?;
        Spi::run(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, status, test_mode)
             SELECT a.id, 'manual', 'running', n = 13 FROM public.automations a, generate_series(1, 13) n
              WHERE a.name = 'New lead' ORDER BY n;
             WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM public.automation_executions)
             UPDATE public.automation_executions e
                SET status = CASE WHEN n = 11 THEN 'failed' WHEN n = 12 THEN 'cancelled' ELSE 'completed' END,
                    error = CASE WHEN n = 11 THEN 'no route' END, error_code = CASE WHEN n = 11 THEN 'node_failed' END,
                    completed_at = e.started_at + n * interval '10 ms', duration_ms = n * 10,
                    nodes_executed = '[{\"node_id\": \"score\", \"node_type\": \"transform-set-variable\",
                        \"label\": \"Score it\", \"status\": \"success\", \"duration_ms\": 4},
                        {\"node_id\": \"announce\", \"status\": \"skipped\"}]'
               FROM numbered WHERE numbered.id = e.id",
        )
    }

    #[pg_test]
    fn what_completed_or_failed_counts_and_a_test_run_does_not() -> Outcome {
        history()?;
        assert_eq!(
            ask(
                "SELECT (execution_count, last_execution_status, last_executed_at IS NOT NULL)
                   FROM public.automations WHERE name = 'New lead'"
            )?,
            "(11,failed,t)"
        );
        Ok(())
    }

    #[pg_test]
    fn counters_that_somebody_wrote_full_keep_no_execution_from_ending() -> Outcome {
        stage::set()?;
        Spi::run(
            "UPDATE public.automations SET execution_count = 2147483647, failures_in_a_row = 2147483647",
        )?;
        Spi::run(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, status)
             SELECT a.id, 'manual', 'running' FROM public.automations a WHERE a.name = 'New lead';
             UPDATE public.automation_executions SET status = 'failed', completed_at = now()",
        )?;
        assert_eq!(
            ask(
                "SELECT (execution_count, failures_in_a_row, status) FROM public.automations WHERE name = 'New lead'"
            )?,
            "(2147483647,2147483647,error)"
        );
        Ok(())
    }

    #[pg_test]
    fn counting_does_not_look_like_an_edit() -> Outcome {
        stage::set()?;
        Spi::run("UPDATE public.automations SET updated_at = '2026-01-01', description = description")?;
        Spi::run(
            "ALTER TABLE public.automations DISABLE TRIGGER update_automations_updated_at;
                  UPDATE public.automations SET updated_at = '2026-01-01';
                  ALTER TABLE public.automations ENABLE TRIGGER update_automations_updated_at",
        )?;
        Spi::run(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, status)
                  SELECT id, 'manual', 'running' FROM public.automations;
                  UPDATE public.automation_executions SET status = 'completed'",
        )?;
        assert_eq!(
            ask(
                "SELECT bool_and(updated_at = '2026-01-01' AND execution_count = 1) FROM public.automations"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn stats_count_by_status_and_tell_the_durations() -> Outcome {
        history()?;
        assert_eq!(
            ask(&["SELECT (s.total, s.completed, s.failed, s.cancelled, round(s.success_rate::numeric, 3), s.p50_ms,
                          s.p95_ms, s.last_error, s.last_error_code) FROM automations.stats('", stage::NEW_LEAD, "') s"]
                .concat())?,
            "(12,10,1,1,0.909,60,105,\"no route\",node_failed)"
        );
        Ok(())
    }

    #[pg_test]
    fn what_began_before_since_is_left_out() -> Outcome {
        history()?;
        assert_eq!(
            ask(&[
                "SELECT total FROM automations.stats('",
                stage::NEW_LEAD,
                "', '-1 second')"
            ]
            .concat())?,
            "0"
        );
        Ok(())
    }

    #[pg_test]
    fn node_stats_tell_of_each_node_and_skipped_is_no_run() -> Outcome {
        history()?;
        assert_eq!(
            ask(&["SELECT string_agg(concat_ws(' ', node_id, runs, succeeded, skipped, p50_ms), '; ' ORDER BY node_id)
                     FROM automations.node_stats('", stage::NEW_LEAD, "')"].concat())?,
            "announce 0 0 12; score 12 12 0 4"
        );
        Ok(())
    }

    #[pg_test]
    fn each_sees_the_statistics_of_his_own_account_only() -> Outcome {
        history()?;
        stage::as_user(stage::BOB)?;
        assert_eq!(ask("SELECT count(*) FROM automations.overview()")?, "0");
        assert_eq!(
            ask(&["SELECT total FROM automations.stats('", stage::NEW_LEAD, "')"].concat())?,
            "0"
        );
        stage::as_user("c0000000-0000-4000-8000-0000000000c1")?;
        assert_eq!(
            ask("SELECT total FROM automations.overview() WHERE name = 'New lead'")?,
            "12",
            "a member of Ada's account sees what Ada sees"
        );
        Ok(())
    }

    /// Three executions that could not be counted, the last of them this long ago.
    fn uncounted(ago: &str) -> Outcome {
        Spi::run_with_args(
            "INSERT INTO automations.uncounted
             SELECT a.id, 3, now() - $1::interval, 'failed' FROM public.automations a WHERE a.name = 'New lead'",
            &[ago.into()],
        )
    }

    #[pg_test]
    fn what_could_not_be_counted_is_added_by_the_next_that_ends() -> Outcome {
        stage::set()?;
        uncounted("1 hour")?;
        uncounted("2 hours")?;
        Spi::run(
            "SELECT pg_temp.queue(1); SELECT pg_temp.claim(1);
             UPDATE public.automation_executions SET status = 'completed', completed_at = now()",
        )?;
        assert_eq!(
            ask(
                "SELECT (execution_count, last_execution_status, last_executed_at = now())
                   FROM public.automations WHERE name = 'New lead'"
            )?,
            "(7,completed,t)"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.uncounted")?, "0");
        Ok(())
    }

    #[pg_test]
    fn the_daemon_adds_what_could_not_be_counted() -> Outcome {
        stage::set()?;
        uncounted("1 hour")?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT automations.fold_uncounted()")?, "1");
        assert_eq!(
            ask(
                "SELECT (execution_count, last_execution_status) FROM public.automations WHERE name = 'New lead'"
            )?,
            "(3,failed)"
        );
        Ok(())
    }
}
