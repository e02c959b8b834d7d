//! Claims: who gets what, in which order, and what becomes of what cannot run.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    #[pg_test]
    fn the_execution_is_what_its_queue_row_stands_for() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT (e.status, e.started_at = q.occurred_at, e.version, e.account_id = q.account_id, q.attempt)
                   FROM public.automation_executions e JOIN automations.queue q ON q.id = e.id")?,
            "(running,t,1,t,1)"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_claimed_is_not_claimed_again() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(5)")?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(3)")?, "3");
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "2");
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "0");
        Ok(())
    }

    /// What a claim of so many comes to once `so` is so; nothing of it stays.
    const WOULD: &str = "CREATE FUNCTION pg_temp.would(so text, how text, n integer) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE
             result text;
         BEGIN
             EXECUTE so;
             SET LOCAL ROLE automations_daemon;
             EXECUTE format(
                 'SELECT concat_ws(E''\\n'', string_agg((to_jsonb(c) - ''age_ms'')::text, E''\\n'' ORDER BY c.id)
                               FILTER (WHERE c.id IS NOT NULL),
                           string_agg((to_jsonb(c) - ''place'')::text, E''\\n'' ORDER BY c.account_id)
                               FILTER (WHERE c.id IS NULL))
                    FROM automations.%I(''11111111-1111-4111-8111-111111111111'', %s, 30000, known => ''{}'') c', how, n)
             INTO result;
             RESET ROLE;
             RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = format(E'%s\n%s\n%s', result,
                 (SELECT string_agg((to_jsonb(q) - 'lease_until')::text, E'\n' ORDER BY q.id) FROM automations.queue q),
                 (SELECT string_agg(i::text, ' ' ORDER BY i) FROM automations.claims c, unnest(c.ids) i));
         EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
             RETURN SQLERRM;
         END $$";

    #[pg_test]
    fn one_account_alone_is_claimed_for_as_in_turns() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(3)")?;
        Spi::run(WOULD)?;
        let first = "(SELECT id FROM automations.queue ORDER BY id LIMIT 1)";
        for (what, so, is_claimed) in [
            ("captured changes", "SELECT 1".to_owned(), true),
            (
                "all is paused",
                "INSERT INTO automations.settings VALUES ('paused', 'true')
                 ON CONFLICT (name) DO UPDATE SET value = 'true'"
                    .to_owned(),
                false,
            ),
            (
                "a copy of a database",
                "UPDATE automations.settings SET value = '\"1\"' WHERE name = 'database_oid'".to_owned(),
                false,
            ),
            (
                "an automation that is paused",
                "UPDATE public.automations SET status = 'paused' WHERE name = 'New lead'".to_owned(),
                false,
            ),
            (
                "tests of one that is paused",
                "UPDATE automations.queue SET test_mode = true;
                 UPDATE public.automations SET status = 'paused' WHERE name = 'New lead'"
                    .to_owned(),
                true,
            ),
            ("a long chain", "UPDATE automations.queue SET depth = 9".to_owned(), false),
            (
                "one that died with a daemon",
                format!("UPDATE automations.queue SET crashes = 1 WHERE id = {first}"),
                true,
            ),
            (
                "a lead that is gone",
                "UPDATE automations.queue SET lead_id = '00000000-0000-4000-8000-000000000099'".to_owned(),
                true,
            ),
            (
                "an automation that is gone",
                "UPDATE automations.queue SET automation_id = '00000000-0000-4000-8000-000000000099'".to_owned(),
                false,
            ),
            (
                "one with a priority",
                format!("UPDATE automations.queue SET priority = 1 WHERE id <> {first}"),
                true,
            ),
            (
                "a limit",
                "UPDATE public.automations SET options = '{\"max_in_flight\": 1}' WHERE name = 'New lead'".to_owned(),
                true,
            ),
            (
                "an account with settings of its own",
                "INSERT INTO public.automation_accounts (account_id, max_in_flight)
                 SELECT account_id, 1 FROM automations.queue LIMIT 1"
                    .to_owned(),
                true,
            ),
            (
                "another account",
                "INSERT INTO automations.queue (account_id, automation_id, version, trigger_type, test_mode, id)
                 SELECT '00000000-0000-4000-8000-000000000001', automation_id, 1, 'manual', true,
                        '00000000-0000-7000-8000-000000000001' FROM automations.queue LIMIT 1"
                    .to_owned(),
                true,
            ),
            ("nothing at all", "DELETE FROM automations.queue".to_owned(), false),
        ] {
            // of two accounts nobody says whose turn is first
            for n in if what == "another account" { 10..11 } else { 1..4 } {
                let would = |how: &str| {
                    Spi::get_one_with_args::<String>(
                        "SELECT pg_temp.would($1, $2, $3)",
                        &[so.clone().into(), how.into(), n.into()],
                    )
                };
                let claimed = would("claim")?.unwrap_or_default();
                assert_eq!(Some(claimed.clone()), would("claim_in_turns")?, "{what}, {n}");
                assert_eq!(claimed.starts_with("{\"id\": \""), is_claimed, "{what}, {n}: {claimed}");
            }
        }
        Ok(())
    }

    #[pg_test]
    fn accounts_take_turns_however_much_one_of_them_has() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(1000);
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type, test_mode)
             SELECT gen_random_uuid(), a.id, 1, 'manual', true
               FROM public.automations a, generate_series(1, 9) WHERE a.name = 'New lead'",
        )?;
        stage::as_daemon()?;
        assert_eq!(
            ask("SELECT (count(*), count(DISTINCT t.account_id)) FROM pg_temp.turn(20) t")?,
            "(20,10)"
        );
        Ok(())
    }

    #[pg_test]
    fn accounts_whose_ids_were_made_one_after_the_other_both_get_single_slots() -> Outcome {
        stage::set()?;
        Spi::run(
            "INSERT INTO automations.queue (account_id, automation_id, version, trigger_type, test_mode)
             SELECT x::uuid, a.id, 1, 'manual', true
               FROM public.automations a,
                    unnest(ARRAY['01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000002']) x
              WHERE a.name = 'New lead'",
        )?;
        stage::as_daemon()?;
        assert_eq!(
            ask("SELECT (count(*), count(DISTINCT t.account_id))
                   FROM generate_series(1, 64) n, LATERAL (SELECT * FROM pg_temp.turn(1 + 0 * n)) t")?,
            "(64,2)"
        );
        Ok(())
    }

    #[pg_test]
    fn an_account_of_weight_three_gets_three_turns() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(100);
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type, test_mode)
             SELECT '00000000-0000-4000-8000-000000000001', a.id, 1, 'manual', true
               FROM public.automations a, generate_series(1, 100) WHERE a.name = 'New lead';
             INSERT INTO public.automation_accounts VALUES ('00000000-0000-4000-8000-000000000001', 3)",
        )?;
        assert_eq!(
            ask("SELECT count(*) FROM pg_temp.turn(40) t WHERE t.account_id::text LIKE '0000%'")?,
            "30"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_paused_waits_until_it_is_active_again() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(2); UPDATE public.automations SET status = 'paused' WHERE name = 'New lead'",
        )?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "2");
        Spi::run("UPDATE public.automations SET status = 'active' WHERE name = 'New lead'")?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "2");
        Ok(())
    }

    #[pg_test]
    fn nothing_is_claimed_while_everything_is_paused_or_this_is_a_copy() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(1); UPDATE automations.settings SET value = 'true' WHERE name = 'paused'",
        )?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "0");
        Spi::run(
            "UPDATE automations.settings SET value = 'false' WHERE name = 'paused';
             UPDATE automations.settings SET value = '1' WHERE name = 'database_oid'",
        )?;
        assert_eq!(ask("SELECT is_copy FROM automations.readiness()")?, "true");
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_lead_that_is_gone_becomes_null() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        Spi::run_with_args(
            "DELETE FROM public.leads WHERE id = $1::uuid",
            &[stage::ALAN.into()],
        )?;
        Spi::run("DELETE FROM automations.queue WHERE trigger_data ->> 'event' = 'DELETE'")?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(
            ask("SELECT lead_id IS NULL FROM public.automation_executions")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn an_automation_that_is_gone_drops_its_queue_row() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1); DELETE FROM public.automations WHERE name = 'New lead'")?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn trigger_data_that_is_too_large_fails_and_is_not_handed_out() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(1); UPDATE automations.queue SET trigger_data = '{\"too_large\": true}'",
        )?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "0");
        assert_eq!(
            ask("SELECT (status, error_code) FROM public.automation_executions")?,
            "(failed,too_large)"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_chain_that_is_too_deep_ends_with_the_names_of_its_automations() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        Spi::run("SELECT pg_temp.claim(1)")?;
        Spi::run(
            "INSERT INTO automations.queue (account_id, automation_id, version, trigger_type, trigger_data, caused_by,
                                            depth)
             SELECT q.account_id, q.automation_id, 1, 'event', '{}', q.id, 9 FROM automations.queue q",
        )?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "0");
        assert_eq!(
            ask(
                "SELECT error LIKE '%New lead -> New lead' FROM public.automation_executions
                  WHERE error_code = 'loop_depth'"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_claim_looks_on_past_what_it_drops_until_it_has_something() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(500);
             DELETE FROM public.automations WHERE name = 'New lead';
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type)
             SELECT a.user_id, a.id, a.version, 'event' FROM public.automations a WHERE a.name <> 'New lead' LIMIT 1",
        )?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_claim_looks_on_past_what_can_only_fail() -> Outcome {
        stage::set()?;
        // so many failures in a row would stop the automation, and the last one would wait
        Spi::run(
            "UPDATE public.automations SET options = '{\"error_limit\": 0}';
             SELECT pg_temp.queue(20); UPDATE automations.queue SET trigger_data = '{\"too_large\": true}';
             SELECT pg_temp.queue(1)",
        )?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(
            ask("SELECT count(*) FROM public.automation_executions WHERE error_code = 'too_large'")?,
            "20"
        );
        Ok(())
    }

    #[pg_test]
    fn what_a_claim_has_put_off_it_does_not_look_at_again() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(3)")?;
        assert_eq!(
            ask("SELECT array_agg(t.id) = ARRAY(SELECT q.id FROM automations.queue q ORDER BY q.id OFFSET 2)
                   FROM pg_temp.turn(10, ARRAY(SELECT q.id FROM automations.queue q ORDER BY q.id LIMIT 2)) t")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_claim_does_not_wait_for_the_disk_unless_it_ended_something() -> Outcome {
        stage::set()?;
        let waits = "SELECT current_setting('synchronous_commit')";
        Spi::run("SET LOCAL synchronous_commit = on; SELECT pg_temp.queue(1)")?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(ask(waits)?, "off");
        Spi::run(
            "SET LOCAL synchronous_commit = on;
             SELECT pg_temp.queue(1); UPDATE automations.queue SET trigger_data = '{\"too_large\": true}'",
        )?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "0");
        assert_eq!(ask(waits)?, "on");
        Ok(())
    }
}
