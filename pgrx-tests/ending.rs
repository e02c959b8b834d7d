//! The end of what was a captured change until then is the same without a query (`end_captured`) as by queries, which do what
//! is not as usual.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::ends::{COMPLETED, LEASE, end, end_without};
    use crate::tests::stage::{self, ADA, ALAN, FRANCIS, NEW_LEAD, Outcome, ask};
    use pgrx::prelude::*;

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
