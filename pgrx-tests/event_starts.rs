//! Emitted events that start automations, occasions that are kept, and replay of both.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// Ada's automation `name`, which an event starts.
    fn save(name: &str, config: &str) -> Result<String, pgrx::spi::Error> {
        state_of(&format!(
            "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, trigger_config, nodes)
             SELECT a.user_id, a.agent_id, '{name}', 'active', true, 'event', '{config}',
                    '[{{\"id\": \"start\", \"type\": \"trigger-event\", \"data\": {{}}}}]'
               FROM public.automations a WHERE a.name = 'New lead'"
        ))
    }

    const PAID: &str = r#"{"event_source": "event", "event_name": "paid"}"#;
    const LARGE: &str = r#"{"event_source": "event", "event_name": "paid", "conditions":
        {"rules": [{"field": "payload.amount", "operator": "gte", "value": 100}]}}"#;

    fn emit(event: &str, payload: &str) -> Outcome {
        stage::as_user(stage::ADA)?;
        Spi::run_with_args(
            "SELECT automations.emit($1, $2::text::jsonb, 'c-1')",
            &[event.into(), payload.into()],
        )?;
        stage::as_superuser()
    }

    fn deliver() -> Result<String, pgrx::spi::Error> {
        stage::as_daemon()?;
        let delivered = ask("SELECT automations.deliver_events(100)")?;
        stage::as_superuser()?;
        Ok(delivered)
    }

    /// Which automations have an execution that an event started, and with what amount.
    fn started() -> Result<String, pgrx::spi::Error> {
        ask(
            "SELECT string_agg(concat_ws(' ', a.name, e.trigger_data #>> '{payload,amount}'), ', ' ORDER BY a.name, e.id)
               FROM public.automation_executions e JOIN public.automations a ON a.id = e.automation_id
              WHERE e.trigger_type = 'event' AND e.status = 'pending'",
        )
    }

    #[pg_test]
    fn an_event_starts_each_automation_of_its_account_that_listens_to_it_once() -> Outcome {
        stage::set()?;
        assert_eq!(save("Any", PAID)?, "00000");
        assert_eq!(save("Large", LARGE)?, "00000");
        assert_eq!(
            save("Other", r#"{"event_source": "event", "event_name": "refunded"}"#)?,
            "00000"
        );
        emit("paid", r#"{"amount": 7}"#)?;
        emit("paid", r#"{"amount": 700}"#)?;
        stage::as_user(stage::BOB)?;
        Spi::run("SELECT automations.emit('paid', '{\"amount\": 9000}')")?;
        assert_eq!(deliver()?, "3");
        assert_eq!(deliver()?, "0");
        assert_eq!(started()?, "Any 7, Any 700, Large 700");
        assert_eq!(
            ask(
                "SELECT (e.trigger_data ->> 'event', e.trigger_data ->> 'source', e.trigger_data ->> 'correlation_id',
                         (e.trigger_data ->> 'timestamp')::timestamptz <= clock_timestamp(), e.version,
                         (SELECT count(*) FROM automations.queue q WHERE q.id = e.id))
                   FROM public.automation_executions e ORDER BY e.id LIMIT 1"
            )?,
            "(paid,application,c-1,t,1,1)"
        );
        Ok(())
    }

    #[pg_test]
    fn who_listens_follows_the_automation() -> Outcome {
        stage::set()?;
        assert_eq!(save("Any", PAID)?, "00000");
        let listeners =
            "SELECT string_agg(concat_ws(' ', l.event, l.version), ', ') FROM automations.event_listeners l";
        let change =
            |what: &str| state_of(&["UPDATE public.automations SET ", what, " WHERE name = 'Any'"].concat());
        for (changed, rows) in [
            ("status = 'paused'", ""),
            ("status = 'active'", "paid 1"),
            ("status = 'error'", "paid 1"),
            ("enabled = false", ""),
            ("enabled = true, status = 'active'", "paid 1"),
            (
                "trigger_config = '{\"event_source\": \"event\", \"event_name\": \" sent \"}'",
                "sent 2",
            ),
            (
                "trigger_config = '{\"event_source\": \"lead\", \"event_type\": \"INSERT\", \"event_name\": \"paid\"}'",
                "",
            ),
            ("trigger_config = '{\"event_source\": \"event\"}'", ""),
        ] {
            assert_eq!(
                (change(changed)?.as_str(), ask(listeners)?.as_str()),
                ("00000", rows),
                "{changed}"
            );
        }
        Ok(())
    }

    #[pg_test]
    fn an_automation_in_error_goes_on_hearing_and_a_paused_one_does_not() -> Outcome {
        stage::set()?;
        assert_eq!(save("Any", PAID)?, "00000");
        Spi::run("UPDATE public.automations SET status = 'error' WHERE name = 'Any'")?;
        emit("paid", r#"{"amount": 1}"#)?;
        deliver()?;
        Spi::run("UPDATE public.automations SET status = 'paused' WHERE name = 'Any'")?;
        emit("paid", r#"{"amount": 2}"#)?;
        deliver()?;
        assert_eq!(started()?, "Any 1");
        Ok(())
    }

    #[pg_test]
    fn conditions_that_cannot_be_are_refused_and_those_that_cannot_be_evaluated_do_not_hold() -> Outcome {
        stage::set()?;
        assert_eq!(
            save(
                "Bad",
                r#"{"event_source": "event", "event_name": "paid", "conditions": 5}"#
            )?,
            "22023"
        );
        assert_eq!(
            save(
                "Bad",
                r#"{"event_source": "event", "event_name": "paid", "re_entry": "never"}"#
            )?,
            "22023"
        );
        for (conditions, event, fires) in [
            ("NULL", "'{}'", "true"),
            ("'{\"rules\": []}'", "'{}'", "true"),
            ("'5'", "'{}'", "false"),
            (
                "'{\"expression\": \"payload.a == 1\"}'",
                "'{\"payload\": {\"a\": 1}}'",
                "true",
            ),
            ("'{\"expression\": \"payload.a == 1\"}'", "NULL", "false"),
            (
                "'{\"expression\": \"payload.a.b.c > 1\"}'",
                "'{\"payload\": 3}'",
                "false",
            ),
        ] {
            let asked = ["SELECT automations.event_fires(", conditions, ", ", event, ")"].concat();
            assert_eq!(ask(&asked)?, fires, "{conditions} of {event}");
        }
        Ok(())
    }

    #[pg_test]
    fn an_event_that_is_just_small_enough_still_starts() -> Outcome {
        stage::set()?;
        assert_eq!(save("Any", PAID)?, "00000");
        let payload = |size: usize| format!("{{\"amount\": 1, \"x\": \"{}\"}}", "x".repeat(size));
        stage::as_user(stage::ADA)?;
        let emit =
            |size: usize| state_of(&["SELECT automations.emit('paid', '", &payload(size), "')"].concat());
        assert_eq!(emit(1_048_576 - 100)?, "22023");
        assert_eq!(emit(1_048_576 - 400)?, "00000");
        assert_eq!(deliver()?, "1");
        assert_eq!(started()?, "Any 1");
        Ok(())
    }

    #[pg_test]
    fn an_event_is_replayed_into_any_automation_of_its_account_also_in_test_mode() -> Outcome {
        stage::set()?;
        Spi::run("UPDATE public.automations SET status = 'draft' WHERE name = 'New lead'")?;
        emit("paid", r#"{"amount": 7}"#)?;
        let event = ask("SELECT id FROM public.automation_events")?;
        let replay = |rest: &str| {
            [
                "SELECT automations.replay('",
                &event,
                "', '",
                stage::NEW_LEAD,
                "'",
                rest,
                ")",
            ]
            .concat()
        };
        stage::as_user(stage::ADA)?;
        assert_eq!(state_of(&replay(""))?, "55000", "a draft");
        Spi::run(&replay(", true"))?;
        Spi::run(&replay(", true"))?;
        assert_eq!(
            ask(
                "SELECT (count(*), bool_and(test_mode), min(trigger_type), min(trigger_data ->> 'event'),
                         min(trigger_data #>> '{payload,amount}'), bool_and(triggered_by = account_id))
                   FROM public.automation_executions"
            )?,
            "(2,t,event,paid,7,t)"
        );
        stage::as_user(stage::BOB)?;
        let foreign = state_of(&replay(", true"))?;
        assert_eq!(foreign, "P0002");
        stage::as_superuser()?;
        Spi::run(
            "INSERT INTO public.automations (user_id, agent_id, name, trigger_type)
             SELECT g.user_id, g.id, 'Bobs', 'manual' FROM public.agents g
              WHERE g.user_id = 'b0000000-0000-4000-8000-0000000000b1' LIMIT 1",
        )?;
        let bobs = ask("SELECT id FROM public.automations WHERE name = 'Bobs'")?;
        assert_eq!(
            state_of(&["SELECT automations.replay('", &event, "', '", &bobs, "', true)"].concat())?,
            "P0002",
            "not even by who sees both"
        );
        assert_eq!(state_of("SELECT automations.replay(NULL, NULL)")?, "22004");
        Ok(())
    }

    #[pg_test]
    fn a_captured_change_is_kept_once_when_it_becomes_an_execution_and_replayed_with_its_lead() -> Outcome {
        stage::set()?;
        let keep = "UPDATE public.automations SET trigger_config = trigger_config || '{\"keep\": true}' WHERE name = 'New lead'";
        Spi::run("SELECT pg_temp.queue(1)")?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(ask("SELECT count(*) FROM public.automation_events")?, "0");
        Spi::run(keep)?;
        Spi::run("SELECT pg_temp.queue(2)")?;
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        stage::as_superuser()?;
        assert_eq!(
            ask(
                "SELECT (count(*), min(e.event), min(e.source), count(DISTINCT e.correlation_id), count(e.delivered_at),
                         count(*) FILTER (WHERE e.payload = x.trigger_data))
                   FROM public.automation_events e
                   JOIN public.automation_executions x ON x.id = e.correlation_id::uuid"
            )?,
            "(2,\"lead INSERT\",capture,2,2,2)"
        );
        stage::as_user(stage::ADA)?;
        let replayed = ask(&[
            "SELECT automations.replay((SELECT id FROM public.automation_events LIMIT 1), '",
            stage::NEW_LEAD,
            "')",
        ]
        .concat())?;
        assert_eq!(
            ask(&[
                "SELECT (e.lead_id, e.trigger_type, e.trigger_data) FROM public.automation_executions e WHERE e.id = '",
                &replayed,
                "'"
            ]
            .concat())?,
            format!("({},event,\"{{\"\"event\"\": \"\"INSERT\"\"}}\")", stage::ALAN)
        );
        Ok(())
    }
}
