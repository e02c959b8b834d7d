//! Capture of each kind of write: the number of executions that it gives, and what they say.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::hearing::{count, hear, heard, missed};
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    const ANY: &str = r#"{"event_source": "lead", "event_type": "any"}"#;

    fn insert(n: i32) -> Outcome {
        Spi::run_with_args(
            "INSERT INTO public.leads (id, user_id, name)
             SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, $2::uuid, 'lead ' || i
               FROM generate_series(1, $1) i",
            &[n.into(), stage::ADA.into()],
        )
    }

    #[pg_test]
    fn an_insert_of_many_rows_is_heard_once_for_each() -> Outcome {
        hear(ANY)?;
        insert(1000)?;
        assert_eq!(count()?, "1000");
        assert_eq!(
            ask("SELECT (q.lead_id, q.trigger_data #>> '{new,name}', q.trigger_data ->> 'old', q.depth, q.version,
                         q.trigger_data ->> 'source', q.trigger_data ->> 'table')
                   FROM automations.queue q ORDER BY q.id LIMIT 1")?,
            "(00000000-0000-4000-8000-000000000001,\"lead 1\",,0,1,lead,leads)"
        );
        Ok(())
    }

    #[pg_test]
    fn an_update_says_what_was_what_is_and_what_changed() -> Outcome {
        hear(ANY)?;
        insert(2)?;
        Spi::run("DELETE FROM automations.queue")?;
        Spi::run("UPDATE public.leads SET status = 'hot', score = score WHERE name LIKE 'lead %'")?;
        assert_eq!(
            ask("SELECT string_agg((q.trigger_data #>> '{old,status}') || '>' || (q.trigger_data #>> '{new,status}')
                     || (q.trigger_data ->> 'changed'), ' ') FROM automations.queue q")?,
            "new>hot[\"status\"] new>hot[\"status\"]"
        );
        Ok(())
    }

    #[pg_test]
    fn a_row_that_changes_hands_does_not_show_what_it_was() -> Outcome {
        hear(ANY)?;
        Spi::run_with_args(
            "INSERT INTO public.leads (user_id, name, notes) VALUES ($1::uuid, 'lead', 'of Bob')",
            &[stage::BOB.into()],
        )?;
        Spi::run_with_args(
            "UPDATE public.leads SET user_id = $1::uuid, notes = NULL WHERE notes = 'of Bob'",
            &[stage::ADA.into()],
        )?;
        assert_eq!(
            ask(
                "SELECT (count(*), min(q.trigger_data ->> 'old'), bool_or(q.trigger_data::text ~ 'of Bob'),
                         min(q.trigger_data ->> 'changed')) FROM automations.queue q"
            )?,
            "(1,,f,\"[\"\"user_id\"\", \"\"notes\"\"]\")"
        );
        Ok(())
    }

    #[pg_test]
    fn a_delete_keeps_the_old_row_and_names_no_lead() -> Outcome {
        hear(ANY)?;
        insert(1)?;
        Spi::run("DELETE FROM automations.queue; DELETE FROM public.leads WHERE name = 'lead 1'")?;
        assert_eq!(
            ask("SELECT (q.trigger_data ->> 'event', q.trigger_data #>> '{old,name}', q.trigger_data ->> 'new',
                         q.lead_id) FROM automations.queue q")?,
            "(DELETE,\"lead 1\",,)"
        );
        Ok(())
    }

    #[pg_test]
    fn a_statement_that_changes_nothing_is_not_heard() -> Outcome {
        hear(ANY)?;
        Spi::run("UPDATE public.leads SET name = 'x' WHERE false; DELETE FROM public.leads WHERE false")?;
        assert_eq!(count()?, "0");
        Ok(())
    }

    #[pg_test]
    fn other_accounts_rows_are_not_heard() -> Outcome {
        hear(ANY)?;
        Spi::run_with_args(
            "UPDATE public.leads SET name = 'x' WHERE user_id = $1::uuid",
            &[stage::BOB.into()],
        )?;
        assert_eq!(count()?, "0");
        Ok(())
    }

    #[pg_test]
    fn an_upsert_is_an_insert_or_an_update_for_each_row() -> Outcome {
        hear(ANY)?;
        insert(1)?;
        Spi::run("DELETE FROM automations.queue")?;
        Spi::run(
            "INSERT INTO public.leads AS l (id, user_id, name)
             SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid,
                    'a0000000-0000-4000-8000-0000000000a1', 'again' FROM generate_series(1, 2) i
             ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        )?;
        let mut events: Vec<String> = heard()?.split(' ').map(str::to_owned).collect();
        events.sort();
        assert_eq!(events, ["INSERT[]", "UPDATE[\"name\"]"]);
        Spi::run(
            "DELETE FROM automations.queue;
             INSERT INTO public.leads (id, user_id) SELECT l.id, l.user_id FROM public.leads l
             ON CONFLICT (id) DO NOTHING",
        )?;
        assert_eq!(count()?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_merge_is_heard_by_each_of_its_actions() -> Outcome {
        hear(ANY)?;
        insert(2)?;
        Spi::run("DELETE FROM automations.queue")?;
        Spi::run(
            "MERGE INTO public.leads l
             USING (SELECT i, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid AS id
                      FROM generate_series(1, 3) i) s ON l.id = s.id
             WHEN MATCHED AND s.i = 1 THEN UPDATE SET score = 7
             WHEN MATCHED THEN DELETE
             WHEN NOT MATCHED THEN INSERT (id, user_id) VALUES (s.id, 'a0000000-0000-4000-8000-0000000000a1')",
        )?;
        let mut events: Vec<String> = heard()?.split(' ').map(str::to_owned).collect();
        events.sort();
        assert_eq!(events, ["DELETE[]", "INSERT[]", "UPDATE[\"score\"]"]);
        Ok(())
    }

    #[pg_test]
    fn copy_is_heard_and_truncate_is_not() -> Outcome {
        hear(ANY)?;
        Spi::run(
            "COPY public.leads (user_id, name) FROM PROGRAM
                 'for i in 1 2 3; do echo a0000000-0000-4000-8000-0000000000a1,copy; done' WITH (FORMAT csv)",
        )?;
        assert_eq!(heard()?, "INSERT[] INSERT[] INSERT[]");
        Spi::run(
            "DELETE FROM automations.queue;
             CREATE TABLE public.notes (id int, user_id uuid);
             SELECT automations.watch('public.notes', 'note');
             TRUNCATE public.notes",
        )?;
        assert_eq!(count()?, "0");
        Ok(())
    }

    #[pg_test]
    fn what_a_savepoint_takes_back_is_not_heard() -> Outcome {
        hear(ANY)?;
        Spi::run(
            "DO $$ BEGIN
                 BEGIN
                     INSERT INTO public.leads (user_id) VALUES ('a0000000-0000-4000-8000-0000000000a1');
                     RAISE EXCEPTION 'no';
                 EXCEPTION WHEN raise_exception THEN NULL;
                 END;
                 INSERT INTO public.leads (user_id, name) VALUES ('a0000000-0000-4000-8000-0000000000a1', 'kept');
             END $$",
        )?;
        assert_eq!(
            ask("SELECT string_agg(q.trigger_data #>> '{new,name}', ' ') FROM automations.queue q")?,
            "kept"
        );
        Ok(())
    }

    #[pg_test]
    fn nothing_is_heard_under_the_replica_role() -> Outcome {
        hear(ANY)?;
        Spi::run("SET LOCAL session_replication_role = replica")?;
        insert(1)?;
        assert_eq!(count()?, "0");
        Ok(())
    }

    #[pg_test]
    fn columns_and_conditions_decide() -> Outcome {
        hear(
            r#"{"event_source": "lead", "event_type": "UPDATE", "columns": ["status"],
                "conditions": {"rules": [{"field": "new.score", "operator": "gte", "value": 10}], "logic": "and"}}"#,
        )?;
        insert(2)?;
        Spi::run("UPDATE public.leads SET score = 10 WHERE name = 'lead 1'")?;
        assert_eq!(count()?, "0");
        Spi::run("UPDATE public.leads SET status = 'hot' WHERE name LIKE 'lead %'")?;
        assert_eq!(
            ask("SELECT string_agg(q.trigger_data #>> '{new,name}', ' ') FROM automations.queue q")?,
            "lead 1"
        );
        Ok(())
    }

    #[pg_test]
    fn a_draft_is_silent_and_one_in_error_goes_on_listening() -> Outcome {
        hear(ANY)?;
        for (status, expected) in [
            ("paused", "0"),
            ("archived", "0"),
            ("draft", "0"),
            ("error", "1"),
            ("active", "1"),
        ] {
            Spi::run_with_args(
                "UPDATE public.automations SET status = $1 WHERE name = 'ear'",
                &[status.into()],
            )?;
            Spi::run(
                "DELETE FROM automations.queue; DELETE FROM public.leads WHERE name = 'lead 1';
                      DELETE FROM automations.queue",
            )?;
            insert(1)?;
            assert_eq!(count()?, expected, "{status}");
        }
        Ok(())
    }

    #[pg_test]
    fn conversations_are_found_by_their_agents_owner() -> Outcome {
        hear(r#"{"event_source": "conversation", "event_type": "any"}"#)?;
        Spi::run("UPDATE public.conversations SET status = 'closed'")?;
        assert_eq!(
            ask(
                "SELECT (count(*), min(q.conversation_id::text), min(q.lead_id::text)) FROM automations.queue q"
            )?,
            "(1,a0000000-0000-4000-8000-000000000031,a0000000-0000-4000-8000-000000000021)"
        );
        // In a cascade the agent is gone already, and nobody can say whose the conversation was.
        Spi::run("DELETE FROM automations.queue; DELETE FROM public.agents")?;
        assert_eq!((count()?.as_str(), missed()?.as_str()), ("0", "0"));
        Ok(())
    }

    #[pg_test]
    fn what_an_automation_writes_names_its_execution_and_a_depth() -> Outcome {
        hear(ANY)?;
        Spi::run("GRANT authenticated TO automations_daemon")?;
        stage::as_tenant(stage::ADA)?;
        Spi::run("SELECT set_config('automations.depth', '2', true)")?;
        insert(1)?;
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT (q.caused_by IS NOT NULL, q.depth) FROM automations.queue q")?,
            "(t,3)"
        );
        // Anybody can set the settings; they count for the daemon only.
        Spi::run("DELETE FROM automations.queue; UPDATE public.leads SET score = 1 WHERE name = 'lead 1'")?;
        assert_eq!(
            ask("SELECT (q.caused_by IS NOT NULL, q.depth) FROM automations.queue q")?,
            "(f,0)"
        );
        Ok(())
    }

    #[pg_test]
    fn capture_finds_who_listens_by_index_also_while_its_tables_are_small() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "INSERT"}"#)?;
        let scans = "SELECT string_agg(concat_ws(' ', relname, seq_scan), ', ' ORDER BY relname)
                       FROM pg_stat_xact_user_tables
                      WHERE schemaname = 'automations' AND relname IN ('listeners', 'sources', 'queue')";
        let before = ask(scans)?;
        let by_index = "SELECT sum(idx_scan) FROM pg_stat_xact_user_tables
                         WHERE schemaname = 'automations' AND relname IN ('listeners', 'sources')";
        let found: i64 = ask(by_index)?.parse().unwrap_or(0);
        for _ in 0..7 {
            Spi::run_with_args(
                "INSERT INTO public.leads (user_id) VALUES ($1::uuid)",
                &[stage::ADA.into()],
            )?;
        }
        assert_eq!(ask(scans)?, before);
        assert!(ask(by_index)?.parse().unwrap_or(0) >= found + 14);
        Ok(())
    }
}
