//! What somebody with a table, a type or a role of his own tries: each of these went through once.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    #[pg_test]
    fn nobody_puts_a_trigger_of_ours_on_a_table_of_his_own() -> Outcome {
        stage::set()?;
        // as default privileges would have done it, which Supabase sets for its roles
        Spi::run(
            "GRANT EXECUTE ON FUNCTION public.update_automation_stats(), public.fire_lead_automations(),
                 public.cleanup_old_executions(), automations.account_of_lead(uuid) TO authenticated, service_role;
             GRANT TRUNCATE, TRIGGER, REFERENCES ON public.automations TO authenticated;
             SELECT automations.install()",
        )?;
        assert_eq!(
            ask(
                "SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p
                  WHERE p.prosecdef AND has_function_privilege('authenticated', p.oid, 'EXECUTE')
                    AND (p.pronamespace = 'automations'::regnamespace OR p.prorettype = 'trigger'::regtype)"
            )?,
            "automations.has_agent_access(uuid)"
        );
        for right in ["TRUNCATE", "TRIGGER", "REFERENCES"] {
            let asked = [
                "SELECT has_table_privilege('authenticated', 'public.automations', '",
                right,
                "')",
            ];
            assert_eq!(ask(&asked.concat())?, "false", "{right}");
        }
        stage::as_user(stage::BOB)?;
        Spi::run("CREATE TEMPORARY TABLE mine (id uuid, user_id uuid)")?;
        for function in [
            "public.fire_lead_automations()",
            "public.fire_conversation_automations()",
        ] {
            let attached = [
                "CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION ",
                function,
            ];
            assert_eq!(state_of(&attached.concat())?, "42501", "{function}");
        }
        Ok(())
    }

    #[pg_test]
    fn a_column_of_another_type_is_refused_and_not_read() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE TABLE public.mine (id bigint, agent_id integer, user_id integer, status integer, version text);
             CREATE TRIGGER c BEFORE INSERT ON public.mine FOR EACH ROW
                 EXECUTE FUNCTION automations.check_automation();
             CREATE TABLE public.other (id bigint);
             CREATE TRIGGER p AFTER INSERT ON public.other FOR EACH ROW
                 EXECUTE FUNCTION automations.publish_version()",
        )?;
        assert_eq!(
            state_of("INSERT INTO public.mine VALUES (1, 1, 1, 1, 'x')")?,
            "09000"
        );
        assert_eq!(
            state_of("INSERT INTO public.other VALUES (140000000000)")?,
            "09000"
        );
        Ok(())
    }

    #[pg_test]
    fn a_tenant_role_has_nothing_behind_it_that_sees_more() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE ROLE steps_up; CREATE ROLE far; GRANT far TO steps_up; GRANT pg_read_server_files TO far",
        )?;
        for role in ["steps_up", "pg_execute_server_program"] {
            let named = [
                "UPDATE automations.settings SET value = to_jsonb('",
                role,
                "'::text)
                           WHERE name = 'tenant_role'",
            ];
            Spi::run(&named.concat())?;
            assert_eq!(state_of("SELECT automations.adopt()")?, "0P000", "{role}");
            stage::as_daemon()?;
            let become_it =
                "SELECT automations.become_tenant(gen_random_uuid(), gen_random_uuid(), 0::smallint, 1, 1)";
            assert_eq!(state_of(become_it)?, "42501", "{role}");
            stage::as_superuser()?;
        }
        Ok(())
    }

    #[pg_test]
    fn what_is_deferred_on_the_queue_does_not_run_as_who_wrote() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE TABLE public.ran_as (who text); GRANT INSERT ON public.ran_as TO PUBLIC;
             CREATE FUNCTION public.later() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.ran_as VALUES (current_user); RETURN NULL; END';
             CREATE CONSTRAINT TRIGGER later AFTER INSERT ON automations.queue DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION public.later();
             SET CONSTRAINTS ALL DEFERRED",
        )?;
        stage::as_user(stage::ADA)?;
        Spi::run(
            "INSERT INTO public.leads (user_id, name) VALUES ('a0000000-0000-4000-8000-0000000000a1', 'x');
             SET CONSTRAINTS ALL IMMEDIATE",
        )?;
        stage::as_superuser()?;
        assert_eq!(ask("SELECT count(*) FROM public.ran_as")?, "0");
        assert_eq!(ask("SELECT sqlstate FROM automations.missed")?, "42501");
        Ok(())
    }

    #[pg_test]
    fn what_is_deferred_on_the_tables_does_not_run_as_who_installs() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE FUNCTION public.defers() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN SET CONSTRAINTS ALL DEFERRED; RETURN NULL; END';
             CREATE TRIGGER defers BEFORE INSERT ON automations.schema_version
                 FOR EACH STATEMENT EXECUTE FUNCTION public.defers();
             CREATE CONSTRAINT TRIGGER later AFTER INSERT ON automations.schema_version
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.defers();
             DELETE FROM automations.schema_version",
        )?;
        assert_eq!(state_of("SELECT automations.install()")?, "42501");
        Ok(())
    }

    #[pg_test]
    fn an_execution_that_began_at_infinity_ends_all_the_same() -> Outcome {
        stage::set()?;
        Spi::run(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, status, started_at)
             VALUES ('a0000000-0000-4000-8000-000000000041', 'event', 'pending', 'infinity'),
                    ('a0000000-0000-4000-8000-000000000041', 'event', 'pending', '-infinity')",
        )?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "2");
        assert_eq!(
            ask("SELECT count(*) FROM automations.finish(
                    (SELECT array_agg(q.account_id ORDER BY q.id) FROM automations.queue q),
                    (SELECT array_agg(q.id ORDER BY q.id) FROM automations.queue q),
                    (SELECT array_agg(q.lease_token ORDER BY q.id) FROM automations.queue q),
                    '[{\"status\": \"completed\"}, {\"status\": \"completed\"}]')")?,
            "2"
        );
        assert_eq!(
            ask("SELECT array_agg(e.duration_ms) FROM public.automation_executions e")?,
            "{0,0}"
        );
        Ok(())
    }

    #[pg_test]
    fn a_node_refers_only_to_rows_of_its_own_account() -> Outcome {
        stage::set()?;
        Spi::run("SELECT automations.allow_table('public.bookings', 'user_id')")?;
        stage::as_tenant(stage::ADA)?;
        let write = |operation: &str, lead: &str| {
            state_of(
                &[
                    "SELECT automations.node_db('",
                    stage::ADA,
                    "', '",
                    operation,
                    "\"lead_id\": \"",
                    lead,
                    "\"}}')",
                ]
                .concat(),
            )
        };
        let nobody = "b0000000-0000-4000-8000-0000000000ff";
        for operation in [
            "{\"operation\": \"create\", \"table\": \"bookings\",
              \"values\": {\"title\": \"x\", \"start_time\": \"2030-01-01\", ",
            "{\"operation\": \"update\", \"table\": \"conversations\", \"where\":
              {\"id\": \"a0000000-0000-4000-8000-000000000031\"}, \"values\": {",
        ] {
            assert_eq!(write(operation, stage::FRANCIS)?, "23503");
            assert_eq!(write(operation, nobody)?, "23503");
            assert_eq!(write(operation, stage::ALAN)?, "00000");
        }
        Ok(())
    }

    #[pg_test]
    fn a_claim_finds_its_lead_where_row_security_is_forced() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE ROLE the_owner; GRANT USAGE ON SCHEMA public, automations TO the_owner;
             GRANT SELECT ON public.agents, public.conversations TO the_owner;
             ALTER TABLE public.leads OWNER TO the_owner; ALTER TABLE public.leads FORCE ROW LEVEL SECURITY;
             ALTER TABLE automations.queue OWNER TO the_owner; ALTER TABLE automations.settings OWNER TO the_owner;
             GRANT SELECT ON public.automations, public.automation_versions TO the_owner;
             GRANT EXECUTE ON FUNCTION automations.account_of(text, uuid) TO the_owner;
             ALTER FUNCTION automations.account_of_lead(uuid) OWNER TO the_owner;
             GRANT UPDATE ON public.conversations TO the_owner;
             SELECT pg_temp.queue(1)",
        )?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT lead_id FROM public.automation_executions")?,
            stage::ALAN
        );
        Ok(())
    }
}
