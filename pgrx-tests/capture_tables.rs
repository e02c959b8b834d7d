//! Capture of unusual tables: names, columns, partitions, size.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::hearing::{count, hear, heard, missed};
    use crate::tests::stage::{Outcome, ask};
    use pgrx::prelude::*;

    const ADAS: &str = "'a0000000-0000-4000-8000-0000000000a1'";

    fn thing(create: &str, owner: &str) -> Outcome {
        Spi::run(create)?;
        hear(r#"{"event_source": "thing", "event_type": "any"}"#)?;
        Spi::run_with_args(
            "SELECT automations.watch('public.\"Thing\"', 'thing', $1)",
            &[owner.into()],
        )
    }

    fn row() -> Result<String, pgrx::spi::Error> {
        ask("SELECT q.trigger_data -> 'new' FROM automations.queue q ORDER BY q.id DESC LIMIT 1")
    }

    #[pg_test]
    fn quoted_names_generated_columns_arrays_and_no_primary_key_are_captured() -> Outcome {
        thing(
            r#"CREATE TABLE public."Thing" ("User ""Id""" uuid, gone int, "Na me" text, twice int GENERATED ALWAYS AS (n * 2)
                   STORED, n int, tags text[], extra jsonb, big numeric);
               ALTER TABLE public."Thing" DROP COLUMN gone"#,
            "User \"Id\"",
        )?;
        Spi::run(
            &[
                r#"INSERT INTO public."Thing" VALUES ("#,
                ADAS,
                r#", 'a "b"', DEFAULT, 4, '{x,"y z"}', '{"k": [1]}', 12345678901234567890.123456789)"#,
            ]
            .concat(),
        )?;
        assert_eq!(
            row()?,
            r#"{"n": 4, "big": 12345678901234567890.123456789, "tags": ["x", "y z"], "Na me": "a \"b\"", "extra": {"k": [1]}, "twice": 8, "User \"Id\"": "a0000000-0000-4000-8000-0000000000a1"}"#
        );
        Spi::run(r#"DELETE FROM automations.queue; UPDATE public."Thing" SET n = 5"#)?;
        assert_eq!(heard()?, r#"UPDATE["twice", "n"]"#);
        Ok(())
    }

    #[pg_test]
    fn a_partitioned_table_is_heard_once_whichever_way_a_row_comes() -> Outcome {
        thing(
            r#"CREATE TABLE public."Thing" (id int, user_id uuid, PRIMARY KEY (id)) PARTITION BY RANGE (id);
               CREATE TABLE public.low PARTITION OF public."Thing" FOR VALUES FROM (0) TO (10);
               CREATE TABLE public.high PARTITION OF public."Thing" FOR VALUES FROM (10) TO (20)"#,
            "user_id",
        )?;
        Spi::run(&[r#"INSERT INTO public."Thing" VALUES (1, "#, ADAS, ")"].concat())?;
        assert_eq!(count()?, "1");
        Spi::run(&["INSERT INTO public.low VALUES (2, ", ADAS, ")"].concat())?;
        assert_eq!(count()?, "2");
        Spi::run(r#"DELETE FROM automations.queue; UPDATE public."Thing" SET id = id + 10"#)?;
        assert_eq!(heard()?, r#"UPDATE["id"] UPDATE["id"]"#);
        // A leaf that comes later is mended by maintain().
        Spi::run(
            r#"CREATE TABLE public.late PARTITION OF public."Thing" FOR VALUES FROM (20) TO (30);
               SELECT automations.maintain(); DELETE FROM automations.queue"#,
        )?;
        Spi::run(&["INSERT INTO public.late VALUES (22, ", ADAS, ")"].concat())?;
        assert_eq!(count()?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_move_that_a_trigger_vetoed_by_half_is_paired_by_key() -> Outcome {
        thing(
            r#"CREATE TABLE public."Thing" (id int, kind int, n int, user_id uuid, PRIMARY KEY (id, kind))
                   PARTITION BY LIST (kind);
               CREATE TABLE public.one PARTITION OF public."Thing" FOR VALUES IN (1);
               CREATE TABLE public.two PARTITION OF public."Thing" FOR VALUES IN (2);
               CREATE FUNCTION public.veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
               CREATE TRIGGER veto BEFORE INSERT ON public.two FOR EACH ROW WHEN (NEW.id = 1)
                   EXECUTE FUNCTION public.veto()"#,
            "user_id",
        )?;
        Spi::run(
            &[
                r#"INSERT INTO public."Thing" SELECT i, 1, 0, "#,
                ADAS,
                "FROM generate_series(1, 3) i",
            ]
            .concat(),
        )?;
        Spi::run(
            r#"DELETE FROM automations.queue;
               UPDATE public."Thing" SET n = 1, kind = CASE WHEN id = 1 THEN 2 ELSE 1 END"#,
        )?;
        assert_eq!(ask(r#"SELECT count(*) FROM public."Thing""#)?, "2");
        assert_eq!(heard()?, r#"UPDATE["n"] UPDATE["n"]"#);
        assert_eq!(missed()?, "1 21000");
        Ok(())
    }

    #[pg_test]
    fn rows_that_cannot_be_paired_without_a_key_are_put_down() -> Outcome {
        thing(
            r#"CREATE TABLE public."Thing" (id int, kind int, n int, user_id uuid) PARTITION BY LIST (kind);
               CREATE TABLE public.one PARTITION OF public."Thing" FOR VALUES IN (1);
               CREATE TABLE public.two PARTITION OF public."Thing" FOR VALUES IN (2);
               CREATE FUNCTION public.veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
               CREATE TRIGGER veto BEFORE INSERT ON public.two FOR EACH ROW EXECUTE FUNCTION public.veto()"#,
            "user_id",
        )?;
        Spi::run(
            &[
                r#"INSERT INTO public."Thing" SELECT i, 1, 0, "#,
                ADAS,
                "FROM generate_series(1, 2) i",
            ]
            .concat(),
        )?;
        Spi::run(
            r#"DELETE FROM automations.queue;
               UPDATE public."Thing" SET n = 1, kind = CASE WHEN id = 1 THEN 2 ELSE 1 END"#,
        )?;
        assert_eq!(count()?, "0");
        assert_eq!(missed()?, "3 21000", "two rows before and one after");
        Ok(())
    }

    #[pg_test]
    fn a_wide_row_is_captured_and_a_wider_one_says_how_large_it_is() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "any"}"#)?;
        for (characters, expected) in [(9_000, "9000"), (900_000, "900000")] {
            Spi::run_with_args(
                "INSERT INTO public.leads (user_id, notes) VALUES ('a0000000-0000-4000-8000-0000000000a1',
                     repeat('x', $1))",
                &[characters.into()],
            )?;
            assert_eq!(
                ask("SELECT length(q.trigger_data #>> '{new,notes}') FROM automations.queue q")?,
                expected
            );
            Spi::run("DELETE FROM automations.queue")?;
        }
        for characters in [1_100_000, 30_000_000] {
            Spi::run_with_args(
                "INSERT INTO public.leads (user_id, notes) VALUES ('a0000000-0000-4000-8000-0000000000a1',
                     repeat('x', $1))",
                &[characters.into()],
            )?;
            assert_eq!(
                ask(
                    "SELECT (q.lead_id IS NOT NULL, (q.trigger_data #>> '{too_large,new}')::int > 1048576,
                             q.trigger_data ? 'new') FROM automations.queue q"
                )?,
                "(t,t,f)"
            );
            Spi::run("DELETE FROM automations.queue")?;
        }
        Ok(())
    }

    #[pg_test]
    fn conditions_do_not_look_at_a_row_that_is_too_large() -> Outcome {
        hear(
            r#"{"event_source": "lead", "event_type": "INSERT",
                 "conditions": {"rules": [{"field": "new.name", "operator": "equals", "value": "no"}]}}"#,
        )?;
        Spi::run(
            "INSERT INTO public.leads (user_id, name, notes) SELECT 'a0000000-0000-4000-8000-0000000000a1', 'yes',
                repeat('x', n) FROM unnest(ARRAY[1000, 2000000]) n",
        )?;
        assert_eq!(
            ask(
                "SELECT string_agg(q.trigger_data -> 'too_large' ->> 'new', ' ') > '2000000' FROM automations.queue q"
            )?,
            "true"
        );
        assert_eq!(count()?, "1");
        Ok(())
    }

    #[pg_test]
    fn an_applications_own_row_trigger_hears_a_row_that_is_too_large() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "UPDATE", "columns": ["notes"]}"#)?;
        Spi::run(
            "INSERT INTO public.leads (user_id, name, notes) SELECT 'a0000000-0000-4000-8000-0000000000a1', 'wide',
                repeat('x', 2000000);
             SELECT automations.drop_capture_triggers('public.leads');
             CREATE TRIGGER mine AFTER UPDATE ON public.leads FOR EACH ROW
                 EXECUTE FUNCTION public.fire_lead_automations();
             UPDATE public.leads SET status = 'qualified' WHERE name = 'wide';
             UPDATE public.leads SET notes = notes || 'y' WHERE name = 'wide'",
        )?;
        assert_eq!(
            ask("SELECT (count(*), min(q.trigger_data ->> 'changed'), bool_and(q.trigger_data -> 'too_large' ? 'old'),
                         bool_and(q.lead_id IS NOT NULL)) FROM automations.queue q")?,
            "(1,\"[\"\"notes\"\"]\",t,t)"
        );
        Ok(())
    }

    #[pg_test]
    fn json_that_jsonb_refuses_is_mended_or_put_down_and_the_rest_is_queued() -> Outcome {
        thing(
            r#"CREATE TABLE public."Thing" (id int, user_id uuid, j json)"#,
            "user_id",
        )?;
        Spi::run(
            &[
                r#"INSERT INTO public."Thing" VALUES (1, "#,
                ADAS,
                r#", '"a\u0000b"'), (2, "#,
                ADAS,
                r#", '"\ud800"'), (3, "#,
                ADAS,
                ", '[1]')",
            ]
            .concat(),
        )?;
        assert_eq!(
            ask(
                "SELECT string_agg(q.trigger_data #>> '{new,j}', ' ' ORDER BY q.id) FROM automations.queue q"
            )?,
            "a\u{fffd}b [1]"
        );
        assert_eq!(missed()?, "1 22P02");
        Ok(())
    }

    #[pg_test]
    fn a_table_that_is_altered_later_never_fails_its_writes() -> Outcome {
        thing(r#"CREATE TABLE public."Thing" (id int, user_id uuid)"#, "user_id")?;
        Spi::run(
            r#"ALTER TABLE public."Thing" ADD COLUMN more text DEFAULT 'm', ALTER COLUMN id TYPE bigint"#,
        )?;
        Spi::run(&[r#"INSERT INTO public."Thing" VALUES (1, "#, ADAS, ")"].concat())?;
        assert_eq!(
            ask("SELECT q.trigger_data #>> '{new,more}' FROM automations.queue q")?,
            "m"
        );
        Spi::run(r#"ALTER TABLE public."Thing" DROP COLUMN user_id; INSERT INTO public."Thing" VALUES (2)"#)?;
        assert_eq!(ask(r#"SELECT count(*) FROM public."Thing""#)?, "2");
        assert_eq!(missed()?, "1 22023");
        Ok(())
    }
}
