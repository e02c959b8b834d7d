//! In whose name database nodes act: the tenant's role, the owner's claims, and what is refused.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    #[pg_test]
    fn a_database_node_acts_as_the_tenant_with_the_owners_claims() -> Outcome {
        stage::as_adas_automation()?;
        assert_eq!(
            ask("SELECT (current_user, current_setting('request.jwt.claims')::jsonb ->> 'sub')")?,
            format!("(authenticated,{})", stage::ADA)
        );
        Spi::run("SELECT automations.leave_tenant('authenticated')")?;
        assert_eq!(ask("SELECT current_user")?, "automations_daemon");
        Ok(())
    }

    #[pg_test]
    fn the_claims_are_written_as_jsonb_writes_them() -> Outcome {
        stage::set()?;
        let role = r#"te"nant\"#;
        Spi::run(&format!(
            r#"CREATE ROLE "te""nant\"; GRANT "te""nant\" TO automations_daemon;
               UPDATE automations.settings SET value = to_jsonb('{role}'::text) WHERE name = 'tenant_role'"#
        ))?;
        stage::as_tenant(stage::ADA)?;
        let said = ask("SELECT current_setting('request.jwt.claims')")?;
        assert_eq!(ask(&format!("SELECT jsonb $${said}$$"))?, said);
        assert_eq!(ask(&format!("SELECT jsonb $${said}$$ ->> 'role'"))?, role);
        Ok(())
    }

    #[pg_test]
    fn a_node_that_acts_behind_another_acts_for_its_own_execution() -> Outcome {
        stage::as_adas_automation()?;
        let execution = "e0000000-0000-4000-8000-0000000000e1";
        let next = |role: &str| {
            format!(
                "SELECT automations.next_of_tenant('{role}', '{}', '{execution}', 3::smallint, 50, 700)",
                stage::ALAN
            )
        };
        Spi::run("SELECT set_config('request.jwt.claims', '{}', true)")?; // as a trigger of the application may
        Spi::run(&next("authenticated"))?;
        assert_eq!(
            ask(
                "SELECT (current_user, current_setting('request.jwt.claims')::jsonb ->> 'sub',
                         current_setting('automations.execution_id'), current_setting('automations.depth'),
                         current_setting('lock_timeout'), current_setting('statement_timeout'))"
            )?,
            format!("(authenticated,{},{execution},3,50ms,700ms)", stage::ALAN)
        );
        Spi::run("SELECT set_config('role', 'none', true)")?;
        assert_eq!(state_of(&next("authenticated"))?, "42501");
        Ok(())
    }

    #[pg_test]
    fn what_a_node_had_deferred_is_done_in_its_own_name() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE TABLE public.acted (who text, execution text);
             GRANT SELECT, INSERT ON public.acted TO authenticated;
             CREATE FUNCTION public.note_who() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN
                     INSERT INTO public.acted VALUES (current_user, current_setting('automations.execution_id'));
                     RETURN NULL;
                 END$$;
             CREATE CONSTRAINT TRIGGER z_note AFTER UPDATE ON public.leads DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION public.note_who()",
        )?;
        stage::as_tenant(stage::ADA)?;
        let acted =
            || ask("SELECT string_agg(a.who || ' ' || right(a.execution, 2), ',') FROM public.acted a");
        let next = |execution: &str| {
            let (account, execution) = (
                stage::ADA,
                format!("e0000000-0000-4000-8000-0000000000{execution}"),
            );
            format!(
                "automations.next_of_tenant('authenticated', '{account}', '{execution}', 1::smallint, 50, 700)"
            )
        };
        let update = |account: &str| {
            let (lead, updates) = (stage::ALAN, r#"{"score": 5}"#);
            format!("automations.node_update_lead({account}, '{lead}', '{updates}', false)")
        };
        for execution in ["e1", "e2"] {
            Spi::run(&format!("SELECT {}", next(execution)))?;
            Spi::run("SET CONSTRAINTS ALL DEFERRED")?; // as a trigger of the application may
            Spi::run(&format!("SELECT {}", update(&format!("'{}'", stage::ADA))))?;
        }
        assert_eq!(acted()?, "authenticated e1");
        Spi::run(&format!("SELECT {}", update(&next("e3"))))?;
        assert_eq!(acted()?, "authenticated e1,authenticated e2,authenticated e3");
        Spi::run("SET CONSTRAINTS ALL DEFERRED")?;
        let last = format!(
            "SELECT automations.last_of_tenant('authenticated', {}::text)",
            update(&next("e4"))
        );
        assert_eq!(ask(&format!("({last})::jsonb ->> 'score'"))?, "5");
        stage::as_superuser()?;
        assert!(acted()?.ends_with(",authenticated e4"), "{}", acted()?);
        Ok(())
    }

    #[pg_test]
    fn a_role_that_was_changed_on_the_way_is_found_out() -> Outcome {
        stage::as_adas_automation()?;
        Spi::run("SELECT set_config('role', 'none', true)")?;
        assert_eq!(
            state_of("SELECT automations.leave_tenant('authenticated')")?,
            "42501"
        );
        assert_eq!(state_of("SELECT automations.leave_tenant(NULL)")?, "22004");
        Ok(())
    }

    #[pg_test]
    fn a_tenant_role_that_comes_to_see_past_the_policies_is_refused_from_then_on() -> Outcome {
        stage::set()?;
        let become_it =
            "SELECT automations.become_tenant(gen_random_uuid(), gen_random_uuid(), 0::smallint, 500, 5000)";
        for (more, less) in [
            (
                "ALTER ROLE authenticated BYPASSRLS",
                "ALTER ROLE authenticated NOBYPASSRLS",
            ),
            (
                "GRANT pg_read_server_files TO authenticated",
                "REVOKE pg_read_server_files FROM authenticated",
            ),
        ] {
            for (change, becomes) in [(more, "42501"), (less, "00000")] {
                stage::as_daemon()?;
                assert_eq!(
                    state_of(become_it)?,
                    if change == more { "00000" } else { "42501" }
                );
                stage::as_superuser()?;
                Spi::run(change)?;
                stage::as_daemon()?;
                assert_eq!(state_of(become_it)?, becomes, "{change}");
                stage::as_superuser()?;
            }
        }
        Ok(())
    }

    #[pg_test]
    fn a_tenant_role_that_sees_past_the_policies_is_refused() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE ROLE sees_all BYPASSRLS; UPDATE automations.settings SET value = '\"sees_all\"' WHERE name = 'tenant_role'",
        )?;
        stage::as_daemon()?;
        let become_it =
            "SELECT automations.become_tenant(gen_random_uuid(), gen_random_uuid(), 0::smallint, 1, 1)";
        assert_eq!(state_of(become_it)?, "42501");
        stage::as_superuser()?;
        Spi::run(
            "UPDATE automations.settings SET value = '\"automations_daemon\"' WHERE name = 'tenant_role'",
        )?;
        stage::as_daemon()?;
        assert_eq!(state_of(become_it)?, "42501");
        Ok(())
    }

    #[pg_test]
    fn the_tenant_role_is_found_whatever_its_name_is() -> Outcome {
        stage::set()?;
        Spi::run("CREATE ROLE \"Ten.ant-1\"; GRANT \"Ten.ant-1\" TO automations_daemon")?;
        for (name, becomes) in [
            ("Ten.ant-1", "00000"),
            ("ten.ant-1", "42704"),
            ("-", "42704"),
            ("0", "42704"),
            ("", "42704"),
            ("public", "42704"),
            ("pg_read_all_data", "42501"),
        ] {
            stage::as_superuser()?;
            Spi::run_with_args(
                "UPDATE automations.settings SET value = to_jsonb($1) WHERE name = 'tenant_role'",
                &[name.into()],
            )?;
            stage::as_daemon()?;
            let become_it =
                "SELECT automations.become_tenant(gen_random_uuid(), gen_random_uuid(), 0::smallint, 1, 1)";
            assert_eq!(state_of(become_it)?, becomes, "{name}");
        }
        Ok(())
    }
}
