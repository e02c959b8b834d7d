//! Schedules: the next fire as a row, what is fired when it is due, and what saving does to both.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// Ada's automation "New lead" with a schedule instead.
    fn every(config: &str) -> Outcome {
        stage::set()?;
        set_to(config)
    }

    fn set_to(config: &str) -> Outcome {
        Spi::run_with_args(
            "UPDATE public.automations SET trigger_type = 'schedule', trigger_config = $1::jsonb, edges = '[]',
                nodes = '[{\"id\": \"start\", \"type\": \"trigger-schedule\", \"data\": {}}]' WHERE id = $2::uuid",
            &[config.into(), stage::NEW_LEAD.into()],
        )
    }

    /// As if no daemon had run for so long.
    fn after(outage: &str) -> Outcome {
        Spi::run_with_args(
            "UPDATE automations.schedules SET next_at = clock_timestamp() - $1::interval,
                due_at = clock_timestamp() - $1::interval",
            &[outage.into()],
        )
    }

    fn fire() -> Result<String, pgrx::spi::Error> {
        stage::as_daemon()?;
        let fired = ask("SELECT (moved, fired, left_out) FROM automations.fire_schedules(100)");
        stage::as_superuser()?;
        fired
    }

    const STARTED: &str = "SELECT string_agg(concat_ws(' ', e.status, e.trigger_type, e.trigger_data ->> 'missed'), ', ' ORDER BY e.id)
        FROM public.automation_executions e";

    #[pg_test]
    fn the_next_fire_is_a_row_and_the_one_that_next_runs_shows() -> Outcome {
        every(r#"{"cron": "30 9 * * 1-5", "timezone": "Europe/Berlin"}"#)?;
        assert_eq!(
            ask("SELECT s.next_at = r AND s.due_at = r AND s.account_id = 'a0000000-0000-4000-8000-0000000000a1'
                   FROM automations.schedules s, automations.next_runs('30 9 * * 1-5', 'Europe/Berlin', 1) r")?,
            "true"
        );
        assert_eq!(fire()?, "(0,0,0)");
        assert_eq!(
            ask("SELECT automations.schedules_due_in() BETWEEN 1 AND 4 * 86400000")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_due_starts_one_pending_execution_of_nobodys_and_has_a_next_time() -> Outcome {
        every(r#"{"cron": "* * * * *", "missed": "skip"}"#)?;
        after("20 seconds")?;
        Spi::run(
            "UPDATE automations.schedules SET next_at = date_trunc('minute', clock_timestamp()), due_at = next_at",
        )?;
        assert_eq!(fire()?, "(1,1,0)");
        assert_eq!(ask(STARTED)?, "pending schedule 0");
        assert_eq!(
            ask("SELECT (e.triggered_by IS NULL, e.trigger_data ?& '{scheduled_at,fired_at,missed}', q.id = e.id,
                    (e.trigger_data ->> 'scheduled_at')::timestamptz = date_trunc('minute', s.computed_at),
                    (e.trigger_data ->> 'fired_at')::timestamptz = s.computed_at,
                    s.next_at = date_trunc('minute', s.computed_at) + interval '1 minute', s.last_execution_id = e.id)
                   FROM public.automation_executions e, automations.queue q, automations.schedules s")?,
            "(t,t,t,t,t,t,t)"
        );
        assert_eq!(fire()?, "(0,0,0)");
        Ok(())
    }

    #[pg_test]
    fn a_fire_that_is_to_be_kept_is_an_event_as_well_and_starts_nothing_twice() -> Outcome {
        every(r#"{"cron": " 0 0 * * * ", "missed": "all", "keep": true}"#)?;
        // two midnights, at whatever time of the day
        after("48 hours")?;
        assert_eq!(fire()?, "(1,2,0)");
        assert_eq!(
            ask("SELECT count(*) FILTER (WHERE (v.event, v.source) = ('0 0 * * *', 'schedule') AND v.delivered_at IS NOT NULL
                        AND v.payload = e.trigger_data AND v.account_id = e.account_id)
                   FROM public.automation_events v JOIN public.automation_executions e ON e.id::text = v.correlation_id")?,
            "2"
        );
        after("48 hours")?;
        assert!(fire()?.starts_with("(1,2,"), "the same executions");
        assert_eq!(ask("SELECT count(*) FROM public.automation_events")?, "2");
        set_to(r#"{"cron": "0 0 * * *", "missed": "all"}"#)?;
        Spi::run("DELETE FROM automations.execution_keys")?;
        after("48 hours")?;
        assert_eq!(fire()?, "(1,2,0)");
        assert_eq!(ask("SELECT count(*) FROM public.automation_events")?, "2");
        Ok(())
    }

    #[pg_test]
    fn a_time_is_fired_once_also_where_its_row_begins_anew() -> Outcome {
        every(r#"{"cron": "0 0 1 1 *", "missed": "all"}"#)?;
        for _ in 0..3 {
            after("370 days")?;
            assert!(fire()?.starts_with("(1,"));
        }
        assert_eq!(
            ask("SELECT count(*) BETWEEN 1 AND 2 FROM public.automation_executions")?,
            "true"
        );
        assert_eq!(
            ask(
                "SELECT count(*) = count(DISTINCT trigger_data -> 'scheduled_at') FROM public.automation_executions"
            )?,
            "true"
        );
        Ok(())
    }

    /// Four hours before the half hour that was, nothing ran: four full hours, none of them on time.
    fn missed(how: &str, expected: &str, made_up_for: &str) -> Outcome {
        every(
            &[
                "{\"cron\": \"",
                &ask("SELECT extract(minute FROM clock_timestamp() - interval '30 minutes')")?,
                " * * * *\", \"missed\": \"",
                how,
                "\"}",
            ]
            .concat(),
        )?;
        after("4 hours")?;
        assert_eq!(fire()?, expected);
        assert_eq!(
            ask("SELECT string_agg(trigger_data ->> 'missed', ' ') FROM public.automation_executions")?,
            made_up_for
        );
        Ok(())
    }

    #[pg_test]
    fn missed_times_are_left_out() -> Outcome {
        missed("skip", "(1,0,0)", "")
    }

    #[pg_test]
    fn missed_times_are_made_up_for_once() -> Outcome {
        missed("once", "(1,1,0)", "4")
    }

    #[pg_test]
    fn missed_times_are_made_up_for_one_by_one() -> Outcome {
        missed("all", "(1,4,0)", "1 1 1 1")
    }

    #[pg_test]
    fn with_overlap_skip_nothing_starts_while_the_last_one_is_not_final() -> Outcome {
        every(r#"{"cron": "* * * * *", "overlap": "skip", "missed": "all"}"#)?;
        after("3 minutes")?;
        assert_eq!(
            fire()?.split(',').nth(1),
            Some("1"),
            "of several times one starts"
        );
        after("61 seconds")?;
        assert!(fire()?.starts_with("(1,0,"), "it has not ended");
        assert_eq!(ask("SELECT count(*) FROM public.automation_executions")?, "1");
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        Spi::run(
            "SELECT automations.finish(array_agg(q.account_id), array_agg(q.id), array_agg(q.lease_token),
                '[{\"status\": \"completed\"}]') FROM automations.queue q",
        )?;
        stage::as_superuser()?;
        Spi::run("DELETE FROM automations.execution_keys")?;
        after("61 seconds")?;
        assert!(fire()?.starts_with("(1,1,"));
        Ok(())
    }

    #[pg_test]
    fn pausing_takes_effect_at_once_and_what_was_due_meanwhile_is_not_made_up_for() -> Outcome {
        every(r#"{"cron": "* * * * *", "missed": "all"}"#)?;
        after("1 hour")?;
        Spi::run("UPDATE public.automations SET status = 'paused' WHERE trigger_type = 'schedule'")?;
        assert_eq!(ask("SELECT (next_at, due_at) FROM automations.schedules")?, "(,)");
        assert_eq!(
            (
                fire()?.as_str(),
                ask("SELECT automations.schedules_due_in()")?.as_str()
            ),
            ("(0,0,0)", "")
        );
        Spi::run("UPDATE public.automations SET status = 'active' WHERE trigger_type = 'schedule'")?;
        assert_eq!(
            ask("SELECT next_at > clock_timestamp() - interval '1 second' FROM automations.schedules")?,
            "true"
        );
        Spi::run("UPDATE public.automations SET enabled = false WHERE trigger_type = 'schedule'")?;
        assert_eq!(ask("SELECT count(next_at) FROM automations.schedules")?, "0");
        Spi::run("DELETE FROM public.automations WHERE trigger_type = 'schedule'")?;
        assert_eq!(ask("SELECT count(*) FROM automations.schedules")?, "0");
        Ok(())
    }

    #[pg_test]
    fn one_that_the_error_limit_stopped_fires_nothing_and_makes_up_for_the_gap_when_it_is_active_again()
    -> Outcome {
        every(r#"{"cron": "0 0 * * *"}"#)?;
        Spi::run("UPDATE public.automations SET status = 'error' WHERE trigger_type = 'schedule'")?;
        after("50 hours")?;
        assert_eq!(fire()?, "(0,0,0)");
        assert_eq!(ask("SELECT automations.schedules_due_in()")?, "");
        Spi::run("UPDATE public.automations SET status = 'active' WHERE trigger_type = 'schedule'")?;
        assert_eq!(fire()?, "(1,1,0)");
        assert_eq!(
            ask("SELECT (trigger_data ->> 'missed')::integer >= 2 FROM public.automation_executions")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_change_of_the_times_counts_at_once_and_any_other_change_loses_no_time_that_is_due() -> Outcome {
        every(r#"{"cron": "0 0 * * *"}"#)?;
        after("26 hours")?;
        Spi::run(
            "UPDATE public.automations SET options = '{\"priority\": 3}', trigger_config = trigger_config || '{\"missed\": \"all\"}'
              WHERE trigger_type = 'schedule'",
        )?;
        assert_eq!(
            ask("SELECT (due_at < clock_timestamp(), config ->> 'missed') FROM automations.schedules")?,
            "(t,all)"
        );
        set_to(r#"{"cron": "0 0 1 1 *", "timezone": "Asia/Kolkata"}"#)?;
        assert_eq!(
            ask("SELECT (to_char(next_at AT TIME ZONE 'Asia/Kolkata', 'DD-MM HH24:MI'), next_at > clock_timestamp())
                   FROM automations.schedules")?,
            "(\"01-01 00:00\",t)"
        );
        assert_eq!(fire()?, "(0,0,0)");
        Spi::run("UPDATE public.automations SET trigger_type = 'manual', nodes = '[{\"id\": \"start\", \"type\": \"trigger-manual\", \"data\": {}}]'
                   WHERE trigger_type = 'schedule'")?;
        assert_eq!(ask("SELECT count(next_at) FROM automations.schedules")?, "0");
        Ok(())
    }

    #[pg_test]
    fn paused_work_and_a_copy_fire_nothing_and_make_up_for_the_gap_afterwards() -> Outcome {
        every(r#"{"cron": "0 0 * * *"}"#)?;
        after("26 hours")?;
        Spi::run(
            "INSERT INTO automations.settings (name, value) VALUES ('paused', 'true')
             ON CONFLICT (name) DO UPDATE SET value = 'true'",
        )?;
        assert_eq!(fire()?, "(0,0,0)");
        Spi::run(
            "UPDATE automations.settings SET value = 'false' WHERE name = 'paused';
             UPDATE automations.settings SET value = '1' WHERE name = 'database_oid'",
        )?;
        assert_eq!(fire()?, "(0,0,0)");
        Spi::run("SELECT automations.adopt()")?;
        assert!(fire()?.starts_with("(1,1,"));
        Ok(())
    }

    #[pg_test]
    fn a_clock_that_goes_back_loses_no_time_and_fires_none_twice() -> Outcome {
        every(r#"{"cron": "0 * * * *"}"#)?;
        // fired by a clock that was a year ahead
        Spi::run(
            "UPDATE automations.schedules SET next_at = next_at + interval '1 year', due_at = due_at + interval '1 year',
                computed_at = clock_timestamp() + interval '1 year'",
        )?;
        assert_eq!(ask("SELECT automations.schedules_due_in()")?, "0");
        assert_eq!(fire()?, "(1,0,0)");
        assert_eq!(
            ask(
                "SELECT s.next_at = r FROM automations.schedules s, automations.next_runs('0 * * * *', 'UTC', 1) r"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn one_that_cannot_be_started_stops_no_other() -> Outcome {
        every(r#"{"cron": "0 0 * * *"}"#)?;
        Spi::run(
            "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, trigger_config, nodes)
             SELECT a.user_id, a.agent_id, 'other', 'active', true, 'schedule', a.trigger_config, a.nodes
               FROM public.automations a WHERE a.trigger_type = 'schedule';
             ALTER TABLE public.automations DISABLE TRIGGER USER;
             UPDATE public.automations SET enabled = false WHERE name = 'other'",
        )?;
        after("26 hours")?;
        assert_eq!(fire()?, "(1,1,0)");
        assert_eq!(
            ask(
                "SELECT count(*) FROM automations.schedules WHERE next_at < now() AND due_at > clock_timestamp()"
            )?,
            "1",
            "it is tried again"
        );
        Ok(())
    }

    #[pg_test]
    fn a_schedule_that_cannot_be_meant_is_refused_when_it_is_saved() -> Outcome {
        every(r#"{"cron": "@daily"}"#)?;
        for config in [
            r#"{}"#,
            r#"{"cron": "0 0 30 2 *"}"#,
            r#"{"cron": "* * * * * *"}"#,
            r#"{"cron": "@daily", "timezone": "Mars/Base"}"#,
            r#"{"cron": "@daily", "start_at": "2026-02-02", "end_at": "2026-02-01"}"#,
            r#"{"cron": "@daily", "end_at": "infinity"}"#,
            r#"{"cron": "@daily", "jitter_seconds": -1}"#,
            r#"{"cron": "@daily", "keep": "yes"}"#,
        ] {
            let save = [
                "UPDATE public.automations SET trigger_config = '",
                config,
                "' WHERE trigger_type = 'schedule'",
            ]
            .concat();
            assert_eq!(state_of(&save)?, "22023", "{config}");
        }
        Ok(())
    }

    #[pg_test]
    fn a_schedule_from_before_that_cannot_be_read_is_silent() -> Outcome {
        every(r#"{"cron": "@daily"}"#)?;
        Spi::run(
            "ALTER TABLE public.automation_versions DISABLE TRIGGER USER;
             UPDATE public.automation_versions SET trigger_config = '{\"cron\": 5}' WHERE trigger_type = 'schedule';
             SELECT automations.install()",
        )?;
        assert_eq!(ask("SELECT count(next_at) FROM automations.schedules")?, "0");
        Ok(())
    }

    #[pg_test]
    fn the_end_of_a_schedule_leaves_nothing_to_fire() -> Outcome {
        every(r#"{"cron": "@daily", "end_at": "2020-01-01"}"#)?;
        assert_eq!(ask("SELECT (next_at, due_at) FROM automations.schedules")?, "(,)");
        assert_eq!(
            (
                fire()?.as_str(),
                ask("SELECT automations.schedules_due_in()")?.as_str()
            ),
            ("(0,0,0)", "")
        );
        Ok(())
    }
}
