//! Ends of executions: finish, the steps that come with it, and that a final state stays.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    const FINISH: &str = "automations.finish(
        (SELECT array_agg(q.account_id ORDER BY q.id) FROM automations.queue q),
        (SELECT array_agg(q.id ORDER BY q.id) FROM automations.queue q),
        (SELECT array_agg(q.lease_token ORDER BY q.id) FROM automations.queue q), ";

    fn finished(executions: &str, results: &str) -> Outcome {
        stage::set()?;
        Spi::run(&["SELECT pg_temp.queue(", executions, ")"].concat())?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(
            ask(&["SELECT count(*) FROM ", FINISH, "'", results, "')"].concat())?,
            executions
        );
        Ok(())
    }

    #[pg_test]
    fn several_executions_end_at_once_each_with_its_own_result() -> Outcome {
        finished(
            "2",
            r#"[{"status": "completed", "output": {"a": 1}, "variables": {"x": 2}, "nodes_executed": [{"node_id": "n"}]},
                {"status": "failed", "error": "no", "error_code": "node_failed", "error_node_id": "announce"}]"#,
        )?;
        assert_eq!(
            ask(
                "SELECT string_agg(concat_ws(' ', status, output ->> 'a', variables ->> 'x', error, error_code,
                    error_node_id, jsonb_array_length(nodes_executed), completed_at >= started_at,
                    duration_ms >= 0), '; ' ORDER BY id) FROM public.automation_executions"
            )?,
            "completed 1 2 1 t t; failed no node_failed announce 0 t t"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn what_has_no_row_yet_ends_in_one_call_under_its_lease_only() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim_unseen(1)")?;
        let end = |token: &str| {
            ask(&[
                "SELECT count(*) FROM automations.queue q, automations.finish(
                     ARRAY[q.account_id], ARRAY[q.id], ",
                token,
                ", '[{\"status\": \"completed\"}]')",
            ]
            .concat())
        };
        assert_eq!(end("ARRAY[NULL]::uuid[]")?, "0", "under no lease");
        assert_eq!(end("'{}'::uuid[]")?, "0", "under none at all");
        assert_eq!(end("ARRAY[gen_random_uuid()]")?, "0", "under another");
        assert_eq!(end("ARRAY[q.lease_token]")?, "1");
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT (SELECT count(*) FROM automations.queue)
                     || ' ' || (SELECT string_agg(e.status, ' ') FROM public.automation_executions e)")?,
            "0 completed"
        );
        Ok(())
    }

    #[pg_test]
    fn an_execution_whose_row_the_application_leaves_out_ends_all_the_same() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE FUNCTION public.leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER leave_out BEFORE INSERT ON public.automation_executions
                 FOR EACH ROW EXECUTE FUNCTION public.leave_out();
             SELECT pg_temp.queue(1)",
        )?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim_unseen(1)")?;
        assert_eq!(
            ask(&[
                "SELECT count(*) FROM ",
                FINISH,
                "'[{\"status\": \"completed\"}]')"
            ]
            .concat())?,
            "1"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn of_steps_that_come_with_the_end_the_last_word_counts() -> Outcome {
        finished(
            "1",
            r#"[{"status": "completed", "steps": [
                {"node_id": "score", "run": 1, "status": "started"},
                {"node_id": "score", "run": 1, "status": "completed", "ordinal": 1, "outcome": "default",
                 "output": {"score": 3}, "duration_ms": 99999999999}]}]"#,
        )?;
        assert_eq!(
            ask(
                "SELECT (status, ordinal, outcome, output ->> 'score', duration_ms, place) FROM automations.recorded_steps"
            )?,
            "(completed,1,\"\"\"default\"\"\",3,2147483647,[])"
        );
        Ok(())
    }

    #[pg_test]
    fn what_nodes_executed_shows_is_the_rest_of_a_step_and_the_output() -> Outcome {
        finished(
            "1",
            r#"[{"status": "completed", "output_line": 1,
                 "nodes_executed": [
                    {"node_id": "start", "status": "success", "run": 1, "output": {"lead": 1}},
                    {"node_id": "score", "node_type": "transform-map", "label": "Score", "status": "success", "run": 1,
                     "attempt": 2, "iteration": [], "input": {"lead": 1}, "output": {"score": 3}, "error": null,
                     "duration_ms": 7, "warnings": ["odd"]}],
                 "steps": [
                    {"node_id": "start", "run": 1, "status": "completed", "ordinal": 1, "output": null},
                    {"line": 1, "place": "[]", "status": "completed", "ordinal": 2, "outcome": "default",
                     "variables": {"x": 1}, "began_after": 1}]}]"#,
        )?;
        assert_eq!(
            ask("SELECT string_agg(concat_ws(' ', node_id, node_type, label, status, attempt, ordinal, began_after, input,
                    output, variables, warnings, duration_ms), '; ' ORDER BY ordinal) FROM automations.recorded_steps")?,
            "start completed 1 1; \
             score transform-map Score completed 2 2 1 {\"lead\": 1} {\"score\": 3} {\"x\": 1} [\"odd\"] 7"
        );
        assert_eq!(
            ask("SELECT output FROM public.automation_executions")?,
            "{\"score\": 3}"
        );
        Ok(())
    }

    #[pg_test]
    fn of_several_ends_a_null_says_that_some_are_not_counted_yet() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(3)")?;
        Spi::run(
            "INSERT INTO automations.uncounted (automation_id, executions) VALUES (gen_random_uuid(), 1)",
        )?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        let end = |places: &str, results: &str| {
            ask(&[
                "SELECT string_agg((f IS NULL)::text, ' ' ORDER BY f) FROM (
                    SELECT array_agg(q.account_id) AS a, array_agg(q.id) AS i, array_agg(q.lease_token) AS t
                    FROM (SELECT * FROM automations.queue ORDER BY id LIMIT ",
                places,
                ") q) q, automations.finish(q.a, q.i, q.t, '",
                results,
                "') f",
            ]
            .concat())
        };
        let done = r#"{"status": "completed"}"#;
        assert_eq!(
            end("2", &["[", done, ",", done, "]"].concat())?,
            "false false true"
        );
        assert_eq!(end("1", &["[", done, "]"].concat())?, "false");
        Ok(())
    }

    #[pg_test]
    fn a_completed_step_is_never_changed() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        for output in ["1", "2"] {
            Spi::run(
                &[
                    "SELECT automations.record(q.account_id, q.id, q.lease_token, '[{\"node_id\": \"score\", \"run\": 1,
                     \"status\": \"completed\", \"output\": ",
                    output,
                    "}]') FROM automations.queue q",
                ]
                .concat(),
            )?;
        }
        assert_eq!(ask("SELECT output FROM automations.recorded_steps")?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_step_cannot_choose_its_account_or_execution() -> Outcome {
        finished(
            "1",
            r#"[{"status": "completed", "steps": [{"node_id": "score", "run": 1, "status": "completed",
                "account_id": "b0000000-0000-4000-8000-0000000000b1",
                "execution_id": "b0000000-0000-4000-8000-0000000000b2"}]}]"#,
        )?;
        assert_eq!(
            ask(
                "SELECT (s.account_id = e.account_id) FROM automations.recorded_steps s
                   JOIN public.automation_executions e ON e.id = s.execution_id"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_duration_of_months_stops_where_its_column_does() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(1); UPDATE automations.queue SET occurred_at = now() - interval '90 days'",
        )?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        Spi::run(&["SELECT ", FINISH, "'[{\"status\": \"completed\"}]')"].concat())?;
        assert_eq!(
            ask("SELECT duration_ms FROM public.automation_executions")?,
            "2147483647"
        );
        Ok(())
    }

    #[pg_test]
    fn a_final_state_stays_but_its_lead_may_go() -> Outcome {
        finished("1", r#"[{"status": "completed"}]"#)?;
        stage::as_superuser()?;
        for change in [
            "status = 'running'",
            "output = '1'",
            "completed_at = now() - interval '1 day'",
            "error = 'x'",
        ] {
            assert_eq!(
                stage::state_of(&["UPDATE public.automation_executions SET ", change].concat())?,
                "23001",
                "{change}"
            );
        }
        Spi::run_with_args(
            "DELETE FROM public.leads WHERE id = $1::uuid",
            &[stage::ALAN.into()],
        )?;
        assert_eq!(
            ask("SELECT (status, lead_id) FROM public.automation_executions")?,
            "(completed,)"
        );
        Ok(())
    }
}
