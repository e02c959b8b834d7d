//! The error limit, and the options of an automation when it is saved.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// Ends so many executions of "New lead" in one statement, in the order of this text: c completed, f failed,
    /// i interrupted, x cancelled, t a failed test run.
    fn ends(story: &str) -> Outcome {
        Spi::run_with_args(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, status, test_mode, trigger_data)
             SELECT a.id, 'manual', 'running', c = 't', to_jsonb(c) FROM public.automations a,
                    unnest(string_to_array($1, NULL)) WITH ORDINALITY AS s (c, n)
              WHERE a.name = 'New lead' ORDER BY n",
            &[story.into()],
        )?;
        Spi::run(
            "UPDATE public.automation_executions e
                SET status = CASE e.trigger_data #>> '{}' WHEN 'c' THEN 'completed' WHEN 'x' THEN 'cancelled'
                                  ELSE 'failed' END,
                    error_code = CASE e.trigger_data #>> '{}' WHEN 'i' THEN 'interrupted' WHEN 'f' THEN 'node_failed' END,
                    completed_at = clock_timestamp()
               FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM public.automation_executions
                      WHERE status = 'running') o
              WHERE o.id = e.id",
        )
    }

    fn limit(options: &str) -> Outcome {
        Spi::run_with_args(
            "UPDATE public.automations SET options = $1::jsonb WHERE name = 'New lead'",
            &[options.into()],
        )
    }

    fn state() -> Result<String, pgrx::spi::Error> {
        ask(
            "SELECT concat_ws(' ', status, failures_in_a_row, status_reason) FROM public.automations
              WHERE name = 'New lead'",
        )
    }

    #[pg_test]
    fn ten_failures_in_a_row_are_too_many_where_nothing_else_is_said() -> Outcome {
        stage::set()?;
        ends("fffffffff")?;
        assert_eq!(state()?, "active 9");
        ends("f")?;
        assert_eq!(state()?, "error 10 error_limit: 10 executions in a row failed");
        Ok(())
    }

    #[pg_test]
    fn one_that_completes_in_between_begins_the_row_anew_also_within_a_batch() -> Outcome {
        stage::set()?;
        limit("{\"error_limit\": 3}")?;
        for story in ["ff", "c", "ff", "cff", "fcf", "fcffcf"] {
            Spi::run("UPDATE public.automations SET failures_in_a_row = 0 WHERE name = 'New lead'")?;
            ends(story)?;
            assert_eq!(state()?.split(' ').next(), Some("active"), "{story}");
        }
        assert_eq!(state()?, "active 1");
        ends("fcff")?;
        assert_eq!(state()?, "active 2");
        ends("ic")?;
        assert_eq!(state()?, "active 0");
        Ok(())
    }

    #[pg_test]
    fn a_row_of_failures_inside_one_batch_is_enough_also_when_one_completes_after_it() -> Outcome {
        stage::set()?;
        limit("{\"error_limit\": 3}")?;
        ends("cfffc")?;
        assert_eq!(state()?, "error 0 error_limit: 3 executions in a row failed");
        Ok(())
    }

    #[pg_test]
    fn what_was_counted_before_the_batch_goes_on_in_it() -> Outcome {
        stage::set()?;
        limit("{\"error_limit\": 3}")?;
        ends("ff")?;
        ends("fc")?;
        assert_eq!(state()?, "error 0 error_limit: 3 executions in a row failed");
        Ok(())
    }

    #[pg_test]
    fn test_runs_cancelled_and_interrupted_ones_do_not_count() -> Outcome {
        stage::set()?;
        limit("{\"error_limit\": 2}")?;
        ends("fixtitxi")?;
        assert_eq!(state()?, "active 1", "nor do they end the row");
        ends("xitf")?;
        assert_eq!(state()?, "error 2 error_limit: 2 executions in a row failed");
        Ok(())
    }

    #[pg_test]
    fn with_a_limit_of_zero_it_fails_for_ever() -> Outcome {
        stage::set()?;
        limit("{\"error_limit\": 0}")?;
        ends("ffffffffffffffff")?;
        assert_eq!(state()?, "active 16");
        Ok(())
    }

    #[pg_test]
    fn setting_the_status_is_no_edit_and_no_version_and_listeners_stay() -> Outcome {
        stage::set()?;
        let rest = "SELECT (updated_at, version, enabled, (SELECT count(*) FROM public.automation_versions),
                            (SELECT count(*) FROM automations.listeners)) FROM public.automations WHERE name = 'New lead'";
        Spi::run(
            "ALTER TABLE public.automations DISABLE TRIGGER update_automations_updated_at;
             UPDATE public.automations SET updated_at = '2026-01-01';
             ALTER TABLE public.automations ENABLE TRIGGER update_automations_updated_at",
        )?;
        let before = ask(rest)?;
        ends("ffffffffff")?;
        assert!(state()?.starts_with("error"));
        assert_eq!(ask(rest)?, before);
        Ok(())
    }

    #[pg_test]
    fn who_sets_it_active_again_begins_anew() -> Outcome {
        stage::set()?;
        limit("{\"error_limit\": 2}")?;
        ends("ff")?;
        stage::as_user(stage::ADA)?;
        Spi::run("UPDATE public.automations SET status = 'active' WHERE name = 'New lead'")?;
        stage::as_superuser()?;
        assert_eq!(state()?, "active 0");
        assert_eq!(
            ask("SELECT updated_at = now() AND version = 2 FROM public.automations WHERE name = 'New lead'")?,
            "true",
            "which is an edit; the version is the one that the limit made"
        );
        ends("f")?;
        assert_eq!(state()?, "active 1");
        ends("f")?;
        Spi::run("UPDATE public.automations SET status = 'paused' WHERE name = 'New lead'")?;
        assert_eq!(state()?, "paused 0", "what is not in error needs no reason");
        Ok(())
    }

    #[pg_test]
    fn what_could_not_be_counted_counts_later_in_its_order() -> Outcome {
        stage::set()?;
        limit("{\"error_limit\": 3}")?;
        Spi::run(
            "INSERT INTO automations.uncounted
                 (automation_id, executions, last_executed_at, last_execution_status, failures)
             SELECT a.id, t.n, now() + t.at * interval '1 s', t.s, t.f
               FROM public.automations a, (VALUES (2, 1, 'failed', 2), (1, 2, 'completed', 0), (1, 3, 'failed', 1))
                    AS t (n, at, s, f)
              WHERE a.name = 'New lead'",
        )?;
        assert_eq!(ask("SELECT automations.fold_uncounted()")?, "1");
        assert_eq!(state()?, "active 1");
        Spi::run(
            "INSERT INTO automations.uncounted
                 (automation_id, executions, last_executed_at, last_execution_status, failures)
             SELECT a.id, 1, now() + interval '4 s', 'failed', 1 FROM public.automations a WHERE a.name = 'New lead'",
        )?;
        Spi::run("SELECT pg_sleep(0)")?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT automations.fold_uncounted()")?, "1");
        stage::as_superuser()?;
        assert_eq!(state()?, "active 2");
        ends("f")?;
        assert!(state()?.starts_with("error 3"));
        Ok(())
    }

    #[pg_test]
    fn a_trigger_of_the_applications_that_refuses_the_status_keeps_nothing_from_ending() -> Outcome {
        stage::set()?;
        limit("{\"error_limit\": 1}")?;
        Spi::run(
            "CREATE FUNCTION public.no_error() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.status = 'error' THEN RAISE 'never'; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER no_error BEFORE UPDATE ON public.automations
                 FOR EACH ROW EXECUTE FUNCTION public.no_error()",
        )?;
        ends("ff")?;
        assert_eq!(state()?, "active 2");
        assert_eq!(
            ask("SELECT count(*) FROM public.automation_executions WHERE status = 'failed'")?,
            "2"
        );
        Ok(())
    }

    #[pg_test]
    fn options_that_cannot_be_meant_are_refused_in_what_is_active() -> Outcome {
        stage::set()?;
        let save = |options: &str| {
            state_of(
                &[
                    "UPDATE public.automations SET options = '",
                    options,
                    "' WHERE name = 'New lead'",
                ]
                .concat(),
            )
        };
        for wrong in [
            "{\"error_limit\": -1}",
            "{\"error_limit\": \"ten\"}",
            "{\"max_in_flight\": 0}",
            "{\"max_in_flight\": 1.5}",
            "{\"priority\": \"high\"}",
            "{\"timeout_seconds\": 0}",
            "[]",
        ] {
            assert_eq!(save(wrong)?, "22023", "{wrong}");
        }
        let right = "{\"error_limit\": 0, \"max_in_flight\": 1, \"priority\": -3, \"timeout_seconds\": 0.5, \"mood\": 1}";
        assert_eq!(save(right)?, "00000");
        assert_eq!(
            ask("SELECT options ->> 'mood' FROM public.automations WHERE name = 'New lead'")?,
            "1"
        );
        Spi::run("UPDATE public.automations SET status = 'draft' WHERE name = 'New lead'")?;
        assert_eq!(
            save("{\"error_limit\": \"?\"}")?,
            "00000",
            "a draft may be incomplete"
        );
        Ok(())
    }

    #[pg_test]
    fn re_entry_and_debounce_that_cannot_be_meant_are_refused_in_what_is_active() -> Outcome {
        stage::set()?;
        let save = |config: &str| {
            state_of(
                &[
                    "UPDATE public.automations SET trigger_config = trigger_config || '",
                    config,
                    "' WHERE name = 'New lead'",
                ]
                .concat(),
            )
        };
        for wrong in [
            "{\"re_entry\": \"sometimes\"}",
            "{\"debounce_seconds\": -1}",
            "{\"debounce_seconds\": \"soon\"}",
        ] {
            assert_eq!(save(wrong)?, "22023", "{wrong}");
        }
        assert_eq!(
            save("{\"re_entry\": \"never\", \"debounce_seconds\": 5}")?,
            "00000"
        );
        Ok(())
    }
}
