//! What is left behind by daemons that died: leases, the fence, and executions that kill.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    const LAPSE: &str = "UPDATE automations.queue SET lease_until = clock_timestamp() - interval '1 second'
                          WHERE lease_token IS NOT NULL";

    #[pg_test]
    fn a_lapsed_lease_is_pending_again_and_a_live_one_is_left_alone() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(2)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(ask("SELECT automations.rescue()")?, "0");
        Spi::run(LAPSE)?;
        assert_eq!(ask("SELECT automations.rescue()")?, "2");
        assert_eq!(
            ask("SELECT bool_and(crashes = 1 AND lease_token IS NULL) FROM automations.queue")?,
            "true"
        );
        assert_eq!(
            ask("SELECT DISTINCT status FROM public.automation_executions")?,
            "pending"
        );
        Ok(())
    }

    #[pg_test]
    fn what_a_daemon_died_with_is_claimed_alone() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(3); UPDATE automations.queue SET crashes = 1 WHERE id IN (
                  SELECT id FROM automations.queue ORDER BY id DESC LIMIT 1)",
        )?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(
            ask("SELECT crashes FROM automations.queue WHERE lease_token IS NOT NULL")?,
            "1"
        );
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "2");
        Ok(())
    }

    #[pg_test]
    fn the_third_lost_lease_in_a_row_ends_it_as_interrupted() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        for lost in 1..=3 {
            assert_eq!(
                ask("SELECT count(*) FROM pg_temp.claim(10)")?,
                "1",
                "before loss {lost}"
            );
            Spi::run("SELECT automations.record(q.account_id, q.id, q.lease_token,
                '[{\"node_id\": \"announce\", \"run\": 1, \"status\": \"started\"}]') FROM automations.queue q")?;
            Spi::run(LAPSE)?;
            assert_eq!(ask("SELECT automations.rescue()")?, "1");
        }
        assert_eq!(
            ask(
                "SELECT (status, error_code, error_node_id, nodes_executed -> 0 ->> 'status')
                   FROM public.automation_executions"
            )?,
            "(failed,interrupted,announce,failed)"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_newly_recorded_step_forgives_the_lost_leases() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1); UPDATE automations.queue SET crashes = 2")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        let record = |status: &str| {
            ask(&[
                "SELECT automations.record(q.account_id, q.id, q.lease_token, '[{\"node_id\": \"score\", \"run\": 1,
                 \"status\": \"",
                status,
                "\"}]') FROM automations.queue q",
            ]
            .concat())
        };
        assert_eq!(record("started")?, "true");
        assert_eq!(ask("SELECT crashes FROM automations.queue")?, "2");
        assert_eq!(record("completed")?, "true");
        assert_eq!(ask("SELECT crashes FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_lost_token_writes_nothing() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        let stranger = "gen_random_uuid()";
        for call in [
            [
                "SELECT automations.record(q.account_id, q.id, ",
                stranger,
                ", '[]') FROM automations.queue q",
            ],
            [
                "SELECT automations.park(q.account_id, q.id, ",
                stranger,
                ", 0, '[]', '[]', '{}') FROM automations.queue q",
            ],
        ] {
            assert_eq!(ask(&call.concat())?, "false");
        }
        assert_eq!(
            ask("SELECT count(*) FROM automations.queue q, automations.finish(ARRAY[q.account_id], ARRAY[q.id],
                 ARRAY[gen_random_uuid()], '[{\"status\": \"completed\"}]')")?,
            "0"
        );
        assert_eq!(
            ask("SELECT count(*) FROM automations.queue q, automations.heartbeat(ARRAY[q.account_id], ARRAY[q.id],
                 ARRAY[gen_random_uuid()], 30000)")?,
            "0"
        );
        assert_eq!(ask("SELECT status FROM public.automation_executions")?, "running");
        Ok(())
    }

    #[pg_test]
    fn a_claim_that_is_handed_back_is_pending_and_counts_as_no_crash() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(
            ask(
                "SELECT automations.release(ARRAY[q.account_id], ARRAY[q.id], ARRAY[q.lease_token])
                   FROM automations.queue q"
            )?,
            "1"
        );
        assert_eq!(
            ask("SELECT (crashes, lease_token) FROM automations.queue")?,
            "(0,)"
        );
        assert_eq!(ask("SELECT status FROM public.automation_executions")?, "pending");
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        Ok(())
    }

    #[pg_test]
    fn one_that_cannot_be_ended_does_not_keep_the_others_from_being_taken_back() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(3); SELECT pg_temp.claim(10); SET LOCAL client_min_messages = error;
             CREATE FUNCTION public.trip() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN RAISE EXCEPTION ''tripped''; END';
             CREATE TRIGGER trip BEFORE UPDATE ON public.automation_executions FOR EACH ROW
                 WHEN (NEW.status = 'failed') EXECUTE FUNCTION public.trip();
             UPDATE automations.queue q SET crashes = 2 WHERE q.id = (SELECT x.id FROM automations.queue x LIMIT 1)",
        )?;
        Spi::run(LAPSE)?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT automations.rescue()")?, "2");
        assert_eq!(
            ask("SELECT (count(*), count(*) FILTER (WHERE lease_token IS NULL)) FROM automations.queue")?,
            "(3,2)"
        );
        Ok(())
    }

    #[pg_test]
    fn a_lease_whose_execution_somebody_changed_by_hand_is_found_too() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(4); SELECT pg_temp.claim(10)")?;
        Spi::run(LAPSE)?;
        Spi::run(
            "WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM public.automation_executions)
             UPDATE public.automation_executions e SET status = (ARRAY['completed', 'waiting', 'running'])[n]
               FROM numbered WHERE numbered.id = e.id AND n < 4;
             DELETE FROM public.automation_executions e
              WHERE e.id = (SELECT x.id FROM public.automation_executions x ORDER BY x.id DESC LIMIT 1)",
        )?;
        // the one that was deleted left the queue with its execution
        assert_eq!(ask("SELECT automations.maintain()")?, "2");
        assert_eq!(
            ask("SELECT string_agg(concat_ws(' ', e.status, q.crashes, q.lease_token IS NULL), ', ' ORDER BY q.id)
                   FROM automations.queue q JOIN public.automation_executions e ON e.id = q.id")?,
            "pending 1 t, running 0 f"
        );
        Ok(())
    }
}
