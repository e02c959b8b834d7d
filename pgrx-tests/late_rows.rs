//! A captured change has no row of automation_executions before its first durable write: what becomes of it meanwhile.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    const LAPSE: &str =
        "UPDATE automations.queue SET lease_until = '-infinity' WHERE lease_token IS NOT NULL";
    const ROWS: &str = "SELECT count(*) FROM public.automation_executions";
    const FINISH: &str = "SELECT count(*) FROM automations.queue q, automations.finish(
        ARRAY[q.account_id], ARRAY[q.id], ARRAY[q.lease_token], '[{\"status\": \"completed\"}]')";
    const RECORD: &str = "SELECT automations.record(q.account_id, q.id, q.lease_token,
        '[{\"node_id\": \"announce\", \"run\": 1, \"status\": \"started\"}]') FROM automations.queue q";

    fn claimed() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim_unseen(10)")?, "1");
        assert_eq!(ask(ROWS)?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_claim_gives_the_change_and_makes_no_row() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        assert_eq!(
            ask(
                "SELECT (c.trigger_data, c.has_steps, c.has_execution, c.started_at = q.occurred_at)
                   FROM automations.queue q, automations.claim(automations.uuid_v7(), 10, 30000) c"
            )?,
            "(\"{\"\"event\"\": \"\"INSERT\"\"}\",f,f,t)"
        );
        assert_eq!(ask(ROWS)?, "0");
        Ok(())
    }

    #[pg_test]
    fn people_see_it_as_pending_until_it_has_a_row() -> Outcome {
        claimed()?;
        let seen = "SELECT concat_ws(' ', (SELECT count(*) FROM automations.pending),
            (SELECT string_agg(status, ' ') FROM public.automation_executions))";
        stage::as_user(stage::ADA)?;
        assert_eq!(ask(seen)?, "1");
        stage::as_daemon()?;
        assert_eq!(ask(RECORD)?, "true");
        stage::as_user(stage::ADA)?;
        assert_eq!(ask(seen)?, "0 running");
        Ok(())
    }

    #[pg_test]
    fn a_row_has_all_of_the_change_whichever_write_makes_it() -> Outcome {
        let writes = [
            FINISH,
            RECORD,
            "SELECT automations.park(q.account_id, q.id, q.lease_token, 1000, '[]', '[1]', '{\"a\": 1}')
               FROM automations.queue q",
            "SELECT automations.cancel_execution(q.id) FROM automations.queue q",
        ];
        stage::set()?;
        for write in writes {
            stage::as_superuser()?;
            Spi::run("TRUNCATE automations.queue; DELETE FROM public.automation_executions; SELECT pg_temp.queue(1);
                      UPDATE automations.queue SET depth = 3, caused_by = account_id, test_mode = true")?;
            stage::as_daemon()?;
            Spi::run("SELECT pg_temp.claim_unseen(10)")?;
            Spi::run(write)?;
            assert_eq!(
                ask("SELECT (e.trigger_type, e.trigger_data ->> 'event', e.version = a.version, e.depth,
                        e.caused_by = e.account_id, e.test_mode, e.account_id = a.user_id, e.triggered_by)
                       FROM public.automation_executions e JOIN public.automations a ON a.id = e.automation_id")?,
                "(event,INSERT,t,3,t,t,t,)",
                "{write}"
            );
        }
        Ok(())
    }

    #[pg_test]
    fn what_vanished_or_changed_hands_since_the_claim_is_null() -> Outcome {
        for change in [
            "DELETE FROM public.leads WHERE id = 'a0000000-0000-4000-8000-000000000022'",
            "UPDATE public.leads SET user_id = 'b0000000-0000-4000-8000-0000000000b1'
              WHERE id = 'a0000000-0000-4000-8000-000000000022'",
        ] {
            claimed()?;
            stage::as_superuser()?;
            Spi::run("DELETE FROM automations.debounced")?;
            Spi::run(change)?;
            Spi::run("DELETE FROM automations.queue WHERE lease_token IS NULL")?;
            stage::as_daemon()?;
            assert_eq!(ask(FINISH)?, "1");
            assert_eq!(
                ask("SELECT (status, lead_id) FROM public.automation_executions")?,
                "(completed,)",
                "{change}"
            );
            stage::clear()?;
        }
        Ok(())
    }

    #[pg_test]
    fn of_an_automation_that_vanished_nothing_is_left() -> Outcome {
        claimed()?;
        stage::as_superuser()?;
        Spi::run("DELETE FROM public.automations")?;
        stage::as_daemon()?;
        assert_eq!(ask(FINISH)?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        assert_eq!(ask(ROWS)?, "0");
        Ok(())
    }

    #[pg_test]
    fn cancelled_it_says_so_and_its_daemon_writes_nothing_any_more() -> Outcome {
        claimed()?;
        stage::as_superuser()?;
        let id = ask("SELECT id FROM automations.queue")?;
        let account = ask("SELECT account_id FROM automations.queue")?;
        stage::as_user(stage::ADA)?;
        assert_eq!(ask(&["SELECT automations.cancel('", &id, "')"].concat())?, "true");
        assert_eq!(
            ask("SELECT (status, trigger_data) FROM public.automation_executions")?,
            "(cancelled,\"{\"\"event\"\": \"\"INSERT\"\"}\")"
        );
        stage::as_daemon()?;
        let late = [
            "SELECT count(*) FROM automations.finish(ARRAY['",
            &account,
            "'::uuid], ARRAY['",
            &id,
            "'::uuid], ARRAY['11111111-1111-4111-8111-111111111111'::uuid], '[{\"status\": \"completed\"}]')",
        ];
        assert_eq!(ask(&late.concat())?, "0");
        assert_eq!(
            ask("SELECT status FROM public.automation_executions")?,
            "cancelled"
        );
        Ok(())
    }

    #[pg_test]
    fn rescued_it_is_claimed_again_and_the_third_time_it_ends_as_interrupted() -> Outcome {
        claimed()?;
        for rows in ["0", "0", "1"] {
            Spi::run(LAPSE)?;
            assert_eq!(ask("SELECT automations.rescue()")?, "1");
            assert_eq!(ask(ROWS)?, rows);
            Spi::run("SELECT pg_temp.claim_unseen(10)")?;
        }
        assert_eq!(
            ask(
                "SELECT (status, error_code, trigger_data ->> 'event', lead_id IS NOT NULL)
                   FROM public.automation_executions"
            )?,
            "(failed,interrupted,INSERT,t)"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn handed_back_it_is_what_it_was() -> Outcome {
        claimed()?;
        assert_eq!(
            ask("SELECT automations.release(array_agg(q.account_id), array_agg(q.id), array_agg(q.lease_token))
                   FROM automations.queue q")?,
            "1"
        );
        assert_eq!(
            ask("SELECT (crashes, has_execution, trigger_data) FROM automations.queue")?,
            "(0,f,\"{\"\"event\"\": \"\"INSERT\"\"}\")"
        );
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim_unseen(10)")?, "1");
        assert_eq!(ask(FINISH)?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_claim_of_which_nothing_is_left_is_forgotten() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(5)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim_unseen(5)")?;
        let tells = "SELECT cardinality(c.ids) FROM automations.claims c";
        for (ended, left) in [("2", "5"), ("2", "1"), ("1", "")] {
            Spi::run(
                &[
                    "DELETE FROM automations.queue q WHERE q.id IN (
                SELECT x.id FROM automations.queue x ORDER BY x.id LIMIT ",
                    ended,
                    ")",
                ]
                .concat(),
            )?;
            assert_eq!(ask("SELECT automations.rescue()")?, "0");
            assert_eq!(ask(tells)?, left);
        }
        Ok(())
    }

    #[pg_test]
    fn a_lapsed_lease_of_which_no_claim_tells_is_found_all_the_same() -> Outcome {
        claimed()?;
        Spi::run("DELETE FROM automations.claims")?;
        Spi::run(LAPSE)?;
        assert_eq!(ask("SELECT automations.rescue()")?, "0");
        stage::as_superuser()?;
        assert_eq!(ask("SELECT automations.rescue_strays()")?, "1");
        assert_eq!(
            ask("SELECT (crashes, lease_token) FROM automations.queue")?,
            "(1,)"
        );
        Ok(())
    }

    #[pg_test]
    fn ends_count_once_and_only_those_that_the_machinery_writes() -> Outcome {
        claimed()?;
        let count =
            "SELECT (execution_count, last_execution_status) FROM public.automations WHERE name = 'New lead'";
        Spi::run(FINISH)?;
        assert_eq!(ask(count)?, "(1,completed)");
        stage::as_superuser()?;
        Spi::run(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, status, completed_at)
             SELECT a.id, 'event', 'failed', now() FROM public.automations a WHERE a.name = 'New lead'",
        )?;
        assert_eq!(ask(count)?, "(1,completed)");
        Ok(())
    }

    #[pg_test]
    fn failures_in_a_row_that_are_written_once_stop_their_automation() -> Outcome {
        stage::set()?;
        Spi::run("UPDATE public.automations SET options = '{\"error_limit\": 3}'; SELECT pg_temp.queue(3)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim_unseen(10)")?;
        Spi::run(
            "SELECT automations.finish(array_agg(q.account_id), array_agg(q.id), array_agg(q.lease_token),
                 '[{\"status\": \"failed\"}, {\"status\": \"failed\"}, {\"status\": \"failed\"}]') FROM automations.queue q",
        )?;
        assert_eq!(
            ask("SELECT (status, failures_in_a_row) FROM public.automations WHERE name = 'New lead'")?,
            "(error,3)"
        );
        Ok(())
    }

    #[pg_test]
    fn somebody_elses_insert_is_looked_at_whatever_its_status_says() -> Outcome {
        stage::set()?;
        let insert = "INSERT INTO public.automation_executions
                (automation_id, account_id, version, trigger_type, status, lead_id)
             SELECT a.id, a.user_id, a.version, 'event', 'completed', 'b0000000-0000-4000-8000-000000000021'
               FROM public.automations a WHERE a.name = 'New lead'";
        assert_eq!(stage::state_of(insert)?, "23503");
        Spi::run(
            "GRANT SELECT, INSERT ON public.automation_executions TO service_role; SET LOCAL ROLE service_role",
        )?;
        assert_eq!(stage::state_of(insert)?, "23503");
        Ok(())
    }
}
