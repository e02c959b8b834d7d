//! What an execution without a row is about to do outside is said in its queue row, and found by whoever makes its row.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    const BEGUN: &str = "[{\"node_id\": \"sort\", \"run\": 1, \"ordinal\": 1, \"status\": \"completed\"},
        {\"node_id\": \"call\", \"run\": 1, \"status\": \"started\"}]";
    const STEPS: &str = "SELECT string_agg(concat_ws(' ', s.node_id, s.status), ', ' ORDER BY s.node_id DESC)
        FROM public.automation_executions e JOIN automations.recorded_steps s ON s.execution_id = e.id";
    const STATE: &str = "SELECT (q.has_execution, q.steps IS NOT NULL, q.trigger_data IS NOT NULL)
        FROM automations.queue q";

    /// Keeps these steps of everything that is claimed; how many are kept.
    fn keep() -> Result<String, pgrx::spi::Error> {
        ask(&[
            "SELECT count(*) FROM (SELECT array_agg(q.account_id) AS accounts, array_agg(q.id) AS ids,
                    array_agg(q.lease_token) AS tokens, jsonb_agg('",
            BEGUN,
            "'::jsonb) AS records FROM automations.queue q) q,
                automations.keep_steps(q.accounts, q.ids, q.tokens, q.records)",
        ]
        .concat())
    }

    fn kept(executions: i32) -> Outcome {
        stage::set()?;
        Spi::run_with_args("SELECT pg_temp.queue($1)", &[executions.into()])?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim_unseen(10)")?;
        assert_eq!(keep()?, executions.to_string());
        assert_eq!(ask("SELECT count(*) FROM public.automation_executions")?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.steps")?, "0");
        Ok(())
    }

    fn handed_back() -> Outcome {
        Spi::run(
            "SELECT automations.release(array_agg(q.account_id), array_agg(q.id), array_agg(q.lease_token))
               FROM automations.queue q",
        )
    }

    #[pg_test]
    fn whoever_claims_it_next_goes_on_from_there() -> Outcome {
        for executions in [1, 3] {
            kept(executions)?;
            handed_back()?;
            let claimed = "SELECT string_agg(DISTINCT concat_ws(' ', c.has_execution, c.has_steps,
                    c.trigger_data::jsonb ->> 'event'), ', ') || ' ' || count(*)
                FROM automations.claim(automations.uuid_v7(), 10, 30000) c WHERE c.id IS NOT NULL";
            assert_eq!(ask(claimed)?, ["t t INSERT ", &executions.to_string()].concat());
            assert_eq!(
                ask("SELECT string_agg(DISTINCT status, ', ') FROM public.automation_executions")?,
                "running"
            );
            assert_eq!(
                ask(&["SELECT DISTINCT string_agg(concat_ws(' ', s.node_id, s.status), ', ' ORDER BY s.node_id DESC)
                    FROM automations.steps s GROUP BY s.execution_id"]
                .concat())?,
                "sort completed, call started"
            );
            assert_eq!(ask(&[STATE, " LIMIT 1"].concat())?, "(t,f,f)");
            stage::clear()?;
        }
        Ok(())
    }

    #[pg_test]
    fn a_daemon_that_dies_with_it_leaves_what_it_was_about_to_do() -> Outcome {
        kept(1)?;
        for crashes in ["1", "2"] {
            Spi::run("UPDATE automations.queue SET lease_until = '-infinity'")?;
            assert_eq!(ask("SELECT automations.rescue()")?, "1");
            assert_eq!(ask("SELECT crashes FROM automations.queue")?, crashes);
            Spi::run("SELECT pg_temp.claim_unseen(10)")?;
            assert_eq!(ask(STATE)?, "(t,f,f)");
        }
        Spi::run("UPDATE automations.queue SET lease_until = '-infinity'")?;
        assert_eq!(ask("SELECT automations.rescue()")?, "1");
        assert_eq!(
            ask(
                "SELECT (status, error_code, error_node_id, jsonb_array_length(nodes_executed))
                   FROM public.automation_executions"
            )?,
            "(failed,interrupted,call,2)"
        );
        assert_eq!(ask(STEPS)?, "sort completed, call failed");
        Ok(())
    }

    #[pg_test]
    fn an_end_says_all_of_it_again_and_is_the_first_and_last_write_of_the_row() -> Outcome {
        for executions in [1, 3] {
            kept(executions)?;
            let finish = "SELECT count(*) FROM (SELECT array_agg(q.account_id) AS accounts, array_agg(q.id) AS ids,
                    array_agg(q.lease_token) AS tokens, jsonb_agg('{\"status\": \"completed\", \"output\": 7, \"steps\": [
                        {\"node_id\": \"sort\", \"run\": 1, \"ordinal\": 1, \"status\": \"completed\"},
                        {\"node_id\": \"call\", \"run\": 1, \"ordinal\": 2, \"status\": \"completed\"}]}'::jsonb) AS results
                    FROM automations.queue q) q, automations.finish(q.accounts, q.ids, q.tokens, q.results)";
            assert_eq!(ask(finish)?, executions.to_string());
            assert_eq!(
                ask("SELECT DISTINCT (status, output, trigger_data ->> 'event', completed_at >= started_at, lead_id IS NOT NULL)
                       FROM public.automation_executions")?,
                "(completed,7,INSERT,t,t)"
            );
            assert_eq!(ask("SELECT count(*) FROM automations.steps")?, "0");
            assert_eq!(
                ask(&["SELECT DISTINCT s FROM (", STEPS, " GROUP BY e.id) AS one (s)"].concat())?,
                "sort completed, call completed"
            );
            assert_eq!(
                ask("SELECT execution_count FROM public.automations WHERE name = 'New lead'")?,
                executions.to_string()
            );
            assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
            stage::clear()?;
        }
        Ok(())
    }

    #[pg_test]
    fn an_end_without_steps_still_says_what_it_was_about_to_do() -> Outcome {
        for executions in [1, 2] {
            kept(executions)?;
            let finish = "SELECT count(*) FROM (SELECT array_agg(q.account_id) AS accounts, array_agg(q.id) AS ids,
                    array_agg(q.lease_token) AS tokens, jsonb_agg('{\"status\": \"failed\", \"steps\": []}'::jsonb) AS results
                    FROM automations.queue q) q, automations.finish(q.accounts, q.ids, q.tokens, q.results)";
            assert_eq!(ask(finish)?, executions.to_string());
            assert_eq!(
                ask(&["SELECT DISTINCT s FROM (", STEPS, " GROUP BY e.id) AS one (s)"].concat())?,
                "sort completed, call started"
            );
            stage::clear()?;
        }
        Ok(())
    }

    #[pg_test]
    fn one_of_which_no_row_can_be_made_keeps_no_other_from_being_claimed() -> Outcome {
        kept(2)?;
        handed_back()?;
        stage::as_superuser()?;
        Spi::run(
            "CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN RAISE EXCEPTION 'not this one'; END$$;
             DO $$BEGIN EXECUTE format('CREATE TRIGGER refuse BEFORE INSERT ON public.automation_executions
                 FOR EACH ROW WHEN (NEW.id = %L) EXECUTE FUNCTION pg_temp.refuse()',
                 (SELECT q.id FROM automations.queue q ORDER BY q.id LIMIT 1)); END$$",
        )?;
        stage::as_daemon()?;
        assert_eq!(
            ask(
                "SELECT string_agg(concat_ws(' ', c.has_execution, c.has_steps), ', ' ORDER BY c.id)
                   FROM automations.claim(automations.uuid_v7(), 10, 30000) c WHERE c.id IS NOT NULL"
            )?,
            "f f, t t"
        );
        Ok(())
    }

    #[pg_test]
    fn cancelled_it_shows_what_it_was_about_to_do() -> Outcome {
        kept(1)?;
        stage::as_superuser()?;
        let id = ask("SELECT id FROM automations.queue")?;
        stage::as_user(stage::ADA)?;
        assert_eq!(ask(&["SELECT automations.cancel('", &id, "')"].concat())?, "true");
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT (e.status, e.completed_at IS NOT NULL, e.lead_id IS NOT NULL, string_agg(concat_ws(' ', n.node ->> 'node_id',
                    n.node ->> 'status', n.node -> 'error' ->> 'message'), ', ' ORDER BY n.place))
                   FROM public.automation_executions e, jsonb_array_elements(e.nodes_executed)
                        WITH ORDINALITY AS n (node, place) GROUP BY e.id")?,
            "(cancelled,t,t,\"sort success, call failed cancelled\")"
        );
        assert_eq!(ask(STEPS)?, "sort completed, call started");
        Ok(())
    }

    #[pg_test]
    fn whatever_makes_its_row_takes_it_along() -> Outcome {
        let writes = [
            "SELECT automations.show_execution(q.account_id, q.id) FROM automations.queue q",
            "SELECT count(*) FROM automations.queue q, automations.start_child(q.account_id, q.id, q.lease_token,
                automations.uuid_v7(), q.automation_id, '{}', false)",
        ];
        for write in writes {
            kept(1)?;
            Spi::run(write)?;
            assert_eq!(
                ask(
                    "SELECT string_agg(concat_ws(' ', s.node_id, s.status), ', ' ORDER BY s.node_id DESC)
                       FROM automations.steps s"
                )?,
                "sort completed, call started",
                "{write}"
            );
            stage::clear()?;
        }
        Ok(())
    }

    #[pg_test]
    fn it_is_kept_once_and_not_of_what_has_a_row_or_has_killed_a_daemon_or_lost_its_lease() -> Outcome {
        for change in [
            "UPDATE automations.queue SET steps = '[]'",
            "UPDATE automations.queue SET crashes = 1",
            "UPDATE automations.queue SET has_execution = true",
            "UPDATE automations.queue SET lease_until = '-infinity'",
        ] {
            for executions in [1, 2] {
                kept(executions)?;
                Spi::run("UPDATE automations.queue SET steps = NULL")?;
                Spi::run(change)?;
                assert_eq!(keep()?, "0", "{change}");
                stage::clear()?;
            }
        }
        Ok(())
    }
}
