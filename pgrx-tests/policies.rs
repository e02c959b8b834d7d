//! Row level security: each policy as a member, as a stranger, and without claims; and the rights of each role.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// A member of Ada's account.
    const CARL: &str = "c0000000-0000-4000-8000-0000000000c1";
    const INSERT: &str = "INSERT INTO public.automations (agent_id, user_id, name, trigger_type) VALUES
        ('a0000000-0000-4000-8000-000000000010', 'a0000000-0000-4000-8000-0000000000a1', 'n', 'manual')";

    fn changed(statement: &str) -> Result<String, pgrx::spi::Error> {
        Spi::run(
            "CREATE OR REPLACE FUNCTION pg_temp.n(s text) RETURNS int LANGUAGE plpgsql AS
                      'DECLARE n int; BEGIN EXECUTE s; GET DIAGNOSTICS n = ROW_COUNT; RETURN n; END'",
        )?;
        Ok(
            Spi::get_one_with_args::<i32>("SELECT pg_temp.n($1)", &[statement.into()])?
                .unwrap_or(-1)
                .to_string(),
        )
    }

    #[pg_test]
    fn members_see_the_automations_of_their_account_and_nobody_else_does() -> Outcome {
        stage::set()?;
        for (user, expected) in [(stage::ADA, "3"), (CARL, "3"), (stage::BOB, "0")] {
            stage::as_user(user)?;
            assert_eq!(
                ask("SELECT count(*) FROM public.automations")?,
                expected,
                "{user}"
            );
            assert_eq!(
                ask("SELECT count(*) FROM public.automation_versions")?,
                expected,
                "{user}"
            );
        }
        Ok(())
    }

    #[pg_test]
    fn members_create_update_and_delete_and_nobody_else_does() -> Outcome {
        stage::set()?;
        stage::as_user(stage::BOB)?;
        assert_eq!(state_of(INSERT)?, "42501");
        assert_eq!(changed("UPDATE public.automations SET name = 'mine'")?, "0");
        assert_eq!(changed("DELETE FROM public.automations")?, "0");
        stage::as_user(CARL)?;
        assert_eq!(state_of(INSERT)?, "00000");
        assert_eq!(changed("UPDATE public.automations SET description = 'd'")?, "4");
        assert_eq!(
            state_of(
                "UPDATE public.automations SET user_id = 'b0000000-0000-4000-8000-0000000000b1',
                                 agent_id = 'b0000000-0000-4000-8000-000000000010'"
            )?,
            "42501"
        );
        assert_eq!(changed("DELETE FROM public.automations")?, "4");
        Ok(())
    }

    #[pg_test]
    fn members_see_and_delete_executions_and_only_the_machinery_writes_them() -> Outcome {
        stage::set()?;
        Spi::run(
            "INSERT INTO public.automation_executions (automation_id, trigger_type, status)
                  SELECT id, 'manual', 'completed' FROM public.automations",
        )?;
        let insert = "INSERT INTO public.automation_executions (automation_id, trigger_type)
            SELECT id, 'manual' FROM public.automations";
        stage::as_user(stage::BOB)?;
        assert_eq!(ask("SELECT count(*) FROM public.automation_executions")?, "0");
        assert_eq!(changed("DELETE FROM public.automation_executions")?, "0");
        stage::as_user(CARL)?;
        assert_eq!(ask("SELECT count(*) FROM public.automation_executions")?, "3");
        assert_eq!(state_of(insert)?, "42501");
        assert_eq!(
            state_of("UPDATE public.automation_executions SET error = 'x'")?,
            "42501"
        );
        assert_eq!(changed("DELETE FROM public.automation_executions")?, "3");
        Ok(())
    }

    #[pg_test]
    fn every_table_of_the_machinery_is_under_row_security_and_closed_to_tenants() -> Outcome {
        stage::set()?;
        assert_eq!(
            ask("SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_class c
                  WHERE c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
                    AND (c.relnamespace = 'automations'::regnamespace OR c.oid::regclass::text LIKE 'public.automation%')")?,
            ""
        );
        assert_eq!(
            ask(
                "SELECT string_agg(r.role || ':' || c.oid::regclass, ' ' ORDER BY c.relname)
                   FROM pg_class c, (VALUES ('anon'), ('authenticated')) AS r (role)
                  WHERE c.relkind IN ('r', 'p', 'v') AND c.relnamespace = 'automations'::regnamespace
                    AND has_table_privilege(r.role, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')"
            )?,
            "authenticated:automations.account_names authenticated:automations.debounced authenticated:automations.pending authenticated:automations.queue authenticated:automations.settings authenticated:automations.sources authenticated:automations.webhook_calls authenticated:automations.webhooks"
        );
        assert_eq!(
            ask("SELECT bool_or(has_table_privilege('authenticated', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
                   FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'automations'::regnamespace")?,
            "false"
        );
        Ok(())
    }

    #[pg_test]
    fn nobody_but_the_database_owner_may_call_what_is_not_granted() -> Outcome {
        stage::set()?;
        let callable = |role: &str, extra: &str| {
            ask(&[
                "SELECT string_agg(DISTINCT p.proname::text, ' ' ORDER BY p.proname::text) FROM pg_proc p
                  WHERE p.pronamespace = 'automations'::regnamespace
                    AND has_function_privilege('",
                role,
                "', p.oid, 'EXECUTE')",
                extra,
            ]
            .concat())
        };
        assert_eq!(callable("anon", "")?, "uuid_v7");
        // The calls of the contract, what they need, and the nodes that act as the tenant.
        let contract =
            " AND p.proname NOT IN ('run', 'wait', 'cancel', 'validate', 'publish', 'next_runs', 'stats',
            'node_stats', 'overview', 'queue_position', 'uuid_v7')";
        let tenants = callable("authenticated", contract)?;
        for forbidden in [
            "install",
            "watch",
            "uninstall",
            "adopt",
            "claim",
            "start_execution",
            "save_version",
            "fire_row",
        ] {
            assert!(
                !tenants.split(' ').any(|name| name == forbidden),
                "{forbidden} in {tenants}"
            );
        }
        assert_eq!(
            callable(
                "authenticated",
                " AND p.proname IN ('run', 'wait', 'cancel', 'validate', 'publish', 'next_runs',
                'stats', 'node_stats', 'overview', 'queue_position')"
            )?,
            "cancel next_runs node_stats overview publish queue_position run stats validate wait"
        );
        let daemons = callable("automations_daemon", "")?;
        for forbidden in [
            "install",
            "watch",
            "uninstall",
            "adopt",
            "save_version",
            "fire_row",
            "run",
        ] {
            assert!(
                !daemons.split(' ').any(|name| name == forbidden),
                "{forbidden} in {daemons}"
            );
        }
        for needed in [
            "claim",
            "record",
            "park",
            "finish",
            "release",
            "rescue",
            "unpark",
            "maintain",
            "readiness",
        ] {
            assert!(
                daemons.split(' ').any(|name| name == needed),
                "{needed} in {daemons}"
            );
        }
        assert_eq!(
            ask(
                "SELECT string_agg(p.proname::text, ' ') FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid
                    AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
                  WHERE p.pronamespace = 'automations'::regnamespace AND p.prosecdef"
            )?,
            ""
        );
        Ok(())
    }

    #[pg_test]
    fn no_row_of_ours_can_name_another_account_than_its_automations() -> Outcome {
        stage::set()?;
        let id = ["'", stage::NEW_LEAD, "'"].concat();
        for statement in [
            "INSERT INTO public.automation_versions (automation_id, version, account_id, name, trigger_type,
                 trigger_config, nodes, edges) VALUES (AUTOMATION, 99, OWNER, 'n', 'manual', '{}', '[]', '[]')",
            "INSERT INTO automations.listeners (source, account_id, automation_id, version, event)
                 VALUES ('other', OWNER, AUTOMATION, 1, 'any')",
            "INSERT INTO automations.execution_keys (account_id, automation_id, idempotency_key, execution_id)
                 VALUES (OWNER, AUTOMATION, 'k', gen_random_uuid())",
        ] {
            let said_by = |owner: &str| {
                state_of(
                    &statement
                        .replace("AUTOMATION", &id)
                        .replace("OWNER", &["'", owner, "'"].concat()),
                )
            };
            assert_eq!(said_by(stage::BOB)?, "23503", "{statement}");
            assert_eq!(said_by(stage::ADA)?, "00000", "{statement}");
        }
        Ok(())
    }

    #[pg_test]
    fn an_automation_that_changes_hands_takes_its_rows_along() -> Outcome {
        stage::set()?;
        Spi::run(
            &[
                "SELECT automations.run('",
                stage::NEW_LEAD,
                "', idempotency_key => 'k')",
            ]
            .concat(),
        )?;
        Spi::run(
            &[
                "UPDATE public.automations SET user_id = '",
                stage::BOB,
                "', agent_id = 'b0000000-0000-4000-8000-000000000010' WHERE id = '",
                stage::NEW_LEAD,
                "'",
            ]
            .concat(),
        )?;
        assert_eq!(
            ask(&["SELECT ((SELECT array_agg(DISTINCT account_id) FROM public.automation_versions
                             WHERE automation_id = x.id) = ARRAY[x.user_id],
                           (SELECT array_agg(account_id) FROM automations.listeners WHERE automation_id = x.id)
                             = ARRAY[x.user_id],
                           (SELECT array_agg(account_id) FROM automations.execution_keys WHERE automation_id = x.id)
                             = ARRAY[x.user_id])
                     FROM public.automations x WHERE x.id = '", stage::NEW_LEAD, "'"].concat())?,
            "(t,t,t)"
        );
        assert_eq!(
            state_of("UPDATE public.automation_versions SET nodes = '[1]'")?,
            "23001"
        );
        Ok(())
    }

    #[pg_test]
    fn readiness_tells_of_roles_that_row_level_security_does_not_bind() -> Outcome {
        stage::set()?;
        Spi::run("CREATE ROLE careless LOGIN BYPASSRLS IN ROLE automations_daemon")?;
        stage::as_daemon()?;
        let asked = "SELECT (is_superuser, has_bypassrls) FROM automations.readiness()";
        assert_eq!(ask(asked)?, "(f,f)");
        stage::as_superuser()?;
        Spi::run("SET LOCAL SESSION AUTHORIZATION careless")?;
        assert_eq!(ask(asked)?, "(f,t)");
        Ok(())
    }
}
