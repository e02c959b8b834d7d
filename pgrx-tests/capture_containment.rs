//! What goes wrong in capture stays in capture: the application's write succeeds. What is the application's own
//! affair goes through. And capture has the rights of the tables' owner, not more.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::hearing::{count, hear, missed};
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    const ANY: &str = r#"{"event_source": "lead", "event_type": "any"}"#;
    const TWO_LEADS: &str = "INSERT INTO public.leads (user_id, name)
        SELECT 'a0000000-0000-4000-8000-0000000000a1', 'l' || i FROM generate_series(1, 2) i";

    /// A trigger on the queue that fails for the lead `l1`, with this SQLSTATE.
    fn trip(sqlstate: &str) -> Outcome {
        hear(ANY)?;
        Spi::run(&[
            "CREATE FUNCTION public.trip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF NEW.trigger_data #>> '{new,name}' = 'l1' THEN
                     RAISE EXCEPTION 'tripped' USING ERRCODE = '",
            sqlstate,
            "'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER trip BEFORE INSERT ON automations.queue FOR EACH ROW EXECUTE FUNCTION public.trip()",
        ].concat())
    }

    #[pg_test]
    fn a_match_that_cannot_be_written_is_put_down_and_the_others_are_queued() -> Outcome {
        trip("22000")?;
        Spi::run(TWO_LEADS)?;
        assert_eq!(count()?, "1");
        assert_eq!(missed()?, "1 22000");
        assert_eq!(
            ask("SELECT (m.tab, m.operation, m.source, m.account_id IS NOT NULL, m.automation_id IS NOT NULL,
                         m.data #>> '{new,name}', m.lead_id IS NOT NULL, m.message) FROM automations.missed m")?,
            "(public.leads,INSERT,lead,t,t,l1,t,tripped)"
        );
        Ok(())
    }

    #[pg_test]
    fn what_was_put_down_is_replayed() -> Outcome {
        trip("22000")?;
        Spi::run(TWO_LEADS)?;
        Spi::run("DROP TRIGGER trip ON automations.queue")?;
        assert_eq!(ask("SELECT automations.replay_missed(10)")?, "1");
        assert_eq!(count()?, "2");
        Ok(())
    }

    #[pg_test]
    fn a_change_that_nobody_could_be_found_for_is_matched_when_it_is_replayed() -> Outcome {
        hear(
            r#"{"event_source": "lead", "event_type": "INSERT",
                 "conditions": {"rules": [{"field": "new.name", "operator": "equals", "value": "l2"}]}}"#,
        )?;
        Spi::run("ALTER TABLE automations.listeners RENAME TO elsewhere")?;
        Spi::run(TWO_LEADS)?;
        assert_eq!(missed()?, "2 42P01");
        Spi::run("ALTER TABLE automations.elsewhere RENAME TO listeners")?;
        assert_eq!(ask("SELECT automations.replay_missed(10)")?, "1");
        assert_eq!(
            ask("SELECT (q.trigger_data #>> '{new,name}', q.lead_id IS NOT NULL) FROM automations.queue q")?,
            "(l2,t)"
        );
        Ok(())
    }

    #[pg_test]
    fn a_lock_on_the_queue_is_not_waited_for_by_each_row() -> Outcome {
        trip("55P03")?;
        Spi::run(TWO_LEADS)?;
        assert_eq!(count()?, "0");
        assert_eq!(missed()?, "2 55P03");
        Ok(())
    }

    #[pg_test]
    fn a_write_succeeds_even_when_nothing_can_be_put_down() -> Outcome {
        trip("22000")?;
        Spi::run("ALTER TABLE automations.missed ADD CHECK (false); SET LOCAL client_min_messages = error")?;
        Spi::run(TWO_LEADS)?;
        assert_eq!(
            ask("SELECT count(*) FROM public.leads WHERE name IN ('l1', 'l2')")?,
            "2"
        );
        assert_eq!(missed()?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_write_succeeds_when_the_tables_of_the_machinery_are_gone() -> Outcome {
        hear(ANY)?;
        Spi::run("DROP TABLE automations.listeners; SET LOCAL client_min_messages = error")?;
        Spi::run(TWO_LEADS)?;
        assert_eq!(missed()?, "2 42P01");
        Spi::run("ALTER TABLE automations.queue RENAME TO elsewhere")?;
        assert_eq!(state_of(TWO_LEADS)?, "00000");
        Ok(())
    }

    #[pg_test]
    fn a_cancel_of_the_applications_own_goes_through() -> Outcome {
        trip("57014")?;
        Spi::run(
            "CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN EXECUTE statement; RETURN '00000'; EXCEPTION WHEN query_canceled THEN RETURN SQLSTATE; END $$",
        )?;
        let outcome = Spi::get_one_with_args::<String>("SELECT pg_temp.outcome($1)", &[TWO_LEADS.into()])?;
        assert_eq!(outcome.as_deref(), Some("57014"));
        assert_eq!((count()?.as_str(), missed()?.as_str()), ("0", "0"));
        Ok(())
    }

    #[pg_test]
    fn the_end_of_the_server_goes_through() -> Outcome {
        trip("57P01")?;
        assert_eq!(state_of(TWO_LEADS)?, "57P01");
        Ok(())
    }

    #[pg_test]
    fn a_tenant_writes_the_queue_only_through_capture() -> Outcome {
        hear(ANY)?;
        stage::as_user(stage::ADA)?;
        Spi::run(TWO_LEADS)?;
        assert_eq!(state_of("DELETE FROM automations.queue")?, "42501");
        assert_eq!(state_of("SELECT FROM automations.listeners")?, "42501");
        assert_eq!(state_of("INSERT INTO automations.queue DEFAULT VALUES")?, "42501");
        stage::as_superuser()?;
        assert_eq!((count()?.as_str(), missed()?.as_str()), ("2", "0"));
        Ok(())
    }

    #[pg_test]
    fn a_trigger_of_the_tables_owner_never_runs_as_a_superuser() -> Outcome {
        hear(ANY)?;
        Spi::run(
            "CREATE ROLE owner_of_tables;
             GRANT USAGE, CREATE ON SCHEMA automations TO owner_of_tables;
             GRANT SELECT ON automations.sources, automations.listeners TO owner_of_tables;
             ALTER TABLE automations.queue OWNER TO owner_of_tables;
             ALTER TABLE automations.listeners OWNER TO owner_of_tables;
             ALTER TABLE automations.sources OWNER TO owner_of_tables;
             ALTER TABLE automations.missed OWNER TO owner_of_tables;
             CREATE TABLE public.who (role text); GRANT INSERT ON public.who TO PUBLIC;
             CREATE FUNCTION public.who() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.who VALUES (current_user); RETURN NULL; END';
             CREATE TRIGGER who AFTER INSERT ON automations.queue EXECUTE FUNCTION public.who()",
        )?;
        Spi::run(TWO_LEADS)?;
        assert_eq!(
            ask("SELECT DISTINCT w.role FROM public.who w")?,
            "owner_of_tables"
        );
        assert_eq!(ask("SELECT current_user::text <> 'owner_of_tables'")?, "true");
        assert_eq!(missed()?, "0");
        Ok(())
    }

    #[pg_test]
    fn operators_on_the_callers_search_path_are_not_called() -> Outcome {
        hear(ANY)?;
        Spi::run(
            "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
             CREATE FUNCTION evil.eq(a uuid, b uuid) RETURNS boolean LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
             CREATE OPERATOR evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = evil.eq);
             CREATE FUNCTION evil.eq(a text, b text) RETURNS boolean LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
             CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq)",
        )?;
        stage::as_user(stage::ADA)?;
        Spi::run("SET LOCAL search_path = evil, pg_catalog")?;
        let inserted = Spi::run(TWO_LEADS);
        Spi::run("SET LOCAL search_path = pg_catalog, pg_temp")?;
        inserted?;
        stage::as_superuser()?;
        assert_eq!((count()?.as_str(), missed()?.as_str()), ("2", "0"));
        Ok(())
    }
}
