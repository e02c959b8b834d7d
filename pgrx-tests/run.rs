//! Starting and cancelling by hand: start_execution, cancel_execution, wait, queue_position.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    fn run(rest: &str) -> String {
        ["automations.run('", stage::NEW_LEAD, "', '{\"a\": 1}'", rest, ")"].concat()
    }

    #[pg_test]
    fn a_run_is_there_at_once_and_waits_in_the_queue() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        Spi::run(&["SELECT ", &run("")].concat())?;
        assert_eq!(
            ask("SELECT (e.status, e.trigger_type, e.trigger_data ->> 'a', e.triggered_by = e.account_id, e.version,
                         automations.queue_position(e.id)) FROM public.automation_executions e")?,
            "(pending,manual,1,t,1,1)"
        );
        stage::as_daemon()?;
        assert_eq!(
            ask(
                "SELECT c.trigger_data FROM automations.claim(gen_random_uuid(), 10, 30000) c WHERE c.id IS NOT NULL"
            )?,
            "{\"a\": 1}"
        );
        Ok(())
    }

    #[pg_test]
    fn what_one_cannot_see_does_not_exist() -> Outcome {
        stage::set()?;
        Spi::run(&["SELECT ", &run("")].concat())?;
        let execution = ask("SELECT id FROM public.automation_executions")?;
        stage::as_user(stage::BOB)?;
        let mine = state_of(&["SELECT ", &run("")].concat())?;
        assert_eq!(mine, state_of("SELECT automations.run(gen_random_uuid(), '{}')")?);
        assert_ne!(mine, "00000");
        assert_eq!(
            ask(&["SELECT automations.cancel('", &execution, "')"].concat())?,
            "false"
        );
        assert_eq!(
            ask(&["SELECT automations.queue_position('", &execution, "')"].concat())?,
            ""
        );
        assert_eq!(
            state_of(&["SELECT automations.wait('", &execution, "')"].concat())?,
            "P0002"
        );
        Ok(())
    }

    #[pg_test]
    fn the_same_key_gives_the_same_execution() -> Outcome {
        stage::set()?;
        let keyed = run(", idempotency_key => 'order-1'");
        assert_eq!(ask(&["SELECT ", &keyed, " = ", &keyed].concat())?, "true");
        assert_eq!(ask("SELECT count(*) FROM public.automation_executions")?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_key_of_the_machinery_is_nobody_elses() -> Outcome {
        stage::set()?;
        for key in ["hook:id:1", "schedule 2026-01-01T00:00:00Z", "step x 1"] {
            let keyed = run(&[", idempotency_key => '", key, "'"].concat());
            assert_eq!(state_of(&["SELECT ", &keyed].concat())?, "22023", "{key}");
        }
        Ok(())
    }

    #[pg_test]
    fn an_input_fits_the_schema_of_the_version_that_runs_or_nothing_is_started() -> Outcome {
        stage::set()?;
        let manual = |schema: &str| {
            state_of(&[
                "UPDATE public.automations SET trigger_type = 'manual', edges = '[]',
                        nodes = '[{\"id\": \"s\", \"type\": \"trigger-manual\", \"data\": {\"config\": {\"inputSchema\": ",
                schema,
                "}}}]' WHERE name = 'New lead'",
            ]
            .concat())
        };
        assert_eq!(manual(r#"{"type": "nothing"}"#)?, "22023", "no schema");
        let schema = r#"{"type": "object", "required": ["a"], "additionalProperties": false,
                         "properties": {"a": {"type": "integer", "minimum": 1}}}"#;
        assert_eq!(manual(schema)?, "00000");
        stage::as_user(stage::ADA)?;
        let with = |input: &str, rest: &str| {
            state_of(
                &[
                    "SELECT automations.run('",
                    stage::NEW_LEAD,
                    "', ",
                    input,
                    rest,
                    ")",
                ]
                .concat(),
            )
        };
        for input in [
            "'{}'",
            "NULL",
            "'{\"a\": \"1\"}'",
            "'{\"a\": 0}'",
            "'{\"a\": 1, \"b\": 2}'",
            "'[1]'",
        ] {
            assert_eq!(with(input, "")?, "22023", "{input}");
            assert_eq!(with(input, ", test_mode => true")?, "22023", "{input}");
        }
        let said = ask("SELECT count(*) FROM public.automation_executions")?;
        assert_eq!(said, "0", "nothing is started");
        assert_eq!(with("'{\"a\": 1}'", "")?, "00000");
        Ok(())
    }

    #[pg_test]
    fn a_run_needs_an_active_automation_and_a_test_run_any() -> Outcome {
        stage::set()?;
        Spi::run(
            "UPDATE public.automations SET status = 'draft', nodes = '[]', edges = '[]' WHERE name = 'New lead'",
        )?;
        assert_eq!(state_of(&["SELECT ", &run("")].concat())?, "55000");
        let test = run(", test_mode => true");
        Spi::run(&["SELECT ", &test, ", ", &test].concat())?;
        assert_eq!(
            ask(
                "SELECT string_agg(concat_ws(' ', e.test_mode, e.version, v.nodes, v.note), '; ')
                   FROM public.automation_executions e
                   JOIN public.automation_versions v USING (automation_id, version)"
            )?,
            "t 2 [] test run; t 2 [] test run",
            "both pin the draft, by one version"
        );
        assert_eq!(
            ask("SELECT version FROM public.automations WHERE name = 'New lead'")?,
            "1"
        );
        Ok(())
    }

    #[pg_test]
    fn a_lead_of_another_account_is_refused_like_one_that_is_not_there() -> Outcome {
        stage::set()?;
        let foreign =
            state_of(&["SELECT ", &run(&[", lead_id => '", stage::FRANCIS, "'"].concat())].concat())?;
        assert_eq!(
            foreign,
            state_of(&["SELECT ", &run(", lead_id => gen_random_uuid()")].concat())?
        );
        assert_eq!(foreign, "23503");
        Ok(())
    }

    #[pg_test]
    fn cancelling_ends_what_waits_and_is_true_once() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        Spi::run(&["SELECT ", &run("")].concat())?;
        let cancel = "SELECT automations.cancel(e.id) FROM public.automation_executions e";
        assert_eq!(ask(cancel)?, "true");
        assert_eq!(ask(cancel)?, "false");
        assert_eq!(
            ask("SELECT status FROM public.automation_executions")?,
            "cancelled"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.pending")?, "0");
        Ok(())
    }

    #[pg_test]
    fn cancelling_takes_a_running_execution_out_of_its_daemons_hands() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(1); CREATE TEMP TABLE mine AS SELECT * FROM automations.queue LIMIT 0",
        )?;
        Spi::run(
            "SELECT pg_temp.claim(1); INSERT INTO mine SELECT * FROM automations.queue; GRANT SELECT ON mine TO PUBLIC",
        )?;
        assert_eq!(ask("SELECT automations.cancel(m.id) FROM mine m")?, "true");
        stage::as_daemon()?;
        assert_eq!(
            ask("SELECT automations.record(m.account_id, m.id, m.lease_token, '[]') FROM mine m")?,
            "false"
        );
        assert_eq!(
            ask("SELECT status FROM public.automation_executions")?,
            "cancelled"
        );
        Ok(())
    }

    #[pg_test]
    fn cancelling_a_change_that_nobody_has_claimed_leaves_a_trace() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        assert_eq!(
            ask("SELECT automations.cancel_execution(q.id) FROM automations.queue q")?,
            "true"
        );
        assert_eq!(
            ask(
                "SELECT (e.status, (SELECT count(*) FROM automations.queue)) FROM public.automation_executions e"
            )?,
            "(cancelled,0)"
        );
        Ok(())
    }

    #[pg_test]
    fn waiting_for_what_this_transaction_made_says_to_commit_first() -> Outcome {
        stage::set()?;
        Spi::run(&["SELECT ", &run("")].concat())?;
        assert_eq!(
            state_of("SELECT automations.wait(e.id) FROM public.automation_executions e")?,
            "25000"
        );
        Ok(())
    }

    #[pg_test]
    fn a_captured_change_has_a_place_in_the_queue_before_it_is_an_execution() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(2)")?;
        let second = ask("SELECT q.id FROM automations.queue q ORDER BY q.id DESC LIMIT 1")?;
        let position = ["SELECT automations.queue_position('", &second, "')"].concat();
        stage::as_user(stage::ADA)?;
        assert_eq!(ask("SELECT count(*) FROM automations.pending")?, "2");
        assert_eq!(ask(&position)?, "2");
        stage::as_user(stage::BOB)?;
        assert_eq!(ask(&position)?, "");
        Ok(())
    }
}
