//! Parking: what only waits leaves the queue, and comes back when it is due.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    fn parked_for(milliseconds: &str) -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(
            ask(&[
                "SELECT automations.park(q.account_id, q.id, q.lease_token, ",
                milliseconds,
                ", '[{\"node_id\": \"quiet\", \"run\": 1, \"status\": \"parked\"}]', '[{\"node_id\": \"trigger\"}]',
                 '{\"a\": 1}') FROM automations.queue q"
            ]
            .concat())?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_parked_execution_is_waiting_and_shows_how_far_it_came() -> Outcome {
        parked_for("60000")?;
        assert_eq!(
            ask(
                "SELECT (status, variables, jsonb_array_length(nodes_executed)) FROM public.automation_executions"
            )?,
            "(waiting,\"{\"\"a\"\": 1}\",1)"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    /// Parks all that is claimed in one call; those for whose step `wait` holds wait for something outside.
    fn park_all(wait: &str) -> Result<String, pgrx::spi::Error> {
        ask(&[
            "SELECT count(*) FROM automations.park_many(
                (SELECT array_agg(q.account_id ORDER BY q.id) FROM automations.queue q),
                (SELECT array_agg(q.id ORDER BY q.id) FROM automations.queue q),
                (SELECT array_agg(q.lease_token ORDER BY q.id) FROM automations.queue q),
                (SELECT jsonb_agg(jsonb_build_object('wake_in_ms', 60000 * n, 'variables', jsonb_build_object('n', n),
                        'nodes_executed', '[]'::jsonb, 'steps', jsonb_build_array(jsonb_build_object('node_id', 'quiet',
                            'run', 1, 'status', 'parked', 'wake_in_ms', 60000 * n)
                            || CASE WHEN ",
            wait,
            " THEN '{\"wait\": {\"kind\": \"resume\"}, \"idempotency_key\": \"c0000000-0000-4000-8000-000000000001\"}'::jsonb
                                    ELSE '{}' END)) ORDER BY n)
                   FROM (SELECT row_number() OVER (ORDER BY q.id) AS n FROM automations.queue q) x))",
        ]
        .concat())
    }

    #[pg_test]
    fn many_that_wait_for_time_to_pass_are_parked_at_once_each_with_its_own() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(3)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(park_all("false")?, "3");
        assert_eq!(
            ask("SELECT string_agg(concat_ws(' ', e.status, e.variables ->> 'n', s.status,
                            round(extract(epoch FROM p.wake_at - clock_timestamp()) / 60)), ', ' ORDER BY e.id)
                   FROM automations.parked p JOIN public.automation_executions e ON e.id = p.execution_id
                   JOIN automations.steps s ON s.execution_id = e.id")?,
            "waiting 1 parked 1, waiting 2 parked 2, waiting 3 parked 3"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn what_waits_for_something_outside_or_was_resumed_already_is_left_to_be_parked_alone() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(3)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        // a resume came before the last one's step waits
        Spi::run(
            "INSERT INTO automations.waits (execution_id, step_key, account_id, came, came_at)
             SELECT q.id, gen_random_uuid(), q.account_id, 'resumed', clock_timestamp()
               FROM automations.queue q ORDER BY q.id DESC LIMIT 1",
        )?;
        assert_eq!(park_all("n = 1")?, "1");
        assert_eq!(
            ask("SELECT (count(*), count(q.lease_token)) FROM automations.queue q")?,
            "(2,2)"
        );
        assert_eq!(
            ask("SELECT string_agg(e.status, ' ' ORDER BY e.id) FROM public.automation_executions e")?,
            "running waiting running"
        );
        Ok(())
    }

    #[pg_test]
    fn what_somebody_ended_by_hand_is_not_parked_and_stands_in_nobodys_way() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(3)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        stage::as_superuser()?;
        Spi::run(
            "UPDATE public.automation_executions e SET status = 'cancelled'
              WHERE e.id = (SELECT q.id FROM automations.queue q ORDER BY q.id LIMIT 1)",
        )?;
        stage::as_daemon()?;
        assert_eq!(park_all("false")?, "2");
        let alone = "SELECT automations.park(q.account_id, q.id, q.lease_token, 60000, '[]', '[]', '{}')
                       FROM automations.queue q";
        assert_eq!(ask(alone)?, "false");
        assert_eq!(
            ask("SELECT ((SELECT count(*) FROM automations.queue), (SELECT count(*) FROM automations.parked),
                         (SELECT string_agg(e.status, ' ' ORDER BY e.id) FROM public.automation_executions e))")?,
            "(0,2,\"cancelled waiting waiting\")"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_not_due_stays_parked_and_says_when_it_will_be() -> Outcome {
        parked_for("60000")?;
        assert_eq!(
            ask("SELECT (moved, next_in_ms BETWEEN 1 AND 60000) FROM automations.unpark(10)")?,
            "(0,t)"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_due_goes_back_to_the_queue_and_runs_on() -> Outcome {
        parked_for("0")?;
        assert_eq!(
            ask("SELECT (moved, next_in_ms) FROM automations.unpark(10)")?,
            "(1,)"
        );
        assert_eq!(
            ask(
                "SELECT (c.attempt, c.has_steps) FROM automations.claim(gen_random_uuid(), 10, 30000) c
                  WHERE c.id IS NOT NULL"
            )?,
            "(2,t)"
        );
        assert_eq!(ask("SELECT status FROM public.automation_executions")?, "running");
        Ok(())
    }

    #[pg_test]
    fn what_waits_to_be_resumed_has_no_time() -> Outcome {
        parked_for("NULL")?;
        assert_eq!(
            ask("SELECT (moved, next_in_ms) FROM automations.unpark(10)")?,
            "(0,)"
        );
        Ok(())
    }

    #[pg_test]
    fn a_delay_longer_than_a_timestamp_holds_is_for_ever() -> Outcome {
        parked_for("9223372036854775807")?;
        assert_eq!(
            ask("SELECT wake_at > now() + interval '90 years' FROM automations.parked")?,
            "true"
        );
        Ok(())
    }
}
