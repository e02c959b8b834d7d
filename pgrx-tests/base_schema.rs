//! install() on a database that runs the base schema already, with rows in it.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// The base schema as CONTRACT section 7 has it: row triggers, six policies (one with a hole), rows, and an
    /// application's own column, policy and grant.
    fn base() -> Outcome {
        Spi::run(
            "CREATE FUNCTION pg_temp.state_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN EXECUTE statement; RETURN '00000'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
             DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             CREATE ROLE reporter;
             CREATE TABLE public.agents (id uuid PRIMARY KEY, user_id uuid NOT NULL);
             CREATE TABLE public.leads (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL);
             CREATE TABLE public.conversations (id uuid PRIMARY KEY, agent_id uuid NOT NULL REFERENCES public.agents);
             CREATE FUNCTION public.has_account_access(user_id uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
             CREATE TABLE public.automations (
                 id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                 agent_id uuid NOT NULL REFERENCES public.agents ON DELETE CASCADE, user_id uuid NOT NULL,
                 name text NOT NULL, description text, icon text DEFAULT 'Zap', color text DEFAULT 'blue',
                 status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'paused', 'error')),
                 enabled boolean NOT NULL DEFAULT false,
                 trigger_type text NOT NULL CHECK (trigger_type IN ('event', 'schedule', 'manual', 'ai_tool')),
                 trigger_config jsonb NOT NULL DEFAULT '{}', nodes jsonb NOT NULL DEFAULT '[]',
                 edges jsonb NOT NULL DEFAULT '[]', viewport jsonb DEFAULT '{\"x\":0,\"y\":0,\"zoom\":1}',
                 execution_count integer NOT NULL DEFAULT 0, last_executed_at timestamptz, last_execution_status text,
                 created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
             CREATE TABLE public.automation_executions (
                 id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                 automation_id uuid NOT NULL REFERENCES public.automations ON DELETE CASCADE,
                 trigger_type text NOT NULL, trigger_data jsonb, status text NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
                 nodes_executed jsonb DEFAULT '[]', variables jsonb DEFAULT '{}', error text, error_node_id text,
                 started_at timestamptz NOT NULL DEFAULT now(), completed_at timestamptz, duration_ms integer,
                 test_mode boolean NOT NULL DEFAULT false, triggered_by uuid,
                 lead_id uuid REFERENCES public.leads ON DELETE SET NULL,
                 conversation_id uuid REFERENCES public.conversations ON DELETE SET NULL, mark text DEFAULT 'mine');
             CREATE INDEX idx_executions_status ON public.automation_executions (status);
             ALTER TABLE public.automations ENABLE ROW LEVEL SECURITY;
             ALTER TABLE public.automation_executions ENABLE ROW LEVEL SECURITY;
             CREATE POLICY \"Users can update automations in their account\" ON public.automations FOR UPDATE
                 USING (true);
             CREATE POLICY \"Users can view executions for their automations\" ON public.automation_executions
                 FOR SELECT USING (true);
             CREATE POLICY \"reporters read\" ON public.automation_executions FOR SELECT TO reporter
                 USING (status = 'completed');
             GRANT SELECT ON public.automation_executions TO reporter;
             GRANT UPDATE (mark) ON public.automation_executions TO reporter;
             CREATE FUNCTION public.fire_lead_automations() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
                 'BEGIN INSERT INTO public.automation_executions (automation_id, trigger_type)
                        SELECT id, ''event'' FROM public.automations; RETURN NULL; END';
             CREATE TRIGGER on_lead AFTER INSERT OR UPDATE ON public.leads FOR EACH ROW
                 EXECUTE FUNCTION public.fire_lead_automations();
             CREATE FUNCTION public.update_automation_stats() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN UPDATE public.automations SET execution_count = execution_count + 1; RETURN NEW; END';
             CREATE TRIGGER stats AFTER UPDATE ON public.automation_executions FOR EACH ROW
                 EXECUTE FUNCTION public.update_automation_stats();
             INSERT INTO public.agents VALUES ('a0000000-0000-4000-8000-000000000010',
                 'a0000000-0000-4000-8000-0000000000a1');
             INSERT INTO public.automations (agent_id, user_id, name, status, enabled, trigger_type, trigger_config, nodes)
             VALUES ('a0000000-0000-4000-8000-000000000010', 'a0000000-0000-4000-8000-0000000000a1', 'old', 'active',
                 true, 'event', '{\"event_source\": \"lead\", \"event_type\": \"INSERT\"}',
                 '[{\"id\": \"t\", \"type\": \"trigger-event\", \"position\": {\"x\": 0, \"y\": 0}, \"data\": {}}]');
             INSERT INTO public.leads (user_id) VALUES ('a0000000-0000-4000-8000-0000000000a1');
             INSERT INTO public.automation_executions (id, automation_id, trigger_type, status)
             SELECT automations.uuid_v7(), id, 'event', 'pending' FROM public.automations",
        )
    }

    #[pg_test]
    fn the_rows_stay_and_nothing_old_is_queued() -> Outcome {
        base()?;
        Spi::run("SELECT automations.install(); SELECT automations.install()")?;
        assert_eq!(
            ask("SELECT (count(*), count(*) FILTER (WHERE status = 'pending' AND mark = 'mine'
                     AND account_id = 'a0000000-0000-4000-8000-0000000000a1')) FROM public.automation_executions")?,
            "(2,2)"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn the_row_triggers_are_gone_and_a_lead_is_heard_once() -> Outcome {
        base()?;
        Spi::run(
            "SELECT automations.install();
             INSERT INTO public.leads (user_id) VALUES ('a0000000-0000-4000-8000-0000000000a1')",
        )?;
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "1");
        assert_eq!(ask("SELECT count(*) FROM public.automation_executions")?, "2");
        Spi::run(
            "UPDATE public.automation_executions SET status = 'running';
                  UPDATE public.automation_executions SET status = 'completed'",
        )?;
        assert_eq!(ask("SELECT execution_count FROM public.automations")?, "2");
        Ok(())
    }

    #[pg_test]
    fn the_holes_are_closed_and_what_is_the_applications_is_kept() -> Outcome {
        base()?;
        Spi::run("SELECT automations.install()")?;
        assert_eq!(
            ask(
                "SELECT count(*) FROM pg_policy p WHERE pg_get_expr(p.polqual, p.polrelid) = 'true'
                    AND p.polroles = '{0}' AND p.polrelid IN ('public.automations'::regclass,
                        'public.automation_executions'::regclass)"
            )?,
            "0"
        );
        assert_eq!(
            ask("SELECT string_agg(p.polname || p.polroles[1]::regrole, ' ') FROM pg_policy p
                  WHERE p.polrelid = 'public.automation_executions'::regclass AND p.polname = 'reporters read'")?,
            "reporters readreporter"
        );
        assert_eq!(
            ask(
                "SELECT (has_table_privilege('reporter', 'public.automation_executions', 'SELECT'),
                         has_column_privilege('reporter', 'public.automation_executions', 'mark', 'UPDATE'),
                         has_table_privilege('reporter', 'automations.executions_default', 'SELECT'))"
            )?,
            "(t,t,f)"
        );
        assert_eq!(
            state_of("UPDATE public.automations SET status = 'archived'")?,
            "00000"
        );
        assert_eq!(
            state_of("UPDATE public.automation_executions SET status = 'waiting'")?,
            "00000"
        );
        Ok(())
    }

    #[pg_test]
    fn what_hangs_on_the_old_table_is_listed_and_nothing_is_changed() -> Outcome {
        base()?;
        Spi::run(
            "CREATE VIEW public.report AS SELECT id FROM public.automation_executions;
             CREATE TABLE public.audit (execution_id uuid REFERENCES public.automation_executions);
             CREATE FUNCTION pg_temp.said() RETURNS text LANGUAGE plpgsql AS $$
             BEGIN PERFORM automations.install(); RETURN 'installed'; EXCEPTION WHEN OTHERS THEN
                 RETURN SQLSTATE || SQLERRM; END $$",
        )?;
        let said = ask("SELECT pg_temp.said()")?;
        assert!(said.starts_with("2BP01"), "{said}");
        assert!(
            said.contains("view public.report") && said.contains("of public.audit"),
            "{said}"
        );
        assert_eq!(
            ask("SELECT relkind FROM pg_class WHERE oid = 'public.automation_executions'::regclass")?,
            "r"
        );
        Ok(())
    }

    #[pg_test]
    fn a_running_row_of_before_is_never_rescued_or_queued_and_a_mismatched_agent_is_kept() -> Outcome {
        base()?;
        Spi::run(
            "UPDATE public.automation_executions SET status = 'running';
             ALTER TABLE public.automations DISABLE TRIGGER USER;
             UPDATE public.automations SET user_id = 'b0000000-0000-4000-8000-0000000000b1';
             SELECT automations.install()",
        )?;
        assert_eq!(
            ask("SELECT automations.rescue() + automations.rescue_strays()")?,
            "0"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        assert_eq!(
            ask(
                "SELECT (count(*), bool_and(status = 'active' AND user_id::text LIKE 'b0%')) FROM public.automations"
            )?,
            "(1,t)"
        );
        Ok(())
    }

    /// What can be seen of our tables in public and the default partition, without names of indexes and foreign keys.
    const SHAPE: &str = "SELECT string_agg(x, E'\\n' ORDER BY x COLLATE \"C\") FROM (
        SELECT 'column ' || concat_ws(' ', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
               a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) AS x
          FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = ANY ($tabs) AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'mark'
        UNION ALL
        SELECT 'constraint ' || c.conrelid::regclass || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c
         WHERE c.conrelid = ANY ($tabs)
        UNION ALL
        SELECT 'index ' || i.indrelid::regclass || regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING', '')
          FROM pg_index i WHERE i.indrelid = ANY ($tabs)
        UNION ALL
        SELECT 'policy ' || concat_ws(' ', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive, p.polroles,
               pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
          FROM pg_policy p WHERE p.polrelid = ANY ($tabs) AND p.polname <> 'reporters read'
        UNION ALL
        SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger t
         WHERE t.tgrelid = ANY ($tabs) AND NOT t.tgisinternal) s (x)";

    #[pg_test]
    fn a_schema_that_was_taken_in_equals_a_fresh_one() -> Outcome {
        base()?;
        let shape = SHAPE.replace(
            "$tabs",
            "ARRAY['public.automations', 'public.automation_executions', 'automations.executions_default',
                   'public.automation_versions', 'public.leads', 'public.conversations']::regclass[]",
        );
        Spi::run("SELECT automations.install()")?;
        let taken_in = ask(&shape)?;
        Spi::run("SELECT automations.uninstall(); SELECT automations.install()")?;
        let fresh = ask(&shape)?;
        let only = |one: &str, other: &str| {
            let lines = one
                .lines()
                .filter(|line| !other.lines().any(|known| known == *line));
            lines.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            (only(&taken_in, &fresh), only(&fresh, &taken_in)),
            (String::new(), String::new())
        );
        Ok(())
    }
}
