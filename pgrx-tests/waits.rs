//! Waits: the row of a waiting step from its first record to its end, and that nothing sleeps past what came.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use crate::tests::waiting::{park, parked_for, place, running, waited};
    use pgrx::prelude::*;

    const ROW: &str =
        "SELECT concat_ws(' ', kind, event, match, child_id, attempt, came, wake_at > clock_timestamp())
                         FROM automations.waits";

    #[pg_test]
    fn a_parked_step_says_what_it_waits_for() -> Outcome {
        running()?;
        for (wait, row) in [
            (r#"{"kind": "resume"}"#, "resume 1"),
            (
                r#"{"kind": "event", "event": "paid", "match": {"order": 7}}"#,
                r#"event paid {"order": 7} 1"#,
            ),
            (
                r#"{"kind": "child", "child_id": "c0000000-0000-4000-8000-000000000009"}"#,
                "child c0000000-0000-4000-8000-000000000009 1",
            ),
        ] {
            Spi::run("DELETE FROM automations.waits")?;
            Spi::run(&["SELECT pg_temp.record('{\"wait\": ", wait, "}')"].concat())?;
            assert_eq!(ask(ROW)?, row);
        }
        Ok(())
    }

    #[pg_test]
    fn a_delay_and_an_ended_step_have_no_row() -> Outcome {
        running()?;
        Spi::run("SELECT pg_temp.record('{\"wake_in_ms\": 60000}')")?;
        Spi::run("SELECT pg_temp.record('{\"status\": \"completed\", \"ordinal\": 1}')")?;
        assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "0");
        Ok(())
    }

    #[pg_test]
    fn the_timeout_of_a_wait_that_is_recorded_again_stays() -> Outcome {
        running()?;
        for ms in ["60000", "600000"] {
            Spi::run(
                &[
                    "SELECT pg_temp.record('{\"wait\": {\"kind\": \"resume\"}, \"wake_in_ms\": ",
                    ms,
                    "}')",
                ]
                .concat(),
            )?;
        }
        assert_eq!(
            ask("SELECT wake_at < clock_timestamp() + interval '61 s' FROM automations.waits")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn another_attempt_of_a_step_waits_anew() -> Outcome {
        running()?;
        Spi::run(
            "SELECT pg_temp.record('{\"wait\": {\"kind\": \"event\", \"event\": \"a\"}, \"wake_in_ms\": 0}')",
        )?;
        assert_eq!(waited()?, "timeout");
        Spi::run(
            "SELECT pg_temp.record('{\"attempt\": 2, \"wait\": {\"kind\": \"event\", \"event\": \"b\"}}')",
        )?;
        assert_eq!(ask(ROW)?, "event b 2");
        assert_eq!(waited()?, "");
        Ok(())
    }

    #[pg_test]
    fn a_step_that_ends_or_pauses_for_another_attempt_waits_no_more() -> Outcome {
        running()?;
        for end in [
            r#"{"status": "completed", "ordinal": 1}"#,
            r#"{"status": "failed", "ordinal": 1}"#,
            r#"{"wake_in_ms": 1000}"#,
        ] {
            Spi::run("DELETE FROM automations.steps")?;
            Spi::run("SELECT pg_temp.record('{\"wait\": {\"kind\": \"resume\"}}')")?;
            assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "1");
            Spi::run(&["SELECT pg_temp.record('", end, "')"].concat())?;
            assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "0", "{end}");
        }
        Ok(())
    }

    #[pg_test]
    fn a_timeout_comes_once_and_stays_until_it_is_recorded() -> Outcome {
        running()?;
        Spi::run("SELECT pg_temp.record('{\"wait\": {\"kind\": \"resume\"}, \"wake_in_ms\": 0}')")?;
        assert_eq!(waited()?, "timeout");
        assert_eq!(waited()?, "timeout");
        Spi::run("SELECT pg_temp.record('{\"status\": \"completed\", \"ordinal\": 1}')")?;
        assert_eq!(waited()?, "");
        Ok(())
    }

    #[pg_test]
    fn who_has_lost_the_lease_is_told_nothing_and_decides_nothing() -> Outcome {
        running()?;
        Spi::run("SELECT pg_temp.record('{\"wait\": {\"kind\": \"resume\"}, \"wake_in_ms\": 0}')")?;
        assert_eq!(
            ask(
                "SELECT count(*) FROM automations.queue q, automations.waited(q.account_id, q.id, gen_random_uuid())"
            )?,
            "0"
        );
        assert_eq!(ask("SELECT came FROM automations.waits")?, "");
        Ok(())
    }

    #[pg_test]
    fn what_came_or_is_due_is_not_slept_past() -> Outcome {
        running()?;
        Spi::run("SELECT pg_temp.park(0, '{\"wait\": {\"kind\": \"resume\"}}')")?;
        assert_eq!(place()?, "queued");
        assert_eq!(
            ask(
                "SELECT (e.status, q.has_execution) FROM public.automation_executions e, automations.queue q"
            )?,
            "(waiting,t)"
        );
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(waited()?, "timeout");
        Ok(())
    }

    #[pg_test]
    fn nobody_sleeps_longer_than_the_nearest_timeout() -> Outcome {
        running()?;
        Spi::run("SELECT pg_temp.record('{\"wait\": {\"kind\": \"resume\"}, \"wake_in_ms\": 5000}')")?;
        Spi::run("SELECT pg_temp.park(600000, '{\"node_id\": \"other\", \"idempotency_key\": null}')")?;
        assert_eq!(
            ask("SELECT wake_at < clock_timestamp() + interval '6 s' FROM automations.parked")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn what_came_while_a_row_was_locked_is_found_by_the_next_unpark() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        assert_eq!(ask("SELECT moved FROM automations.unpark(10)")?, "0");
        Spi::run("UPDATE automations.waits SET came = 'resumed', came_at = clock_timestamp()")?;
        assert_eq!(ask("SELECT moved FROM automations.unpark(10)")?, "1");
        assert_eq!(place()?, "queued");
        Ok(())
    }

    #[pg_test]
    fn every_end_of_an_execution_takes_its_waits_away() -> Outcome {
        let other = "INSERT INTO automations.waits (execution_id, step_key, account_id, came, came_at)
                     SELECT e.id, gen_random_uuid(), e.account_id, 'resumed', now()
                       FROM public.automation_executions e WHERE e.status = 'running'";
        running()?;
        for end in [
            "SELECT pg_temp.finish('{\"status\": \"completed\"}')",
            "SELECT automations.cancel_execution(q.id) FROM automations.queue q",
            "SELECT automations.interrupt(q.account_id, q.id) FROM automations.queue q",
            "UPDATE automations.queue SET crashes = 2, lease_until = now() - interval '1 s';
             SELECT automations.rescue()",
        ] {
            Spi::run("SELECT pg_temp.record('{\"wait\": {\"kind\": \"resume\"}}')")?;
            Spi::run(other)?;
            assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "2");
            Spi::run(end)?;
            assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "0", "{end}");
            assert_eq!(place()?, "", "{end}");
            stage::as_superuser()?;
            Spi::run("DELETE FROM automations.steps; SELECT pg_temp.queue(1)")?;
            stage::as_daemon()?;
            Spi::run("SELECT pg_temp.claim(10)")?;
        }
        Ok(())
    }

    #[pg_test]
    fn an_execution_that_is_deleted_leaves_nothing_behind() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        stage::as_user(stage::ADA)?;
        Spi::run("DELETE FROM public.automation_executions")?;
        stage::as_superuser()?;
        assert_eq!(
            ask(
                "SELECT (SELECT count(*) FROM automations.waits) + (SELECT count(*) FROM automations.parked)"
            )?,
            "0"
        );
        Ok(())
    }

    #[pg_test]
    fn what_was_ended_by_hand_is_tidied_up_by_maintain() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        Spi::run("UPDATE public.automation_executions SET status = 'cancelled'")?;
        assert_ne!(ask("SELECT automations.maintain()")?, "0");
        assert_eq!(
            ask(
                "SELECT (SELECT count(*) FROM automations.waits) + (SELECT count(*) FROM automations.parked)"
            )?,
            "0"
        );
        Ok(())
    }

    #[pg_test]
    fn an_execution_that_somebody_locked_begins_to_wait_again_later() -> Outcome {
        running()?;
        Spi::run(
            "SELECT automations.set_aside(q.account_id, q.id, q.lease_token, '[
                 {\"node_id\": \"w\", \"run\": 1, \"status\": \"parked\", \"wait\": {\"kind\": \"resume\"},
                  \"idempotency_key\": \"c0000000-0000-4000-8000-000000000001\"},
                 {\"node_id\": \"x\", \"run\": 1, \"status\": \"completed\", \"ordinal\": 1}]')
               FROM automations.queue q",
        )?;
        assert_eq!(
            ask("SELECT string_agg(node_id, ' ') FROM automations.steps")?,
            "x"
        );
        assert_eq!(place()?, "queued");
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(park(r#"{"kind": "resume"}"#)?, "true");
        Ok(())
    }
}
