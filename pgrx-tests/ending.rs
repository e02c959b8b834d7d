//! The end of what was a captured change until then is the same without a query (`end_captured`) as by queries, and goes by
//! queries wherever somebody has added something to the history.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, ADA, ALAN, FRANCIS, NEW_LEAD, Outcome, ask};
    use pgrx::prelude::*;

    /// Ends all that is in the queue, in its order, with results[1], results[2] ... of a list.
    fn end(results: &str) -> Result<String, pgrx::spi::Error> {
        ask(&["SELECT count(w) FROM (SELECT array_agg(q.account_id ORDER BY q.id) a, array_agg(q.id ORDER BY q.id) i,
                    array_agg(q.lease_token ORDER BY q.id) t FROM automations.queue q) g,
                    automations.finish(g.a, g.i, g.t, '", results, "') w"].concat())
    }

    /// How many of them end without a query.
    fn end_without(results: &str) -> Result<String, pgrx::spi::Error> {
        ask(&[
            "SELECT cardinality(automations.end_captured(g.a, g.i, g.t, '",
            results,
            "'))
                 FROM (SELECT array_agg(q.account_id ORDER BY q.id) a, array_agg(q.id ORDER BY q.id) i,
                              array_agg(q.lease_token ORDER BY q.id) t FROM automations.queue q) g",
        ]
        .concat())
    }

    const COMPLETED: &str = r#"[{"status": "completed", "nodes_executed": [{"node_id": "n"}]}]"#;

    /// One of each: what the change may hold, and what it may have come to.
    const CHANGES: &str = "
        INSERT INTO automations.queue (account_id, id, automation_id, version, trigger_type, trigger_data, lead_id,
            conversation_id, caused_by, depth, test_mode, occurred_at, steps)
        SELECT a.user_id, automations.uuid_at(clock_timestamp() + c.n * interval '1 ms'), a.id,
               CASE WHEN c.n <> 2 THEN a.version END, 'event', c.data, c.lead, c.conversation, c.cause, c.n, c.test, c.at,
               c.steps
          FROM public.automations a, (VALUES
            (1, '{\"event\": \"INSERT\"}'::jsonb, '$ALAN'::uuid, NULL::uuid, NULL::uuid, false, now(), NULL::jsonb),
            (2, NULL, NULL, NULL, gen_random_uuid(), false, now() - interval '40 days', NULL),
            (3, jsonb_build_object('long', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 900) i)),
                '$ALAN', (SELECT id FROM public.conversations WHERE agent_id IN
                    (SELECT id FROM public.agents WHERE user_id = '$ADA') ORDER BY id LIMIT 1), NULL, false,
                now() + interval '1 hour', '[{\"node_id\": \"kept\"}]'),
            (4, '[]', NULL, NULL, NULL, true, '-infinity', '[{\"node_id\": \"kept\"}]'),
            (5, '{}', '$FRANCIS', NULL, NULL, false, now(), NULL),
            (6, '{}', gen_random_uuid(), NULL, NULL, false, now(), NULL),
            (7, '{}', '$ALAN', NULL, NULL, false, now(), NULL),
            (8, '{}', '$ALAN', NULL, NULL, false, now(), NULL)
          ) AS c (n, data, lead, conversation, cause, test, at, steps)
         WHERE a.id = '$NEW_LEAD'";
    const RESULTS: &str = r#"[
        {"status": "completed", "output_line": 1, "variables": {"x": [1, 2.50, "é"]}, "error": null, "steps": [],
         "nodes_executed": [{"node_id": "a"}, {"node_id": "b", "output": {"deep": {"er": [true, null]}}}]},
        {"status": "failed", "error": "no", "error_code": "node_failed", "error_node_id": "n", "steps": null},
        {"status": "completed", "output": null, "output_line": 0, "nodes_executed": [{"output": 1}]},
        {"status": "completed", "output": "text", "variables": null, "nodes_executed": null,
         "steps": [{"node_id": "b", "line": 0}]},
        {"status": "cancelled", "output_line": 0, "nodes_executed": [{"node_id": "a"}]},
        {"status": "failed", "error": "", "error_code": "interrupted", "output": {}},
        {"status": "completed", "output_line": null, "nodes_executed": []},
        {"status": "completed", "output": false, "error_node_id": null, "nodes_executed": [1]}]"#;
    const ROWS: &str = "
        SELECT jsonb_pretty(jsonb_agg(to_jsonb(e) - '{id,started_at,completed_at,duration_ms,caused_by,x}'::text[]
                   || jsonb_build_object(
                       'began', date_trunc('hour', e.started_at), 'caused', e.caused_by IS NOT NULL,
                       'ended', e.completed_at >= e.started_at, 'late', e.completed_at > clock_timestamp(),
                       'ms', CASE WHEN e.duration_ms < 600000 THEN 0 ELSE e.duration_ms / 600000 END) ORDER BY e.depth))
               || (SELECT (a.execution_count, a.last_execution_status, a.failures_in_a_row)
                     FROM public.automations a WHERE a.id = '$NEW_LEAD')
          FROM public.automation_executions e";

    fn filled(sql: &str) -> String {
        sql.replace("$ADA", ADA)
            .replace("$ALAN", ALAN)
            .replace("$FRANCIS", FRANCIS)
            .replace("$NEW_LEAD", NEW_LEAD)
    }

    fn ended(prepare: &str) -> Result<String, pgrx::spi::Error> {
        stage::set()?;
        Spi::run(prepare)?;
        Spi::run(
            "DELETE FROM public.automation_executions; UPDATE public.automations SET execution_count = 0,
                      last_executed_at = NULL, last_execution_status = NULL, failures_in_a_row = 0",
        )?;
        Spi::run(&filled(CHANGES))?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        assert_eq!(end(RESULTS)?, "8");
        stage::as_superuser()?;
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        let rows = ask(&filled(ROWS))?;
        stage::clear()?;
        Ok(rows)
    }

    const LEASE: &str = "UPDATE automations.queue SET lease_token = '11111111-1111-4111-8111-111111111111',
                             lease_until = clock_timestamp() + interval '1 hour'";

    #[pg_test]
    fn rows_that_end_without_a_query_are_those_that_end_by_queries() -> Outcome {
        let without = ended("")?;
        // a column with a default is none of ours
        let by_queries = ended("ALTER TABLE public.automation_executions ADD COLUMN x integer DEFAULT 1")?;
        assert!(
            without.contains(r#""er": ["#) && without.contains("node_failed"),
            "{without}"
        );
        assert_eq!(without, by_queries);
        Ok(())
    }

    #[pg_test]
    fn each_of_them_that_is_as_usual_needs_no_query() -> Outcome {
        stage::set()?;
        Spi::run(&filled(CHANGES))?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        // one has a lead of somebody else's, and one a lead that is not there
        assert_eq!(end_without(RESULTS)?, "6");
        assert_eq!(
            ask("SELECT string_agg(q.depth::text, ' ' ORDER BY q.depth) FROM automations.queue q")?,
            "5 6"
        );
        Ok(())
    }

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

    #[pg_test]
    fn each_goes_into_the_partition_that_its_id_belongs_to() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(4);
             UPDATE automations.queue q SET id = n.id
               FROM (SELECT ctid, (ARRAY[automations.uuid_at('2001-01-01'), automations.uuid_v7(),
                                         automations.uuid_at(now() + interval '9 days'), automations.uuid_at('2099-01-01')]
                                  )[row_number() OVER ()] AS id FROM automations.queue) n
              WHERE q.ctid = n.ctid",
        )?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        let four = format!("[{}]", [&COMPLETED[1..COMPLETED.len() - 1]; 4].join(", "));
        assert_eq!(end_without(&four)?, "4");
        stage::as_superuser()?;
        let places = "SELECT string_agg(DISTINCT e.tableoid::regclass::text, ' ') FROM public.automation_executions e
                       WHERE e.id = ANY (ARRAY[automations.uuid_at('2001-01-01'), automations.uuid_at('2099-01-01')])";
        // by key each is found where the planner looks for it
        assert_eq!(
            ask(
                "SELECT count(*) FROM (SELECT e.id FROM public.automation_executions e) e
                  WHERE (SELECT count(*) FROM public.automation_executions x WHERE x.id = e.id) = 1"
            )?,
            "4"
        );
        assert!(ask(places).is_ok());
        // and a partition that is made for an id takes it from then on
        Spi::run(
            "CREATE TABLE automations.far PARTITION OF public.automation_executions
                 FOR VALUES FROM ('0f000000-0000-7000-8000-000000000000') TO ('0f100000-0000-7000-8000-000000000000');
             SELECT pg_temp.queue(1);
             UPDATE automations.queue SET id = '0f000000-0000-7000-8000-000000000001'",
        )?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        assert_eq!(end_without(COMPLETED)?, "1");
        stage::as_superuser()?;
        assert_eq!(ask("SELECT count(*) FROM automations.far")?, "1");
        Ok(())
    }

    #[pg_test]
    fn what_is_no_result_is_left_alone() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        for results in [
            "null",
            "{}",
            "7",
            "[]",
            "[7]",
            "[[]]",
            r#"[{}]"#,
            r#"[{"status": "running"}]"#,
            r#"[{"status": 1}]"#,
            r#"[{"status": "completed", "error": 1}]"#,
            r#"[{"status": "completed", "output_line": 3, "nodes_executed": [1]}]"#,
            r#"[{"status": "completed", "output_line": "x", "nodes_executed": [1]}]"#,
        ] {
            assert_eq!(end_without(results)?, "0", "{results}");
        }
        assert_eq!(end_without(COMPLETED)?, "1");
        Ok(())
    }

    #[pg_test]
    fn what_holds_a_place_of_a_limit_gives_it_back() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(1);
             INSERT INTO automations.in_flight (execution_id, account_id, automation_id, token)
             SELECT q.id, q.account_id, q.automation_id, gen_random_uuid() FROM automations.queue q",
        )?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        assert_eq!(end_without(COMPLETED)?, "1");
        stage::as_superuser()?;
        assert_eq!(ask("SELECT count(*) FROM automations.in_flight")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_change_that_is_kept_for_replay_is_kept_by_queries() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1); UPDATE automations.listeners SET keep = true")?;
        Spi::run(LEASE)?;
        stage::as_daemon()?;
        assert_eq!(end_without(COMPLETED)?, "0");
        assert_eq!(end(COMPLETED)?, "1");
        stage::as_superuser()?;
        assert_eq!(ask("SELECT count(*) FROM public.automation_events")?, "1");
        Ok(())
    }

    #[pg_test]
    fn with_a_snapshot_of_the_whole_transaction_queries_do_it() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        Spi::run(LEASE)?;
        Spi::run("SET LOCAL transaction_read_only = on")?;
        assert_eq!(end_without(COMPLETED)?, "0");
        Ok(())
    }
}
