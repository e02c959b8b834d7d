//! install(): twice is once, what is missing is said, uninstall() undoes, and the partitions are there.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// Everything about the schema that a dump would show, but for ids and times.
    const FINGERPRINT: &str = "(SELECT md5(string_agg(x, E'\\n' ORDER BY x)) FROM (
        SELECT c.oid::regclass::text || c.relkind::text || coalesce(c.relacl::text, '') || c.relrowsecurity AS x
          FROM pg_class c WHERE c.relnamespace IN ('public'::regnamespace, 'automations'::regnamespace)
        UNION ALL SELECT a.attrelid::regclass || a.attname || a.atttypid::regtype || coalesce(pg_get_expr(d.adbin,
               d.adrelid), '') FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attnum > 0 AND a.attrelid IN (SELECT oid FROM pg_class
               WHERE relnamespace IN ('public'::regnamespace, 'automations'::regnamespace))
        UNION ALL SELECT pg_get_constraintdef(c.oid) || c.conname FROM pg_constraint c
        UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT t.tgisinternal
        UNION ALL SELECT p.polname || p.polrelid::regclass || coalesce(pg_get_expr(p.polqual, p.polrelid), '')
               || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') || p.polroles::text FROM pg_policy p
        UNION ALL SELECT p.oid::regprocedure || coalesce(p.proacl::text, '') || p.prosrc FROM pg_proc p
               WHERE p.pronamespace IN ('public'::regnamespace, 'automations'::regnamespace)
        UNION ALL SELECT s.name || s.value FROM automations.settings s
        UNION ALL SELECT s::text FROM automations.sources s
        UNION ALL SELECT l::text FROM automations.listeners l
        UNION ALL SELECT v.version || v.installed_at FROM automations.schema_version v) AS all_of_it)";

    #[pg_test]
    fn install_twice_changes_nothing() -> Outcome {
        stage::set()?;
        let once = ask(FINGERPRINT)?;
        Spi::run("SELECT automations.install()")?;
        assert_eq!(ask(FINGERPRINT)?, once);
        Spi::run("SELECT automations.install(sample_app => true)")?;
        assert_eq!(ask(FINGERPRINT)?, once);
        Ok(())
    }

    #[pg_test]
    fn what_is_missing_is_said_all_at_once() -> Outcome {
        Spi::run(
            "CREATE TABLE public.leads (id uuid, user_id text);
             CREATE FUNCTION pg_temp.said() RETURNS text LANGUAGE plpgsql AS $$
             BEGIN PERFORM automations.install(); RETURN 'installed'; EXCEPTION WHEN OTHERS THEN
                 RETURN SQLSTATE || SQLERRM; END $$",
        )?;
        let said = ask("SELECT pg_temp.said()")?;
        for expected in [
            "55000",
            "table agents is missing",
            "table conversations is missing",
            "table public.leads has no column user_id of type uuid",
            "table public.leads has no primary key",
            "has_account_access",
        ] {
            assert!(said.contains(expected), "{expected} in {said}");
        }
        Ok(())
    }

    #[pg_test]
    fn other_tables_than_the_usual_ones_can_be_named() -> Outcome {
        Spi::run(
            "CREATE SCHEMA crm;
             CREATE TABLE crm.\"Bots\" (id uuid PRIMARY KEY, user_id uuid);
             CREATE TABLE crm.people (id uuid PRIMARY KEY, user_id uuid);
             CREATE TABLE crm.talks (id uuid PRIMARY KEY, agent_id uuid);
             CREATE FUNCTION public.has_account_access(user_id uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
             SELECT automations.install('crm.\"Bots\"', 'crm.people', 'crm.talks');
             SELECT automations.install()",
        )?;
        assert_eq!(
            ask(
                "SELECT string_agg(s.tab || ':' || s.source || ':' || s.owner_column, ' ' ORDER BY s.source)
                   FROM automations.sources s"
            )?,
            "crm.talks:conversation:agent_id crm.people:lead:user_id"
        );
        Ok(())
    }

    #[pg_test]
    fn uninstall_undoes_and_install_comes_back() -> Outcome {
        stage::set()?;
        let before = ask("SELECT count(*) FROM pg_proc WHERE pronamespace = 'automations'::regnamespace")?;
        Spi::run("SELECT automations.uninstall()")?;
        assert_eq!(
            ask("SELECT count(*) FROM pg_class WHERE relnamespace = 'automations'::regnamespace")?,
            "0"
        );
        assert_eq!(ask("SELECT to_regclass('public.automations')")?, "");
        assert_eq!(
            ask(
                "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.leads'::regclass AND tgname LIKE 'automations%'"
            )?,
            "0"
        );
        Spi::run("SELECT automations.install(sample_app => true)")?;
        assert_eq!(
            ask("SELECT count(*) FROM pg_proc WHERE pronamespace = 'automations'::regnamespace")?,
            before
        );
        Ok(())
    }

    #[pg_test]
    fn the_weeks_ahead_have_partitions_that_nobody_else_can_reach() -> Outcome {
        Spi::run(
            "DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO authenticated",
        )?;
        stage::set()?;
        assert_eq!(
            ask(
                "SELECT string_agg(n, ' ') FROM (SELECT count(*)::text AS n FROM pg_inherits
                  WHERE inhparent IN ('public.automation_executions'::regclass, 'automations.steps'::regclass)
                  GROUP BY inhparent) x"
            )?,
            "6 6"
        );
        assert_eq!(
            ask("SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                  WHERE i.inhparent IN ('public.automation_executions'::regclass, 'automations.steps'::regclass)
                    AND (NOT c.relrowsecurity OR c.relnamespace <> 'automations'::regnamespace
                         OR EXISTS (SELECT FROM aclexplode(c.relacl) g WHERE g.grantee <> c.relowner)
                         OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))")?,
            "0"
        );
        stage::as_user(stage::ADA)?;
        assert_eq!(state_of("SELECT FROM automations.executions_default")?, "42501");
        Ok(())
    }

    #[pg_test]
    fn a_coming_week_is_made_in_steps_that_lock_nothing_for_long() -> Outcome {
        stage::set()?;
        let step = "SELECT automations.make_partition('public.automation_executions', 'automations.executions_default',
                        'executions', 'id', '2101-01-03 00:00+00')";
        let check =
            "SELECT convalidated FROM pg_constraint WHERE conname = 'holds_nothing_of_executions_21010103'";
        assert_eq!((ask(step)?.as_str(), ask(check)?.as_str()), ("true", "false"));
        assert_eq!((ask(step)?.as_str(), ask(check)?.as_str()), ("true", "true"));
        assert_eq!((ask(step)?.as_str(), ask(check)?.as_str()), ("true", ""));
        assert_eq!(ask(step)?, "false");
        assert_eq!(ask("SELECT automations.keep_partitions()")?, "0");
        Ok(())
    }

    #[pg_test]
    fn rows_that_an_application_numbered_ahead_move_to_their_week_and_are_not_queued_again() -> Outcome {
        stage::set()?;
        Spi::run(
            "INSERT INTO public.automation_executions (id, automation_id, trigger_type, status)
             SELECT automations.uuid_at('2101-01-05'), a.id, 'event', 'pending' FROM public.automations a LIMIT 1;
             DELETE FROM automations.queue;
             SELECT automations.make_partition('public.automation_executions', 'automations.executions_default',
                        'executions', 'id', '2101-01-03 00:00+00')",
        )?;
        assert_eq!(
            ask("SELECT tableoid::regclass FROM public.automation_executions")?,
            "automations.executions_21010103"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn weeks_that_are_over_and_empty_are_dropped() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT automations.make_partition(t.parent::regclass, t.fallback::regclass, t.prefix, t.key,
                        '2020-01-06 00:00+00')
               FROM (VALUES ('public.automation_executions', 'automations.executions_default', 'executions', 'id'),
                            ('automations.steps', 'automations.steps_default', 'steps', 'execution_id'))
                        AS t (parent, fallback, prefix, key);
             INSERT INTO public.automation_executions (id, automation_id, trigger_type, status)
             SELECT automations.uuid_at('2020-01-07'), a.id, 'event', 'completed' FROM public.automations a LIMIT 1",
        )?;
        assert_eq!(ask("SELECT automations.maintain()")?, "0");
        Spi::run("DELETE FROM public.automation_executions")?;
        assert_eq!(ask("SELECT automations.maintain()")?, "2");
        assert_eq!(ask("SELECT to_regclass('automations.steps_20200106')")?, "");
        Ok(())
    }

    #[pg_test]
    fn ids_ascend_and_are_of_version_seven() -> Outcome {
        assert_eq!(
            ask(
                "SELECT bool_and(id > before) FROM (SELECT id, lag(id) OVER () AS before
                   FROM (SELECT automations.uuid_v7() AS id FROM generate_series(1, 5000)) i) x"
            )?,
            "true"
        );
        assert_eq!(
            ask(
                "SELECT abs(extract(epoch FROM now() - clock_timestamp())) < 60 AND id::text ~ '^.{14}7'
                    AND id > automations.uuid_at(now() - interval '1 minute')
                    AND id < automations.uuid_at(now() + interval '1 hour') FROM automations.uuid_v7() id"
            )?,
            "true"
        );
        Ok(())
    }
}
