//! Executions that other executions start: the same one for the same step, its end handed to its parent once, and
//! cancelled where its parent has ended.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, NEW_LEAD, Outcome, ask};
    use crate::tests::waiting::{KEY, park, place, running, waited};
    use pgrx::prelude::*;
    use pgrx::spi;

    /// Starts this automation from the execution that runs: "(refused, code)" or "t" where it gave an execution.
    fn start(automation: &str, more: &str) -> Result<String, spi::Error> {
        ask(&[
            "SELECT CASE WHEN c.child_id IS NULL THEN c.code || ': ' || c.refused ELSE 't' END
               FROM automations.queue q, automations.start_child(q.account_id, q.id, q.lease_token, '",
            KEY,
            "', '",
            automation,
            "', '{\"from\": \"parent\"}', ",
            more,
            ") c WHERE q.lease_token IS NOT NULL",
        ]
        .concat())
    }

    const CHILD: &str = "(SELECT e.id FROM public.automation_executions e WHERE e.trigger_type = 'manual')";
    const PARENT: &str = "(SELECT e.id FROM public.automation_executions e WHERE e.trigger_type = 'event')";

    /// The parent waits, the child is pending.
    fn waits_for_its_child() -> Outcome {
        running()?;
        assert_eq!(start(NEW_LEAD, "true")?, "t");
        let child = ask(&["SELECT ", CHILD].concat())?;
        assert_eq!(
            park(&["{\"kind\": \"child\", \"child_id\": \"", &child, "\"}"].concat())?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_child_that_somebody_ended_by_hand_wakes_its_parent_when_it_would_wait() -> Outcome {
        waits_for_its_child()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        stage::as_superuser()?;
        Spi::run(
            &[
                "UPDATE public.automation_executions SET status = 'cancelled' WHERE id = ",
                CHILD,
            ]
            .concat(),
        )?;
        stage::as_daemon()?;
        let wait = "SELECT automations.park(q.account_id, q.id, q.lease_token, 60000, '[]', '[]', '{}')
                      FROM automations.queue q";
        assert_eq!(ask(wait)?, "false");
        assert_eq!(
            ask(&["SELECT q.id = ", PARENT, " FROM automations.queue q"].concat())?,
            "true"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.parked")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_child_says_who_started_it_and_with_what() -> Outcome {
        running()?;
        assert_eq!(start(NEW_LEAD, "true")?, "t");
        assert_eq!(
            ask(&[
                "SELECT concat_ws(' ', c.status, c.trigger_data ->> 'from', c.depth, c.caused_by = p.id, c.lead_id = p.lead_id,
                        c.account_id = p.account_id, c.test_mode)
                   FROM public.automation_executions c, public.automation_executions p
                  WHERE c.id = ",
                CHILD,
                " AND p.id = ",
                PARENT
            ]
            .concat())?,
            "pending parent 1 t t t f"
        );
        Ok(())
    }

    #[pg_test]
    fn the_same_step_starts_the_same_child_and_another_attempt_another() -> Outcome {
        running()?;
        for more in ["true", "true", "false"] {
            assert_eq!(start(NEW_LEAD, more)?, "t");
        }
        let count = "SELECT count(*) FROM public.automation_executions WHERE trigger_type = 'manual'";
        assert_eq!(ask(count)?, "1");
        assert_eq!(start(NEW_LEAD, "true, 2")?, "t");
        assert_eq!(ask(count)?, "2");
        assert_eq!(
            ask("SELECT (count(*), max(attempt)) FROM automations.waits")?,
            "(1,2)"
        );
        Ok(())
    }

    #[pg_test]
    fn what_may_not_be_started_is_refused_with_a_sentence() -> Outcome {
        running()?;
        let bobs = ask(&[
            "SELECT id FROM public.automations WHERE user_id = '",
            stage::BOB,
            "' LIMIT 1",
        ]
        .concat())?;
        let bobs = if bobs.is_empty() {
            stage::BOB.to_owned()
        } else {
            bobs
        };
        assert_eq!(
            start(&bobs, "true")?,
            ["node_failed: automation ", &bobs, " does not exist"].concat()
        );
        stage::as_superuser()?;
        Spi::run(
            &[
                "UPDATE public.automations SET enabled = false WHERE id = '",
                NEW_LEAD,
                "'",
            ]
            .concat(),
        )?;
        stage::as_daemon()?;
        assert_eq!(
            start(NEW_LEAD, "true")?,
            "node_failed: automation \"New lead\" is not active"
        );
        stage::as_superuser()?;
        Spi::run("UPDATE automations.queue SET test_mode = true")?;
        stage::as_daemon()?;
        assert_eq!(start(NEW_LEAD, "true")?, "t");
        assert_eq!(
            ask("SELECT test_mode FROM public.automation_executions WHERE trigger_type = 'manual'")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_chain_that_is_too_long_is_refused_by_name() -> Outcome {
        running()?;
        Spi::run("UPDATE automations.queue SET depth = 8")?;
        assert_eq!(
            start(NEW_LEAD, "true")?,
            "loop_depth: Automations started each other more than 8 times in a row: New lead -> New lead"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "0");
        Ok(())
    }

    #[pg_test]
    fn who_has_lost_the_lease_starts_nothing() -> Outcome {
        running()?;
        assert_eq!(
            ask(&[
                "SELECT count(*) FROM automations.queue q, automations.start_child(q.account_id, q.id,
                    gen_random_uuid(), gen_random_uuid(), '",
                NEW_LEAD,
                "', '{}', true)"
            ]
            .concat())?,
            "0"
        );
        Ok(())
    }

    #[pg_test]
    fn the_end_of_a_child_comes_to_its_parent_once() -> Outcome {
        waits_for_its_child()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(
            ask("SELECT pg_temp.finish('{\"status\": \"completed\", \"output\": {\"a\": 1}}')")?,
            "1"
        );
        assert_eq!(place()?, "queued");
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(
            ask(
                "SELECT (came, p -> 'status', p -> 'output', p -> 'error', p ->> 'execution_id' IS NOT NULL)
                   FROM pg_temp.waited() w, LATERAL (SELECT w.payload::jsonb AS p) x"
            )?,
            "(child,\"\"\"completed\"\"\",\"{\"\"a\"\": 1}\",null,t)"
        );
        Spi::run("SELECT pg_temp.record('{\"status\": \"completed\", \"ordinal\": 1}')")?;
        assert_eq!(waited()?, "");
        Ok(())
    }

    #[pg_test]
    fn a_child_that_failed_or_was_cancelled_or_deleted_says_so() -> Outcome {
        running()?;
        for (end, says) in [
            (
                "SELECT automations.cancel_execution(id) FROM public.automation_executions WHERE trigger_type = 'manual'",
                "cancelled",
            ),
            (
                "DELETE FROM public.automation_executions WHERE trigger_type = 'manual'",
                "cancelled the execution was deleted",
            ),
            (
                "SELECT automations.interrupt(account_id, id) FROM public.automation_executions
                  WHERE trigger_type = 'manual'",
                "failed interrupted",
            ),
        ] {
            assert_eq!(start(NEW_LEAD, "true")?, "t");
            stage::as_superuser()?;
            Spi::run(end)?;
            stage::as_daemon()?;
            let came = ask("SELECT concat_ws(' ', p ->> 'status', p ->> 'error_code',
                                   CASE WHEN p ->> 'error' LIKE '%deleted' THEN p ->> 'error' END)
                              FROM pg_temp.waited() w, LATERAL (SELECT w.payload::jsonb AS p) x")?;
            assert_eq!(came, says);
            stage::as_superuser()?;
            Spi::run(
                "DELETE FROM automations.waits; DELETE FROM automations.execution_keys;
                 DELETE FROM public.automation_executions WHERE trigger_type = 'manual'",
            )?;
            stage::as_daemon()?;
        }
        Ok(())
    }

    #[pg_test]
    fn a_child_that_ended_before_its_step_ran_again_is_handed_over() -> Outcome {
        running()?;
        assert_eq!(start(NEW_LEAD, "false")?, "t");
        stage::as_superuser()?;
        Spi::run(&["SELECT automations.cancel_execution(", CHILD, ")"].concat())?;
        stage::as_daemon()?;
        assert_eq!(waited()?, "");
        assert_eq!(start(NEW_LEAD, "true")?, "t");
        assert!(waited()?.starts_with("child "));
        Ok(())
    }

    #[pg_test]
    fn every_end_of_a_parent_cancels_what_it_waits_for() -> Outcome {
        running()?;
        for end in ["finish", "cancel", "interrupt", "delete"] {
            assert_eq!(start(NEW_LEAD, "true")?, "t");
            // the child waits for a child of its own
            stage::as_superuser()?;
            Spi::run(
                &[
                    "INSERT INTO public.automation_executions (automation_id, trigger_type, status, caused_by, depth)
                     VALUES ('",
                    NEW_LEAD,
                    "', 'ai_tool', 'pending', ",
                    CHILD,
                    ", 2);
                     INSERT INTO automations.waits (execution_id, step_key, account_id, kind, child_id)
                     SELECT ",
                    CHILD,
                    ", gen_random_uuid(), e.account_id, 'child', e.id FROM public.automation_executions e
                      WHERE e.trigger_type = 'ai_tool'",
                ]
                .concat(),
            )?;
            if end != "delete" {
                stage::as_daemon()?;
            }
            let ended = match end {
                "finish" => "SELECT pg_temp.finish('{\"status\": \"failed\"}')".to_owned(),
                "cancel" => ["SELECT automations.cancel_execution(", PARENT, ")"].concat(),
                "interrupt" => "SELECT automations.interrupt(q.account_id, q.id) FROM automations.queue q
                                 WHERE q.lease_token IS NOT NULL"
                    .to_owned(),
                _ => ["DELETE FROM public.automation_executions WHERE id = ", PARENT].concat(),
            };
            Spi::run(&ended)?;
            assert_eq!(
                ask(
                    "SELECT string_agg(trigger_type || ' ' || status, ', ' ORDER BY trigger_type)
                       FROM public.automation_executions WHERE trigger_type <> 'event'"
                )?,
                "ai_tool cancelled, manual cancelled",
                "{end}"
            );
            assert_eq!(place()?, "", "{end}");
            assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "0", "{end}");
            stage::as_superuser()?;
            Spi::run(
                "DELETE FROM public.automation_executions; DELETE FROM automations.execution_keys;
                 DELETE FROM automations.steps; SELECT pg_temp.queue(1)",
            )?;
            stage::as_daemon()?;
            Spi::run("SELECT pg_temp.claim(10)")?;
        }
        Ok(())
    }

    #[pg_test]
    fn who_does_not_wait_for_its_child_does_not_take_it_along() -> Outcome {
        running()?;
        assert_eq!(start(NEW_LEAD, "false")?, "t");
        Spi::run("SELECT pg_temp.finish('{\"status\": \"completed\"}')")?;
        assert_eq!(
            ask("SELECT status FROM public.automation_executions WHERE trigger_type = 'manual'")?,
            "pending"
        );
        Ok(())
    }

    #[pg_test]
    fn a_child_that_was_locked_is_cancelled_by_rescue() -> Outcome {
        running()?;
        assert_eq!(start(NEW_LEAD, "true")?, "t");
        // as finish leaves it when somebody has the child locked
        Spi::run("UPDATE automations.waits SET kind = 'ended'")?;
        Spi::run("SELECT automations.rescue()")?;
        assert_eq!(
            ask("SELECT status FROM public.automation_executions WHERE trigger_type = 'manual'")?,
            "cancelled"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "0");
        Ok(())
    }
}
