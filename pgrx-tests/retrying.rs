//! retry(): what is started again, what is taken over, and what is refused.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    const NODES: &str = r#"[
        {"id": "start", "type": "trigger-manual", "data": {}},
        {"id": "a", "type": "logic-merge", "data": {"config": {"mode": "all"}}},
        {"id": "b", "type": "logic-merge", "data": {"config": {"mode": "all"}}}]"#;
    const EDGES: &str =
        r#"[{"id": "1", "source": "start", "target": "a"}, {"id": "2", "source": "a", "target": "b"}]"#;

    /// "New lead" is start -> a -> b, and an execution of it failed at b.
    fn failed() -> Outcome {
        stage::set()?;
        Spi::run_with_args(
            "UPDATE public.automations SET trigger_type = 'manual', trigger_config = '{}', nodes = $1::jsonb,
                    edges = $2::jsonb WHERE name = 'New lead'",
            &[NODES.into(), EDGES.into()],
        )?;
        Spi::run_with_args(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, trigger_data, status, lead_id,
                                                       caused_by, depth, triggered_by)
             SELECT a.id, 'manual', '{\"n\": 1}', 'running', $1::uuid, automations.uuid_v7(), 3, automations.uuid_v7()
               FROM public.automations a WHERE a.name = 'New lead'",
            &[stage::ALAN.into()],
        )?;
        Spi::run(
            "INSERT INTO automations.steps (execution_id, account_id, node_id, run, node_type, status, ordinal, outcome,
                                            output, variables, idempotency_key, started_at, completed_at)
             SELECT e.id, e.account_id, s.node, 1, s.kind, s.status, s.n, to_jsonb(s.outcome), to_jsonb(s.node),
                    jsonb_build_object(s.node, s.n), automations.uuid_v7(), now(), now()
               FROM public.automation_executions e,
                    (VALUES ('start', 'trigger-manual', 'completed', 1, 'default'),
                            ('a', 'logic-merge', 'completed', 2, 'default'),
                            ('b', 'logic-merge', 'failed', 3, 'failed')) AS s (node, kind, status, n, outcome)",
        )?;
        Spi::run(
            "UPDATE public.automation_executions SET status = 'failed', error = 'no', error_node_id = 'b',
                    error_code = 'node_failed', completed_at = now()",
        )
    }

    fn retry(rest: &str) -> String {
        [
            "SELECT automations.retry(e.id",
            rest,
            ") FROM public.automation_executions e ORDER BY e.id DESC LIMIT 1",
        ]
        .concat()
    }

    /// `node ordinal` of the newest execution's steps.
    fn taken() -> Result<String, pgrx::spi::Error> {
        ask(
            "SELECT string_agg(concat_ws(' ', s.node_id, s.ordinal), ', ' ORDER BY s.ordinal) FROM automations.recorded_steps s
              WHERE s.execution_id = (SELECT max(e.id::text)::uuid FROM public.automation_executions e)",
        )
    }

    #[pg_test]
    fn from_the_start_nothing_is_taken_over_but_what_started_it() -> Outcome {
        failed()?;
        stage::as_user(stage::ADA)?;
        Spi::run(&retry(""))?;
        assert_eq!(
            ask(
                "SELECT (n.status, n.trigger_data = o.trigger_data, n.lead_id = o.lead_id, n.version = o.version,
                         n.retry_of = o.id, n.triggered_by = n.account_id, n.depth, n.caused_by = o.caused_by, n.error IS NULL,
                         n.nodes_executed, automations.queue_position(n.id))
                   FROM public.automation_executions o JOIN public.automation_executions n ON n.retry_of = o.id"
            )?,
            "(pending,t,t,t,t,t,3,t,t,[],1)"
        );
        stage::as_superuser()?;
        assert_eq!(taken()?, "");
        Ok(())
    }

    #[pg_test]
    fn from_the_failed_node_what_was_before_it_is_taken_over() -> Outcome {
        failed()?;
        stage::as_user(stage::ADA)?;
        Spi::run(&retry(", e.error_node_id"))?;
        stage::as_superuser()?;
        assert_eq!(taken()?, "start 1, a 2");
        assert_eq!(
            ask(
                "SELECT bool_and((n.output, n.variables, n.outcome, n.idempotency_key, n.status, n.format)
                               = (o.output, o.variables, o.outcome, o.idempotency_key, o.status, o.format)
                             AND n.account_id = e.account_id)
                   FROM public.automation_executions e
                   JOIN automations.recorded_steps n ON n.execution_id = e.id
                   JOIN automations.recorded_steps o ON o.execution_id = e.retry_of AND o.node_id = n.node_id"
            )?,
            "true"
        );
        stage::as_daemon()?;
        assert_eq!(
            ask(
                "SELECT has_steps FROM automations.claim(gen_random_uuid(), 10, 30000) WHERE id IS NOT NULL"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_retry_can_be_retried_and_so_can_what_completed_or_was_cancelled() -> Outcome {
        failed()?;
        for (status, from) in [
            ("completed", ", 'b'"),
            ("cancelled", ", 'a'"),
            ("failed", ", 'b'"),
        ] {
            Spi::run(&retry(from))?;
            let steps = if from == ", 'a'" {
                "start 1"
            } else {
                "start 1, a 2"
            };
            assert_eq!(taken()?, steps, "{status}");
            Spi::run(
                "INSERT INTO automations.steps (execution_id, account_id, node_id, run, node_type, status, ordinal, outcome)
                 SELECT e.id, e.account_id, 'a', 1, 'logic-merge', 'completed', 2, '\"default\"'
                   FROM public.automation_executions e WHERE e.status = 'pending' ON CONFLICT DO NOTHING",
            )?;
            Spi::run_with_args(
                "UPDATE public.automation_executions SET status = $1 WHERE status = 'pending'",
                &[status.into()],
            )?;
        }
        assert_eq!(
            ask("SELECT count(DISTINCT retry_of) FROM public.automation_executions")?,
            "3"
        );
        Ok(())
    }

    #[pg_test]
    fn what_has_not_ended_is_not_retried() -> Outcome {
        failed()?;
        Spi::run(&retry(""))?;
        assert_eq!(state_of(&retry(""))?, "55000", "the newest is pending");
        Ok(())
    }

    #[pg_test]
    fn what_one_cannot_see_cannot_be_retried_either() -> Outcome {
        failed()?;
        let id = ask("SELECT id FROM public.automation_executions")?;
        let retry = ["SELECT automations.retry('", &id, "')"].concat();
        stage::as_user(stage::BOB)?;
        assert_eq!(state_of(&retry)?, "P0002");
        assert_eq!(state_of("SELECT automations.retry(gen_random_uuid())")?, "P0002");
        assert_eq!(state_of("SELECT automations.retry(NULL)")?, "22004");
        Ok(())
    }

    #[pg_test]
    fn a_paused_automation_is_not_retried_and_a_test_run_of_a_draft_is() -> Outcome {
        failed()?;
        Spi::run("UPDATE public.automations SET status = 'paused' WHERE name = 'New lead'")?;
        assert_eq!(state_of(&retry(""))?, "55000");
        Spi::run(
            "UPDATE public.automations SET status = 'draft', options = '{\"a\": 1}' WHERE name = 'New lead';
             UPDATE public.automation_executions SET test_mode = true",
        )?;
        assert_eq!(state_of(&retry(""))?, "00000");
        Spi::run("UPDATE public.automation_executions SET status = 'failed' WHERE status = 'pending'")?;
        assert_eq!(state_of(&retry(", NULL, true"))?, "00000");
        assert_eq!(
            ask(
                "SELECT string_agg(concat_ws(' ', version, test_mode), ', ' ORDER BY id) FROM public.automation_executions"
            )?,
            "2 t, 2 t, 3 t",
            "the newest of a draft is what it is now"
        );
        Ok(())
    }

    #[pg_test]
    fn a_node_that_never_ran_is_refused_by_name() -> Outcome {
        failed()?;
        assert_eq!(state_of(&retry(", 'nowhere'"))?, "22023");
        Spi::run("DELETE FROM automations.steps WHERE ordinal > 1")?;
        assert_eq!(state_of(&retry(", 'b'"))?, "22023");
        assert_eq!(state_of(&retry(", 'a'"))?, "00000");
        Ok(())
    }

    #[pg_test]
    fn the_newest_version_runs_if_what_is_taken_over_fits_it() -> Outcome {
        failed()?;
        Spi::run(
            "UPDATE public.automations SET nodes = jsonb_set(nodes, '{2,data,label}', '\"other\"') WHERE name = 'New lead'",
        )?;
        Spi::run(&retry(", 'b', true"))?;
        assert_eq!(
            ask("SELECT version FROM public.automation_executions WHERE retry_of IS NOT NULL")?,
            "3"
        );
        assert_eq!(taken()?, "start 1, a 2");
        Spi::run("UPDATE public.automation_executions SET status = 'failed' WHERE status = 'pending'")?;
        Spi::run(
            "UPDATE public.automations SET nodes = nodes - 1,
                    edges = '[{\"id\": \"1\", \"source\": \"start\", \"target\": \"b\"}]' WHERE name = 'New lead'",
        )?;
        assert_eq!(
            state_of(&retry(", 'b', true"))?,
            "22023",
            "a is not there any more"
        );
        assert_eq!(state_of(&retry(", 'b'"))?, "00000");
        Ok(())
    }

    #[pg_test]
    fn a_version_that_is_gone_is_said_and_the_newest_can_run_instead() -> Outcome {
        failed()?;
        Spi::run(
            "UPDATE public.automations SET nodes = jsonb_set(nodes, '{2,data,label}', '\"other\"') WHERE name = 'New lead';
             DELETE FROM public.automation_versions WHERE version = 2 AND automation_id =
                 (SELECT id FROM public.automations WHERE name = 'New lead')",
        )?;
        assert_eq!(state_of(&retry(""))?, "P0002");
        assert_eq!(
            state_of(&retry(", 'b', true"))?,
            "22023",
            "nobody knows where b began"
        );
        assert_eq!(state_of(&retry(", latest => true"))?, "00000");
        Ok(())
    }

    #[pg_test]
    fn an_automation_that_is_gone_took_its_executions_along() -> Outcome {
        failed()?;
        let id = ask("SELECT id FROM public.automation_executions")?;
        Spi::run("DELETE FROM public.automations WHERE name = 'New lead'")?;
        assert_eq!(
            state_of(&["SELECT automations.retry('", &id, "')"].concat())?,
            "P0002"
        );
        Ok(())
    }
}
