//! Who may call what, and to whom things belong.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::hearing::{count, hear, missed};
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// The application's tables, owned by a role that is no superuser and not the caller. The role that every test makes
    /// comes first: tests that run at once wait for each other there, and not for each other's grants.
    fn host() -> Outcome {
        Spi::run(
            "CREATE FUNCTION pg_temp.state_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN EXECUTE statement; RETURN '00000'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || SQLERRM; END $$;
             DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             CREATE ROLE app_owner; CREATE ROLE stranger; GRANT CREATE ON SCHEMA public TO app_owner;
             CREATE TABLE public.agents (id uuid PRIMARY KEY, user_id uuid NOT NULL);
             CREATE TABLE public.leads (id uuid PRIMARY KEY, user_id uuid NOT NULL);
             CREATE TABLE public.conversations (id uuid PRIMARY KEY, agent_id uuid NOT NULL);
             ALTER TABLE public.agents OWNER TO app_owner; ALTER TABLE public.leads OWNER TO app_owner;
             ALTER TABLE public.conversations OWNER TO app_owner;
             CREATE FUNCTION public.has_account_access(user_id uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        )
    }

    #[pg_test]
    fn everything_belongs_to_the_owner_of_leads_and_he_may_call_everything() -> Outcome {
        host()?;
        Spi::run("SELECT automations.install()")?;
        assert_eq!(
            ask("SELECT string_agg(x.name, ' ') FROM (
                     SELECT c.oid::regclass::text AS name FROM pg_class c
                      WHERE c.relowner <> 'app_owner'::regrole
                        AND c.relnamespace IN ('public'::regnamespace, 'automations'::regnamespace)
                     UNION ALL
                     SELECT p.oid::regprocedure::text FROM pg_proc p
                      WHERE p.proowner <> 'app_owner'::regrole AND p.proname <> 'has_account_access'
                        AND p.pronamespace IN ('public'::regnamespace, 'automations'::regnamespace)
                        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')) x")?,
            ""
        );
        assert_eq!(
            ask("SELECT string_agg(p.proname::text, ' ') FROM pg_proc p
                  WHERE p.pronamespace = 'automations'::regnamespace
                    AND NOT has_function_privilege('app_owner', p.oid, 'EXECUTE')")?,
            ""
        );
        Ok(())
    }

    #[pg_test]
    fn who_is_not_a_member_of_the_owner_of_leads_is_refused() -> Outcome {
        host()?;
        // In the order in which every install() grants, or tests that run at once would lock each other out.
        Spi::run("SELECT automations.grant_rights('stranger', NULL); SET LOCAL ROLE stranger")?;
        let said = state_of("SELECT automations.install()")?;
        stage::as_superuser()?;
        assert!(
            said.starts_with("55000") && said.contains("not a member of app_owner"),
            "{said}"
        );
        Ok(())
    }

    #[pg_test]
    fn a_tenant_role_that_policies_do_not_bind_is_refused() -> Outcome {
        stage::set()?;
        for (role, attribute) in [("strong", "SUPERUSER"), ("blind", "BYPASSRLS")] {
            Spi::run(&["CREATE ROLE ", role, " ", attribute].concat())?;
            Spi::run_with_args(
                "UPDATE automations.settings SET value = to_jsonb($1) WHERE name = 'tenant_role'",
                &[role.into()],
            )?;
            assert_eq!(state_of("SELECT automations.install()")?, "0P000", "{role}");
        }
        Ok(())
    }

    #[pg_test]
    fn row_security_is_enabled_and_not_forced_and_capture_works_where_somebody_forces_it() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "INSERT"}"#)?;
        assert_eq!(
            ask("SELECT count(*) FROM pg_class c WHERE c.relforcerowsecurity
                    AND (c.relnamespace = 'automations'::regnamespace OR c.oid::regclass::text LIKE 'public.automation%')")?,
            "0"
        );
        Spi::run(
            "DO $$ DECLARE t record; BEGIN
                 CREATE ROLE machine; GRANT USAGE, CREATE ON SCHEMA automations TO machine;
                 FOR t IN SELECT c.oid::regclass AS tab FROM pg_class c WHERE c.relkind = 'r'
                             AND c.relname IN ('queue', 'missed', 'listeners', 'sources')
                             AND c.relnamespace = 'automations'::regnamespace LOOP
                     EXECUTE format('ALTER TABLE %s OWNER TO machine', t.tab);
                     EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t.tab);
                 END LOOP;
             END $$",
        )?;
        stage::as_user(stage::ADA)?;
        Spi::run("INSERT INTO public.leads (user_id) VALUES ('a0000000-0000-4000-8000-0000000000a1')")?;
        stage::as_superuser()?;
        assert_eq!((count()?.as_str(), missed()?.as_str()), ("1", "0"));
        Ok(())
    }

    #[pg_test]
    fn the_extension_stays_while_triggers_depend_on_it() -> Outcome {
        stage::set()?;
        assert_eq!(state_of("DROP EXTENSION automations")?, "2BP01");
        Ok(())
    }

    #[pg_test]
    fn settings_of_an_ordinary_session_say_nothing_about_provenance() -> Outcome {
        stage::set()?;
        Spi::run(
            &[
                "SELECT set_config('automations.execution_id', '",
                stage::ALAN,
                "', true),
                           set_config('automations.depth', '3', true)",
            ]
            .concat(),
        )?;
        let started = ["SELECT automations.run('", stage::NEW_LEAD, "')"].concat();
        stage::as_user(stage::ADA)?;
        Spi::run(&started)?;
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT (caused_by, depth) FROM public.automation_executions")?,
            "(,0)"
        );
        Ok(())
    }

    /// Function by role: a anon, t the tenant role, s service_role, d automations_daemon. The owner may call all.
    const MATRIX: &str = "atsd: uuid_v7\n\
        d: account_of admit age_in_ms agent_tools all_held announce api_key become_tenant cancel_execution \
            cancel_left_children chain claim claim_in_turns claimed_user count_executions count_webhook_calls \
            create_executions create_one definition deliver_events due_runs end_captured end_due_windows end_waits end_windows \
            entry_rules event_data event_fires event_matches execution_steps finish finish_one finish_with_effect \
            fire_due fire_schedules fold_uncounted folded_change free_slots from_json full_limits hand_to_parents \
            heartbeat hold_automations hold_executions hold_host hold_parents hold_waits in_milliseconds \
            inspect interrupt is_copy is_foreign is_free is_held is_odd is_too_large keep_captured keep_changes \
            keep_occurrence keep_steps lease look maintain milliseconds_since nodes_executed outcome output_of \
            own_identifier park park_many priority_of progress provenance queue_turn \
            readiness record record_many record_with_effect refuse_child refuse_while_locked \
            release replay_change replay_missed requeue rescue resolve_trigger roles_past_policies schedules_due_in \
            set_aside set_pending show_execution snapshot start_child start_execution \
            start_listeners start_notified start_tool start_webhooks stop_leading tenant_role token_secret tools_stamp \
            unpark use_api_key wait_for_child waited waiting_accounts waiting_step wake wake_waiting webhook \
            whole_step within_limits write_steps write_waits\n\
        t: node_change node_change_statement node_columns node_fields node_find node_find_statement \
            node_insert node_insert_statement node_must_see node_order node_owner node_references node_refers \
            node_source_table node_table node_use_application_path node_where\n\
        td: last_of_tenant leave_tenant next_of_tenant node_create_booking node_db node_read \
            node_send_message node_update_lead\n\
        ts: call_tool cancel cancel_many create_api_key emit has_agent_access matching_executions \
            next_runs node_stats overview publish queue_position replay resume_many resume_waiting retry \
            retry_many run stats tools validate wait webhook_path written_here\n\
        tsd: resume uuid_at";

    #[pg_test]
    fn each_role_may_call_what_the_table_says_and_nothing_else() -> Outcome {
        stage::set()?;
        assert_eq!(
            ask("SELECT string_agg(x.who || ': ' || x.names, E'\\n' ORDER BY x.who) FROM (
                     SELECT f.who, string_agg(f.name, ' ' ORDER BY f.name COLLATE \"C\") AS names FROM (
                         SELECT DISTINCT p.proname::text AS name, concat(
                                CASE WHEN has_function_privilege('anon', p.oid, 'EXECUTE') THEN 'a' END,
                                CASE WHEN has_function_privilege('authenticated', p.oid, 'EXECUTE') THEN 't' END,
                                CASE WHEN has_function_privilege('service_role', p.oid, 'EXECUTE') THEN 's' END,
                                CASE WHEN has_function_privilege('automations_daemon', p.oid, 'EXECUTE') THEN 'd' END) AS who
                           FROM pg_proc p WHERE p.pronamespace = 'automations'::regnamespace
                             OR p.pronamespace = 'public'::regnamespace AND p.proname IN ('fire_lead_automations',
                                'fire_conversation_automations', 'update_automation_stats', 'cleanup_old_executions')) f
                      WHERE f.who <> '' GROUP BY f.who) x")?,
            MATRIX
        );
        Ok(())
    }
}
