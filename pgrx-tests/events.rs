//! Emitted events: who may emit what, that each comes to those who wait for it once, and how long they are kept.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use crate::tests::waiting::{KEY, parked_for, place, running, waited};
    use pgrx::prelude::*;

    const PAID: &str = r#"{"kind": "event", "event": "paid"}"#;

    fn emit(arguments: &str) -> Outcome {
        stage::as_user(stage::ADA)?;
        Spi::run(&["SELECT automations.emit(", arguments, ")"].concat())?;
        stage::as_superuser()
    }

    fn deliver() -> Result<String, pgrx::spi::Error> {
        stage::as_daemon()?;
        ask("SELECT automations.deliver_events(100)")
    }

    #[pg_test]
    fn an_event_comes_to_who_waits_for_it_exactly_once() -> Outcome {
        parked_for(PAID)?;
        emit("'paid', '{\"order\": 7}', 'c-1'")?;
        assert_eq!(place()?, "parked");
        assert_eq!(deliver()?, "1");
        assert_eq!(deliver()?, "0");
        assert_eq!(place()?, "queued");
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(
            ask(
                "SELECT concat_ws(' ', came, p ->> 'event', p -> 'payload' ->> 'order', p ->> 'source', p ->> 'correlation_id',
                        (p ->> 'timestamp')::timestamptz <= clock_timestamp())
                   FROM pg_temp.waited() w, LATERAL (SELECT w.payload::jsonb AS p) x"
            )?,
            "event paid 7 application c-1 t"
        );
        Ok(())
    }

    #[pg_test]
    fn who_waits_again_does_not_get_the_same_event() -> Outcome {
        parked_for(PAID)?;
        emit("'paid'")?;
        deliver()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        Spi::run("SELECT pg_temp.record('{\"status\": \"completed\", \"ordinal\": 1}')")?;
        Spi::run(
            "SELECT pg_temp.record('{\"run\": 2, \"idempotency_key\": \"c0000000-0000-4000-8000-000000000002\",
                 \"wait\": {\"kind\": \"event\", \"event\": \"paid\"}}')",
        )?;
        assert_eq!(deliver()?, "0");
        assert_eq!(waited()?, "");
        Ok(())
    }

    #[pg_test]
    fn another_accounts_event_or_one_that_does_not_match_is_not_taken() -> Outcome {
        parked_for(
            r#"{"kind": "event", "event": "paid", "match": {"rules": [
                {"field": "payload.order", "operator": "equals", "value": 7}]}}"#,
        )?;
        stage::as_user(stage::BOB)?;
        Spi::run("SELECT automations.emit('paid', '{\"order\": 7}')")?;
        emit("'unpaid', '{\"order\": 7}'")?;
        emit("'paid', '{\"order\": 8}'")?;
        assert_eq!(deliver()?, "3");
        assert_eq!(place()?, "parked");
        emit("'paid', '{\"order\": 7}'")?;
        assert_eq!(deliver()?, "1");
        assert_eq!(place()?, "queued");
        Ok(())
    }

    #[pg_test]
    fn what_a_match_says_is_what_the_payload_contains_or_a_condition() -> Outcome {
        stage::set()?;
        let event = "automations.event_data('paid', '{\"a\": 1, \"b\": [2]}', 'application', 'c', now())";
        for (asked, taken) in [
            ("NULL", "true"),
            ("'null'", "true"),
            ("'{}'", "true"),
            ("'{\"a\": 1}'", "true"),
            ("'{\"a\": 2}'", "false"),
            (
                "'{\"expression\": \"payload.a == 1 and correlation_id == ''c''\"}'",
                "true",
            ),
            ("'{\"expression\": \"payload.a ==\"}'", "false"),
            ("'[1]'", "false"),
            (
                "('{\"a\": ' || repeat('[', 200) || repeat(']', 200) || '}')::jsonb",
                "false",
            ),
        ] {
            assert_eq!(
                ask(&["SELECT automations.event_matches(", asked, ", ", event, ")"].concat())?,
                taken,
                "{asked}"
            );
        }
        Ok(())
    }

    #[pg_test]
    fn an_event_after_the_timeout_is_too_late() -> Outcome {
        running()?;
        Spi::run(
            &[
                "SELECT pg_temp.record('{\"wake_in_ms\": 0, \"wait\": ",
                PAID,
                "}')",
            ]
            .concat(),
        )?;
        emit("'paid'")?;
        deliver()?;
        assert_eq!(waited()?, "timeout");
        Ok(())
    }

    #[pg_test]
    fn an_event_before_the_timeout_counts_however_late_it_is_delivered() -> Outcome {
        running()?;
        Spi::run(
            &[
                "SELECT pg_temp.record('{\"wake_in_ms\": 60000, \"wait\": ",
                PAID,
                "}')",
            ]
            .concat(),
        )?;
        emit("'paid'")?;
        Spi::run(
            "UPDATE automations.waits SET wake_at = clock_timestamp();
             UPDATE public.automation_events SET emitted_at = now() - interval '1 s'",
        )?;
        deliver()?;
        assert!(waited()?.starts_with("event "));
        Ok(())
    }

    #[pg_test]
    fn only_who_has_access_to_an_account_emits_for_it() -> Outcome {
        stage::set()?;
        let for_bob = [
            "SELECT automations.emit('paid', account_id => '",
            stage::BOB,
            "')",
        ]
        .concat();
        stage::as_user(stage::ADA)?;
        assert_eq!(state_of(&for_bob)?, "42501");
        assert_eq!(
            state_of(
                "INSERT INTO public.automation_events (account_id, event, source)
                      SELECT 'b0000000-0000-4000-8000-0000000000b1', 'paid', 'x'"
            )?,
            "42501"
        );
        assert_eq!(
            state_of("UPDATE public.automation_events SET event = 'x'")?,
            "42501"
        );
        stage::as_superuser()?;
        Spi::run("SELECT set_config('request.jwt.claims', '', true)")?;
        assert_eq!(state_of("SELECT automations.emit('paid')")?, "22023");
        assert_eq!(state_of(&for_bob)?, "00000");
        Spi::run("SET LOCAL ROLE service_role")?;
        assert_eq!(state_of("SELECT automations.emit('paid')")?, "22023");
        assert_eq!(state_of(&for_bob)?, "00000");
        stage::as_user(stage::ADA)?;
        assert_eq!(ask("SELECT count(*) FROM public.automation_events")?, "0");
        stage::as_user(stage::BOB)?;
        assert_eq!(ask("SELECT count(*) FROM public.automation_events")?, "2");
        stage::as_superuser()?;
        Spi::run("SET LOCAL ROLE anon")?;
        assert_eq!(state_of(&for_bob)?, "42501");
        Ok(())
    }

    #[pg_test]
    fn an_event_needs_a_name_and_a_payload_that_fits() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        for arguments in [
            "NULL",
            "''",
            "repeat('x', 201)",
            // with what stands around the payload when it becomes trigger data
            "'a', to_jsonb(repeat('x', 1048574))",
            "'a', '{}', repeat('x', 1001)",
        ] {
            assert_eq!(
                state_of(&["SELECT automations.emit(", arguments, ")"].concat())?,
                "22023",
                "{arguments}"
            );
        }
        assert_eq!(
            state_of("SELECT automations.emit('a', to_jsonb(repeat('x', 1048576 - 300)))")?,
            "00000"
        );
        Ok(())
    }

    #[pg_test]
    fn an_event_of_an_automation_says_whose_and_how_deep() -> Outcome {
        stage::set()?;
        stage::as_tenant(stage::ADA)?;
        Spi::run("SELECT automations.emit('paid')")?;
        stage::as_superuser()?;
        assert_eq!(
            ask(
                "SELECT (source, caused_by = current_setting('automations.execution_id')::uuid, depth)
                   FROM public.automation_events"
            )?,
            "(automation,t,1)"
        );
        Ok(())
    }

    #[pg_test]
    fn old_events_go_but_not_one_that_is_still_to_be_taken() -> Outcome {
        parked_for(PAID)?;
        emit("'paid'")?;
        deliver()?;
        stage::as_superuser()?;
        Spi::run(
            "INSERT INTO public.automation_events (account_id, event, source, emitted_at, delivered_at)
             SELECT 'a0000000-0000-4000-8000-0000000000a1', 'e' || n, 'application', now() - n * interval '1 day',
                    CASE WHEN n <> 40 THEN now() END
               FROM generate_series(1, 45) n;
             UPDATE public.automation_events SET emitted_at = now() - interval '99 days' WHERE event = 'paid'",
        )?;
        Spi::run("SELECT public.cleanup_old_executions()")?;
        assert_eq!(
            ask("SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE event IN ('paid', 'e30', 'e31', 'e40')))
                   FROM public.automation_events")?,
            "32 3"
        );
        Spi::run(
            "UPDATE automations.settings SET value = '2' WHERE name = 'event_days'; DELETE FROM automations.waits",
        )?;
        Spi::run("SELECT public.cleanup_old_executions()")?;
        assert_eq!(
            ask("SELECT string_agg(event, ' ' ORDER BY event) FROM public.automation_events")?,
            "e1 e2 e40"
        );
        Ok(())
    }

    #[pg_test]
    fn of_many_that_wait_each_gets_the_event() -> Outcome {
        running()?;
        stage::as_superuser()?;
        Spi::run(&["SELECT pg_temp.queue(300); SELECT pg_temp.claim(300)"].concat())?;
        Spi::run(
            &[
                "SELECT automations.park(q.account_id, q.id, q.lease_token, NULL, '[{\"node_id\": \"w\", \"run\": 1,
                 \"status\": \"parked\", \"idempotency_key\": \"",
                KEY,
                "\", \"wait\": ",
                PAID,
                "}]', '[]', '{}') FROM automations.queue q",
            ]
            .concat(),
        )?;
        emit("'paid'")?;
        assert_eq!(deliver()?, "1");
        assert_eq!(
            ask(
                "SELECT (SELECT count(*) FROM automations.queue) || ' ' || (SELECT count(*) FROM automations.parked)"
            )?,
            "301 0"
        );
        Ok(())
    }
}
