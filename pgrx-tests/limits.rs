//! Limits: how much of an automation and of an account is in flight at once.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    fn limit_new_lead(limit: i32) -> Outcome {
        Spi::run_with_args(
            "UPDATE public.automations SET options = jsonb_build_object('max_in_flight', $1)
              WHERE name = 'New lead'",
            &[limit.into()],
        )
    }

    fn claimed() -> Result<String, pgrx::spi::Error> {
        ask("SELECT count(*) FROM pg_temp.claim(10)")
    }

    #[pg_test]
    fn no_more_of_an_automation_is_claimed_than_may_be_in_flight() -> Outcome {
        stage::set()?;
        limit_new_lead(2)?;
        Spi::run("SELECT pg_temp.queue(5)")?;
        stage::as_daemon()?;
        assert_eq!(claimed()?, "2");
        assert_eq!(claimed()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.in_flight")?, "2");
        Ok(())
    }

    #[pg_test]
    fn a_full_automation_does_not_stand_in_front_of_another() -> Outcome {
        stage::set()?;
        limit_new_lead(1)?;
        Spi::run(
            "SELECT pg_temp.queue(100);
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type)
             SELECT a.user_id, a.id, a.version, 'event' FROM public.automations a WHERE a.name = 'Lead changes status'",
        )?;
        stage::as_daemon()?;
        assert_eq!(claimed()?, "2");
        assert_eq!(
            ask("SELECT count(DISTINCT automation_id) FROM public.automation_executions")?,
            "2"
        );
        Ok(())
    }

    #[pg_test]
    fn what_ends_parks_or_is_handed_back_gives_its_slot_back() -> Outcome {
        stage::set()?;
        limit_new_lead(1)?;
        Spi::run("SELECT pg_temp.queue(4)")?;
        stage::as_daemon()?;
        let held = "(SELECT q.account_id, q.id, q.lease_token FROM automations.queue q WHERE q.lease_token IS NOT NULL) q";
        for call in [
            "automations.finish(ARRAY[q.account_id], ARRAY[q.id], ARRAY[q.lease_token], '[{\"status\": \"completed\"}]')",
            "automations.park(q.account_id, q.id, q.lease_token, 60000, '[]', NULL, NULL)",
            "automations.release(ARRAY[q.account_id], ARRAY[q.id], ARRAY[q.lease_token])",
            "automations.cancel_execution(q.id)",
        ] {
            assert_eq!(claimed()?, "1", "before {call}");
            assert_eq!(claimed()?, "0", "before {call}");
            if call.contains("cancel") {
                stage::as_superuser()?;
            }
            Spi::run(&["SELECT ", call, " FROM ", held].concat())?;
            assert_eq!(
                ask("SELECT count(*) FROM automations.in_flight")?,
                "0",
                "after {call}"
            );
        }
        assert_eq!(claimed()?, "1");
        Ok(())
    }

    #[pg_test]
    fn what_a_dead_daemon_held_does_not_count_any_more() -> Outcome {
        stage::set()?;
        limit_new_lead(1)?;
        Spi::run("SELECT pg_temp.queue(2)")?;
        assert_eq!(claimed()?, "1");
        Spi::run(
            "UPDATE automations.queue SET lease_until = clock_timestamp() - interval '1 second'
              WHERE lease_token IS NOT NULL",
        )?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT automations.rescue()")?, "1");
        assert_eq!(claimed()?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_row_that_was_left_over_blocks_nothing_and_goes_with_maintain() -> Outcome {
        stage::set()?;
        limit_new_lead(1)?;
        Spi::run(
            "SELECT pg_temp.queue(1);
             INSERT INTO automations.in_flight (execution_id, account_id, automation_id, token)
             SELECT gen_random_uuid(), q.account_id, q.automation_id, gen_random_uuid() FROM automations.queue q",
        )?;
        assert_eq!(claimed()?, "1");
        Spi::run("SELECT automations.maintain()")?;
        assert_eq!(ask("SELECT count(*) FROM automations.in_flight")?, "1");
        Ok(())
    }

    #[pg_test]
    fn the_limit_of_an_account_counts_over_all_of_its_automations() -> Outcome {
        stage::set()?;
        Spi::run_with_args(
            "INSERT INTO public.automation_accounts (account_id, max_in_flight) VALUES ($1::uuid, 3)",
            &[stage::ADA.into()],
        )?;
        Spi::run(
            "SELECT pg_temp.queue(2);
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type)
             SELECT a.user_id, a.id, a.version, 'event' FROM public.automations a, generate_series(1, 4)
              WHERE a.name = 'Lead changes status'",
        )?;
        stage::as_daemon()?;
        assert_eq!(claimed()?, "3");
        assert_eq!(claimed()?, "0");
        Ok(())
    }

    #[pg_test]
    fn both_limits_count_whichever_is_met_first() -> Outcome {
        stage::set()?;
        limit_new_lead(1)?;
        Spi::run_with_args(
            "INSERT INTO public.automation_accounts (account_id, max_in_flight) VALUES ($1::uuid, 2)",
            &[stage::ADA.into()],
        )?;
        Spi::run(
            "SELECT pg_temp.queue(3);
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type)
             SELECT a.user_id, a.id, a.version, 'event' FROM public.automations a, generate_series(1, 4)
              WHERE a.name = 'Lead changes status'",
        )?;
        stage::as_daemon()?;
        assert_eq!(claimed()?, "2");
        assert_eq!(
            ask("SELECT count(DISTINCT automation_id) FROM automations.in_flight")?,
            "2"
        );
        Ok(())
    }

    #[pg_test]
    fn test_runs_count_in_no_limit_and_are_held_up_by_none() -> Outcome {
        stage::set()?;
        limit_new_lead(1)?;
        Spi::run_with_args(
            "INSERT INTO public.automation_accounts (account_id, max_in_flight) VALUES ($1::uuid, 1)",
            &[stage::ADA.into()],
        )?;
        Spi::run(
            "SELECT pg_temp.queue(2); UPDATE automations.queue SET test_mode = true; SELECT pg_temp.queue(3)",
        )?;
        stage::as_daemon()?;
        assert_eq!(claimed()?, "3");
        stage::as_superuser()?;
        Spi::run(
            "SELECT pg_temp.queue(1); UPDATE automations.queue SET test_mode = true WHERE id = (
                  SELECT id FROM automations.queue ORDER BY id DESC LIMIT 1)",
        )?;
        stage::as_daemon()?;
        assert_eq!(claimed()?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_new_limit_holds_for_what_was_queued_before_and_goes_with_the_option() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(5)")?;
        limit_new_lead(2)?;
        assert_eq!(claimed()?, "2");
        Spi::run("UPDATE public.automations SET options = '{}' WHERE name = 'New lead'")?;
        assert_eq!(ask("SELECT count(*) FROM automations.limits")?, "0");
        assert_eq!(claimed()?, "3");
        Ok(())
    }

    #[pg_test]
    fn a_limit_or_priority_that_cannot_be_meant_is_refused() -> Outcome {
        stage::set()?;
        for options in [
            "{\"max_in_flight\": 0}",
            "{\"max_in_flight\": \"two\"}",
            "{\"priority\": \"high\"}",
        ] {
            let update = [
                "UPDATE public.automations SET options = '",
                options,
                "' WHERE name = 'New lead'",
            ];
            assert_eq!(stage::state_of(&update.concat())?, "22023", "{options}");
        }
        for trigger in ["{\"re_entry\": \"once\"}", "{\"debounce_seconds\": \"long\"}"] {
            let update = [
                "UPDATE public.automations SET trigger_config = trigger_config || '",
                trigger,
                "' WHERE name = 'New lead'",
            ];
            assert_eq!(stage::state_of(&update.concat())?, "22023", "{trigger}");
        }
        Ok(())
    }

    #[pg_test]
    fn an_automation_in_error_goes_on_capturing_and_runs_nothing() -> Outcome {
        stage::set()?;
        Spi::run(
            "UPDATE public.automations SET status = 'error' WHERE name = 'New lead';
             INSERT INTO public.leads (user_id, name)
             SELECT a.user_id, 'in between' FROM public.automations a WHERE a.name = 'New lead'",
        )?;
        assert_eq!(claimed()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.pending")?, "1");
        Spi::run("UPDATE public.automations SET status = 'active' WHERE name = 'New lead'")?;
        assert_eq!(claimed()?, "1");
        Ok(())
    }
}
