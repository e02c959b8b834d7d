//! `re_entry`: whether a record may enter an automation again.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    fn enter(rule: &str) -> Outcome {
        stage::set()?;
        Spi::run_with_args(
            "UPDATE public.automations
                SET trigger_config = jsonb_build_object('event_source', 'lead', 'event_type', 'any', 're_entry', $1)
              WHERE name = 'New lead'",
            &[rule.into()],
        )?;
        Spi::run("UPDATE public.automations SET enabled = false WHERE name <> 'New lead'")
    }

    fn change(lead: &str) -> Outcome {
        Spi::run_with_args(
            "UPDATE public.leads SET score = coalesce(score, 0) + 1 WHERE id = $1::uuid",
            &[lead.into()],
        )
    }

    fn end_all() -> Outcome {
        Spi::run(
            "SELECT automations.finish(array_agg(q.account_id), array_agg(q.id), array_agg(q.lease_token),
                jsonb_agg('{\"status\": \"completed\"}'::jsonb)) FROM automations.queue q WHERE q.lease_token IS NOT NULL",
        )
    }

    fn claimed() -> Result<String, pgrx::spi::Error> {
        ask("SELECT count(*) FROM pg_temp.claim(10)")
    }

    #[pg_test]
    fn without_a_rule_a_record_enters_as_often_as_it_changes_and_the_queue_does_not_name_it() -> Outcome {
        enter("always")?;
        change(stage::ALAN)?;
        change(stage::ALAN)?;
        assert_eq!(ask("SELECT count(record) FROM automations.queue")?, "0");
        assert_eq!(claimed()?, "2");
        Ok(())
    }

    #[pg_test]
    fn after_finish_drops_what_comes_while_an_execution_for_the_record_waits_or_runs() -> Outcome {
        enter("after_finish")?;
        change(stage::ALAN)?;
        change(stage::ALAN)?;
        assert_eq!(ask("SELECT count(*) FROM automations.pending")?, "2");
        stage::as_daemon()?;
        assert_eq!(claimed()?, "1");
        stage::as_superuser()?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "1");
        end_all()?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "1");
        Ok(())
    }

    #[pg_test]
    fn after_finish_counts_a_parked_execution_as_not_finished() -> Outcome {
        enter("after_finish")?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "1");
        Spi::run(
            "SELECT automations.park(q.account_id, q.id, q.lease_token, NULL, '[]', NULL, NULL) FROM automations.queue q",
        )?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "0");
        Spi::run("SELECT automations.cancel_execution(p.execution_id) FROM automations.parked p")?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "1");
        Ok(())
    }

    #[pg_test]
    fn another_record_is_not_held_up() -> Outcome {
        enter("after_finish")?;
        Spi::run_with_args(
            "INSERT INTO public.leads (user_id, name) SELECT $1::uuid, 'x' FROM generate_series(1, 3)",
            &[stage::ADA.into()],
        )?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "4");
        Ok(())
    }

    #[pg_test]
    fn never_lets_a_record_in_once_even_when_the_history_is_gone() -> Outcome {
        enter("never")?;
        change(stage::ALAN)?;
        stage::as_daemon()?;
        assert_eq!(claimed()?, "1");
        end_all()?;
        stage::as_superuser()?;
        Spi::run("DELETE FROM public.automation_executions; SELECT automations.maintain()")?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn what_is_cancelled_before_it_was_claimed_has_not_entered() -> Outcome {
        enter("never")?;
        change(stage::ALAN)?;
        Spi::run("SELECT automations.cancel_execution(q.id) FROM automations.queue q")?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "1");
        Ok(())
    }

    #[pg_test]
    fn what_entered_goes_with_the_automation() -> Outcome {
        enter("never")?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "1");
        assert_eq!(ask("SELECT count(*) FROM automations.entered")?, "1");
        Spi::run("DELETE FROM public.automations WHERE name = 'New lead'")?;
        assert_eq!(ask("SELECT count(*) FROM automations.entered")?, "0");
        Ok(())
    }

    #[pg_test]
    fn maintain_forgets_who_entered_after_finish_and_has_finished() -> Outcome {
        enter("after_finish")?;
        change(stage::ALAN)?;
        assert_eq!(claimed()?, "1");
        Spi::run("SELECT automations.maintain()")?;
        assert_eq!(ask("SELECT count(*) FROM automations.entered")?, "1");
        end_all()?;
        Spi::run("SELECT automations.maintain()")?;
        assert_eq!(ask("SELECT count(*) FROM automations.entered")?, "0");
        Ok(())
    }

    #[pg_test]
    fn the_rule_is_of_events_only_and_run_starts_what_it_is_told() -> Outcome {
        enter("never")?;
        for _ in 0..2 {
            Spi::run_with_args(
                "SELECT automations.run($1::uuid, lead_id => $2::uuid)",
                &[stage::NEW_LEAD.into(), stage::ALAN.into()],
            )?;
        }
        assert_eq!(claimed()?, "2");
        assert_eq!(ask("SELECT count(*) FROM automations.entered")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_row_of_any_table_is_known_by_its_key_also_when_a_partition_is_written_to_directly() -> Outcome {
        enter("never")?;
        Spi::run(
            "CREATE TABLE public.orders (day date, region text, no integer, user_id uuid, PRIMARY KEY (region, no, day))
                PARTITION BY LIST (region);
             CREATE TABLE public.orders_north PARTITION OF public.orders FOR VALUES IN ('north');
             CREATE TABLE public.orders_south PARTITION OF public.orders FOR VALUES IN ('south');
             SELECT automations.watch('public.orders', 'order', 'user_id');
             UPDATE public.automations SET trigger_config = trigger_config || '{\"event_source\": \"order\"}'
              WHERE name = 'New lead'",
        )?;
        let insert = |table: &str, region: &str, no: i32| {
            Spi::run(
                &[
                    "SET LOCAL DateStyle = 'German'; INSERT INTO ",
                    table,
                    " VALUES ('2026-03-01', '",
                    region,
                    "', ",
                    &no.to_string(),
                    ", '",
                    stage::ADA,
                    "')",
                ]
                .concat(),
            )
        };
        insert("public.orders", "north", 1)?;
        Spi::run(
            "SET LOCAL DateStyle = 'ISO'; UPDATE public.orders_north SET user_id = user_id WHERE no = 1",
        )?;
        assert_eq!(
            ask("SELECT array_agg(DISTINCT record) FROM automations.queue")?,
            "{\"row:{\\\"day\\\":\\\"2026-03-01\\\",\\\"no\\\":1,\\\"region\\\":\\\"north\\\"}\"}"
        );
        insert("public.orders_south", "south", 1)?;
        assert_eq!(claimed()?, "2");
        // with another key it is another record
        Spi::run("UPDATE public.orders SET no = 2 WHERE region = 'north'")?;
        assert_eq!(claimed()?, "1");
        Spi::run("UPDATE public.orders SET user_id = user_id")?;
        assert_eq!(claimed()?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_row_without_a_primary_key_is_no_record_and_enters_each_time() -> Outcome {
        enter("never")?;
        Spi::run_with_args(
            "INSERT INTO public.automation_accounts (account_id) VALUES ($1::uuid)",
            &[stage::ADA.into()],
        )?;
        Spi::run(
            "CREATE TABLE public.notes (user_id uuid, text text);
             SELECT automations.watch('public.notes', 'note', 'user_id');
             UPDATE public.automations SET trigger_config = trigger_config || '{\"event_source\": \"note\"}'
              WHERE name = 'New lead'",
        )?;
        for _ in 0..2 {
            Spi::run_with_args(
                "INSERT INTO public.notes VALUES ($1::uuid, 'the same')",
                &[stage::ADA.into()],
            )?;
        }
        assert_eq!(claimed()?, "2");
        Ok(())
    }

    #[pg_test]
    fn a_trigger_of_the_applications_own_and_a_replay_say_which_record_it_was() -> Outcome {
        enter("never")?;
        Spi::run(
            "DELETE FROM pg_trigger WHERE tgrelid = 'public.leads'::regclass AND tgfoid = 'automations.capture()'::regprocedure;
             CREATE TRIGGER own AFTER UPDATE ON public.leads
                FOR EACH ROW EXECUTE FUNCTION public.fire_lead_automations()",
        )?;
        change(stage::ALAN)?;
        Spi::run(
            "INSERT INTO automations.missed (tab, operation, source, account_id, automation_id, data, record)
             SELECT 'public.leads', 'UPDATE', 'lead', q.account_id, q.automation_id, q.trigger_data, q.record
               FROM automations.queue q;
             INSERT INTO automations.missed (tab, operation, data)
             SELECT 'public.leads', 'UPDATE', q.trigger_data FROM automations.queue q;
             SELECT automations.replay_missed(10)",
        )?;
        assert_eq!(
            ask("SELECT (count(*), count(DISTINCT record), min(record)) FROM automations.queue")?,
            ["(3,1,lead:", stage::ALAN, ")"].concat()
        );
        assert_eq!(claimed()?, "1");
        Ok(())
    }
}
