//! What capture put down: what replaying mends, and what it gives up and why.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::hearing::{count, hear, missed};
    use crate::tests::stage::{Outcome, ask};
    use pgrx::prelude::*;

    #[pg_test]
    fn what_cannot_be_mended_is_given_up_with_the_reason() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "any"}"#)?;
        Spi::run(
            "INSERT INTO automations.missed (tab, operation, automation_id, data, sqlstate, message)
             SELECT 'public.leads', 'UPDATE', x.automation, x.data::jsonb, x.sqlstate, 'said then'
               FROM (VALUES (gen_random_uuid(), '{}', '55P03'), (NULL, NULL, '55P03'),
                            ('a0000000-0000-4000-8000-00000000000f', '{}', '21000'),
                            ('a0000000-0000-4000-8000-00000000000f', '{}', '55P03'),
                            (NULL, '{\"event\": \"UPDATE\", \"new\": {\"user_id\": \"nobody\"}}', '55P03'))
                        AS x (automation, data, sqlstate)",
        )?;
        assert_eq!(ask("SELECT automations.replay_missed(10)")?, "1");
        assert_eq!(
            ask(
                "SELECT string_agg(m.given_up, ', ' ORDER BY m.given_up) FROM automations.missed m
                  WHERE m.replayed_at IS NULL"
            )?,
            "said then, the automation is gone, the row is not known"
        );
        assert_eq!(
            ask("SELECT count(*) FROM automations.missed WHERE replayed_at IS NOT NULL")?,
            "2"
        );
        assert_eq!(ask("SELECT automations.replay_missed(10)")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_change_that_cannot_be_replayed_does_not_stop_the_others() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "any"}"#)?;
        Spi::run(
            "INSERT INTO automations.missed (tab, operation, automation_id, data, occurred_at)
             VALUES ('public.leads', 'NONSENSE', NULL, '{\"event\": \"NONSENSE\"}', now() - interval '1 hour'),
                    ('public.leads', 'INSERT', 'a0000000-0000-4000-8000-00000000000f', '{}', now())",
        )?;
        assert_eq!(ask("SELECT automations.replay_missed(10)")?, "1");
        assert_eq!(
            ask(
                "SELECT given_up LIKE 'NONSENSE is no row event%' FROM automations.missed WHERE given_up IS NOT NULL"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_change_that_is_too_large_is_replayed_as_such() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "any"}"#)?;
        Spi::run("ALTER TABLE automations.listeners RENAME TO elsewhere")?;
        Spi::run(
            "INSERT INTO public.leads (user_id, notes)
             VALUES ('a0000000-0000-4000-8000-0000000000a1', repeat('x', 2000000))",
        )?;
        assert_eq!(missed()?, "1 42P01");
        assert_eq!(
            ask("SELECT octet_length(m.data::text) < 2000 FROM automations.missed m")?,
            "true"
        );
        Spi::run("ALTER TABLE automations.elsewhere RENAME TO listeners")?;
        assert_eq!(ask("SELECT automations.replay_missed(10)")?, "1");
        assert_eq!(
            ask(
                "SELECT ((q.trigger_data #>> '{too_large,new}')::int > 2000000, q.lead_id IS NOT NULL)
                   FROM automations.queue q"
            )?,
            "(t,t)"
        );
        Ok(())
    }

    #[pg_test]
    fn what_was_replayed_long_ago_is_forgotten_and_what_was_given_up_is_kept() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "any"}"#)?;
        Spi::run(
            "INSERT INTO automations.missed (tab, operation, replayed_at, given_up)
             VALUES ('t', 'INSERT', now() - interval '31 days', NULL), ('t', 'INSERT', now(), NULL),
                    ('t', 'INSERT', NULL, 'why')",
        )?;
        Spi::run("SELECT public.cleanup_old_executions()")?;
        assert_eq!(ask("SELECT count(*) FROM automations.missed")?, "2");
        Ok(())
    }

    #[pg_test]
    fn a_listener_that_cannot_be_read_is_put_down_and_the_others_hear() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "INSERT"}"#)?;
        Spi::run(
            "INSERT INTO automations.listeners (source, account_id, automation_id, version, event, conditions)
             SELECT 'lead', a.user_id, a.id, 1, 'INSERT', '{\"rules\": 7}' FROM public.automations a
              WHERE a.name = 'New lead';
             INSERT INTO public.leads (user_id) SELECT 'a0000000-0000-4000-8000-0000000000a1' FROM generate_series(1, 3)",
        )?;
        assert_eq!(count()?, "3");
        assert_eq!(missed()?, "1 22023", "once for a statement");
        Ok(())
    }
}
