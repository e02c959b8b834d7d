//! Ends go by queries wherever somebody has added something to the history that these have to look at, and only there.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::ends::{COMPLETED, LEASE, end, end_without};
    use crate::tests::stage::{self, ADA, Outcome, ask};
    use pgrx::prelude::*;

    /// What happens to one that is as usual, after the tables were altered.
    fn after(alteration: &str) -> Result<String, pgrx::spi::Error> {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        Spi::run(LEASE)?;
        // what is known of the tables is known before
        stage::as_daemon()?;
        assert_eq!(end_without(COMPLETED)?, "1");
        stage::as_superuser()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        Spi::run(LEASE)?;
        Spi::run(alteration)?;
        stage::as_daemon()?;
        let without = end_without(COMPLETED)?;
        let by_queries = if without == "0" {
            end(COMPLETED)?
        } else {
            "0".to_owned()
        };
        stage::as_superuser()?;
        Ok([without, by_queries].join(" "))
    }

    #[pg_test]
    fn a_trigger_of_the_application_sees_what_ends() -> Outcome {
        let done = after(
            "CREATE TABLE public.seen (id uuid);
             GRANT ALL ON public.seen TO PUBLIC;
             CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.seen VALUES (NEW.id); RETURN NULL; END';
             CREATE TRIGGER see AFTER INSERT ON public.automation_executions FOR EACH ROW EXECUTE FUNCTION public.see()",
        )?;
        assert_eq!(done, "0 1");
        assert_eq!(ask("SELECT count(*) FROM public.seen")?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_trigger_of_one_partition_is_seen_as_well() -> Outcome {
        let done = after(
            "CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             DO $$ DECLARE leaf regclass; BEGIN
                 FOR leaf IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.automation_executions'::regclass LOOP
                     EXECUTE format('CREATE TRIGGER see BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.see()', leaf);
                 END LOOP;
             END $$",
        )?;
        assert_eq!(done, "0 1");
        Ok(())
    }

    #[pg_test]
    fn a_trigger_that_is_switched_off_is_in_nobodys_way() -> Outcome {
        let done = after(
            "CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER see BEFORE INSERT ON public.automation_executions FOR EACH ROW EXECUTE FUNCTION public.see();
             ALTER TABLE public.automation_executions DISABLE TRIGGER see",
        )?;
        assert_eq!(done, "1 0");
        Ok(())
    }

    #[pg_test]
    fn a_constraint_of_the_applications_is_kept_by_queries() -> Outcome {
        assert_eq!(
            after("ALTER TABLE public.automation_executions ADD CHECK (depth < 5)")?,
            "0 1"
        );
        Ok(())
    }

    #[pg_test]
    fn a_column_that_may_not_be_null_any_more_is_kept_so_by_queries() -> Outcome {
        let done = after(
            "DELETE FROM public.automation_executions;
             ALTER TABLE public.automation_executions ALTER COLUMN conversation_id SET NOT NULL;
             UPDATE automations.queue SET conversation_id = (SELECT c.id FROM public.conversations c
                 JOIN public.agents g ON g.id = c.agent_id JOIN public.automations a ON a.user_id = g.user_id
                WHERE a.name = 'New lead' LIMIT 1)",
        )?;
        assert_eq!(done, "0 1");
        Ok(())
    }

    #[pg_test]
    fn a_reference_of_the_applications_is_asked_by_queries() -> Outcome {
        let done = after(
            "CREATE TABLE public.types (name text PRIMARY KEY); INSERT INTO public.types VALUES ('event');
             ALTER TABLE public.automation_executions ADD FOREIGN KEY (trigger_type) REFERENCES public.types",
        )?;
        assert_eq!(done, "0 1");
        Ok(())
    }

    #[pg_test]
    fn a_rule_of_the_applications_is_passed_by_nobody() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE RULE also AS ON INSERT TO public.automation_executions DO ALSO NOTHING;
             SELECT pg_temp.queue(1)",
        )?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        assert_eq!(end_without(COMPLETED)?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_column_with_a_default_is_filled_by_queries() -> Outcome {
        let done = after(
            "ALTER TABLE public.automation_executions ADD COLUMN at timestamptz NOT NULL DEFAULT now()",
        )?;
        assert_eq!(done, "0 1");
        Ok(())
    }

    #[pg_test]
    fn a_column_of_a_type_with_rules_of_its_own_is_filled_by_queries() -> Outcome {
        let done = after(
            "CREATE DOMAIN public.region AS text DEFAULT 'north';
             ALTER TABLE public.automation_executions ADD COLUMN region public.region",
        )?;
        assert_eq!(done, "0 1");
        assert_eq!(
            ask("SELECT count(*) FROM public.automation_executions WHERE region = 'north'")?,
            "2"
        );
        Ok(())
    }

    #[pg_test]
    fn a_policy_that_restricts_is_for_queries_to_ask() -> Outcome {
        let policy = "CREATE POLICY never ON public.automation_executions AS RESTRICTIVE FOR INSERT WITH CHECK (false)";
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        Spi::run(LEASE)?;
        Spi::run(policy)?;
        stage::as_daemon()?;
        assert_eq!(end_without(COMPLETED)?, "0");
        let by_queries =
            "SELECT automations.finish(array_agg(q.account_id), array_agg(q.id), array_agg(q.lease_token),
                              '[{\"status\": \"completed\"}]') FROM automations.queue q";
        assert_eq!(stage::state_of(by_queries)?, "42501");
        Ok(())
    }

    #[pg_test]
    fn the_policy_of_the_daemon_says_which_rows_it_may_touch() -> Outcome {
        for (table, command) in [
            ("automations.queue", "USING"),
            ("public.automation_executions", "WITH CHECK"),
        ] {
            stage::set()?;
            Spi::run("SELECT pg_temp.queue(1)")?;
            Spi::run(LEASE)?;
            Spi::run(&format!(
                "ALTER POLICY \"the daemon works for all accounts\" ON {table} {command} (account_id <> '{ADA}')"
            ))?;
            let one = "SELECT cardinality(automations.end_captured(ARRAY[$1], ARRAY[$2], ARRAY[$3], $4))";
            let row = Spi::get_three::<pgrx::Uuid, pgrx::Uuid, pgrx::Uuid>(
                "SELECT q.account_id, q.id, q.lease_token FROM automations.queue q",
            )?;
            stage::as_daemon()?;
            let ended = Spi::get_one_with_args::<i32>(
                one,
                &[
                    row.0.into(),
                    row.1.into(),
                    row.2.into(),
                    pgrx::JsonB(serde_json::json!([{"status": "completed"}])).into(),
                ],
            )?;
            assert_eq!(ended, Some(0), "{table}");
            stage::as_superuser()?;
            Spi::run(&format!(
                "ALTER POLICY \"the daemon works for all accounts\" ON {table} USING (true) WITH CHECK (true)"
            ))?;
            stage::clear()?;
        }
        Ok(())
    }

    #[pg_test]
    fn a_second_reference_of_a_lead_is_asked_by_queries() -> Outcome {
        let done = after(
            "CREATE TABLE public.people (id uuid PRIMARY KEY);
             INSERT INTO public.people SELECT id FROM public.leads;
             ALTER TABLE public.automation_executions ADD CONSTRAINT zz FOREIGN KEY (lead_id) REFERENCES public.people (id)",
        )?;
        assert_eq!(done, "0 1");
        Ok(())
    }

    #[pg_test]
    fn who_may_not_insert_executions_or_read_the_queue_does_so_by_no_other_way() -> Outcome {
        for revoked in [
            "INSERT ON public.automation_executions",
            "DELETE ON automations.queue",
            "SELECT ON automations.queue",
        ] {
            stage::set()?;
            Spi::run("SELECT pg_temp.queue(1)")?;
            Spi::run(LEASE)?;
            Spi::run(&format!("REVOKE {revoked} FROM automations_daemon"))?;
            let one = ask("SELECT format('ARRAY[%L]::uuid[], ARRAY[%L]::uuid[], ARRAY[%L]::uuid[]', q.account_id, q.id, q.lease_token)
                             FROM automations.queue q")?;
            stage::as_daemon()?;
            let call = [
                "SELECT cardinality(automations.end_captured(",
                &one,
                ", '",
                COMPLETED,
                "'))",
            ]
            .concat();
            assert_eq!(ask(&call)?, "0", "{revoked}");
            stage::as_superuser()?;
            assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "1", "{revoked}");
            Spi::run(&format!("GRANT {revoked} TO automations_daemon"))?;
            stage::clear()?;
        }
        Ok(())
    }

    #[pg_test]
    fn a_table_of_the_application_that_was_renamed_keeps_nothing_else_from_ending() -> Outcome {
        let done = after(
            "ALTER TABLE public.leads RENAME TO contacts;
             UPDATE automations.queue SET lead_id = NULL",
        )?;
        assert_eq!(done, "1 0");
        Ok(())
    }

    #[pg_test]
    fn a_column_that_is_computed_is_computed_by_queries() -> Outcome {
        let done = after(
            "ALTER TABLE public.automation_executions
                 ADD COLUMN more integer GENERATED ALWAYS AS (duration_ms + 1) STORED",
        )?;
        assert_eq!(done, "0 1");
        assert_eq!(
            ask(
                "SELECT count(*) FROM public.automation_executions WHERE more IS DISTINCT FROM duration_ms + 1"
            )?,
            "0"
        );
        Ok(())
    }

    #[pg_test]
    fn a_column_without_one_holds_nothing_and_needs_no_query() -> Outcome {
        let done = after(
            "ALTER TABLE public.automation_executions ADD COLUMN gone integer, ADD COLUMN note text;
             ALTER TABLE public.automation_executions DROP COLUMN gone",
        )?;
        assert_eq!(done, "1 0");
        assert_eq!(
            ask("SELECT count(*) FROM public.automation_executions WHERE note IS NULL")?,
            "2"
        );
        Ok(())
    }

    #[pg_test]
    fn an_index_of_the_applications_finds_it_and_a_unique_one_refuses_it() -> Outcome {
        let done = after(
            "CREATE INDEX by_ms ON public.automation_executions (lower(trigger_type), duration_ms) WHERE depth >= 0",
        )?;
        assert_eq!(done, "1 0");
        Spi::run("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")?;
        let found = "SELECT count(*) FROM public.automation_executions
                      WHERE lower(trigger_type) = 'event' AND depth >= 0";
        assert_eq!(ask(found)?, "2");
        Spi::run(
            "CREATE UNIQUE INDEX once ON public.automation_executions (id, trigger_type);
             SELECT pg_temp.queue(1);
             UPDATE automations.queue SET id = (SELECT max(id::text)::uuid FROM public.automation_executions)",
        )?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        let twice = "SELECT automations.end_captured(array_agg(q.account_id), array_agg(q.id), array_agg(q.lease_token),
                         ''[{\"status\": \"completed\"}]'') FROM automations.queue q";
        assert_eq!(stage::state_of(&twice.replace("''", "'"))?, "23505");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "1");
        Ok(())
    }
}
