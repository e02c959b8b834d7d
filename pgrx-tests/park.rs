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
            ask("SELECT (c.attempt, c.has_steps) FROM automations.claim(gen_random_uuid(), 10, 30000) c")?,
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
