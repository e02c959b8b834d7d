//! `debounce_seconds`: changes of a record become one when it has been quiet that long.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    fn debounced(event: &str, more: &str) -> Outcome {
        stage::set()?;
        Spi::run("UPDATE public.automations SET enabled = false WHERE name <> 'New lead'")?;
        Spi::run_with_args(
            "UPDATE public.automations
                SET trigger_config = jsonb_build_object('event_source', 'lead', 'event_type', $1,
                                                        'debounce_seconds', 60) || $2::jsonb
              WHERE name = 'New lead'",
            &[event.into(), more.into()],
        )
    }

    fn set_score(score: i32) -> Outcome {
        Spi::run_with_args(
            "UPDATE public.leads SET score = $2 WHERE id = $1::uuid",
            &[stage::ALAN.into(), score.into()],
        )
    }

    /// The changes in the queue happened so long ago, as after a night without daemons.
    fn seconds_ago(seconds: i32) -> Outcome {
        Spi::run_with_args(
            "UPDATE automations.queue SET occurred_at = clock_timestamp() - $1 * interval '1 second'
              WHERE occurred_at = now()",
            &[seconds.into()],
        )
    }

    fn quiet_now() -> Outcome {
        Spi::run(
            "UPDATE automations.debounced SET due_at = clock_timestamp() - interval '1 second';
             SELECT automations.unpark(10)",
        )
    }

    fn executions() -> Result<String, pgrx::spi::Error> {
        ask("SELECT count(*) FROM pg_temp.claim(10) AS id WHERE id IS NOT NULL")
    }

    #[pg_test]
    fn changes_become_one_with_the_first_old_the_last_new_and_all_that_changed() -> Outcome {
        debounced("UPDATE", "{}")?;
        Spi::run("UPDATE public.leads SET score = 1, status = 'new', name = 'Alan'")?;
        Spi::run("DELETE FROM automations.queue")?;
        set_score(2)?;
        Spi::run_with_args(
            "UPDATE public.leads SET status = 'won' WHERE id = $1::uuid",
            &[stage::ALAN.into()],
        )?;
        let first = ask("SELECT q.id FROM automations.queue q ORDER BY q.id LIMIT 1")?;
        stage::as_daemon()?;
        assert_eq!(executions()?, "0");
        stage::as_superuser()?;
        assert_eq!(ask("SELECT (id) FROM automations.pending")?, first);
        set_score(3)?;
        assert_eq!(executions()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        quiet_now()?;
        stage::as_daemon()?;
        assert_eq!(executions()?, "1");
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT (id, trigger_data ->> 'event', trigger_data #>> '{old,score}', trigger_data #>> '{old,status}',
                         trigger_data #>> '{new,score}', trigger_data #>> '{new,status}')
                   FROM public.automation_executions")?,
            ["(", &first, ",UPDATE,1,new,3,won)"].concat()
        );
        assert_eq!(
            ask(
                "SELECT array_agg(c ORDER BY c) @> '{score,status}'
                   FROM public.automation_executions, jsonb_array_elements_text(trigger_data -> 'changed') c"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_claim_says_when_to_look_again() -> Outcome {
        debounced("UPDATE", "{}")?;
        set_score(5)?;
        assert_eq!(
            ask("SELECT c.look_in_ms BETWEEN 50000 AND 60000 AND c.id IS NULL
                   FROM automations.claim(gen_random_uuid(), 10, 30000) c")?,
            "true"
        );
        assert_eq!(
            ask("SELECT u.moved = 0 AND u.next_in_ms BETWEEN 50000 AND 60000 FROM automations.unpark(10) u")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn each_further_change_begins_the_wait_anew() -> Outcome {
        debounced("UPDATE", "{}")?;
        set_score(5)?;
        seconds_ago(50)?;
        assert_eq!(executions()?, "0");
        let before = ask("SELECT due_at FROM automations.debounced")?;
        set_score(6)?;
        assert_eq!(executions()?, "0");
        assert_eq!(
            ask(&[
                "SELECT due_at > '",
                &before,
                "'::timestamptz + interval '30 seconds' FROM automations.debounced"
            ]
            .concat())?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn a_record_that_was_quiet_in_between_starts_twice_however_late_a_daemon_looks() -> Outcome {
        debounced("UPDATE", "{}")?;
        set_score(5)?;
        seconds_ago(300)?;
        set_score(6)?;
        seconds_ago(290)?;
        set_score(7)?;
        seconds_ago(100)?;
        assert_eq!(executions()?, "2");
        assert_eq!(
            ask(
                "SELECT array_agg(trigger_data #>> '{new,score}' ORDER BY id) FROM public.automation_executions"
            )?,
            "{6,7}"
        );
        Ok(())
    }

    #[pg_test]
    fn the_execution_began_when_the_record_had_been_quiet() -> Outcome {
        debounced("UPDATE", "{}")?;
        set_score(5)?;
        seconds_ago(300)?;
        assert_eq!(
            ask("SELECT c.age_ms BETWEEN 235000 AND 250000 FROM automations.claim(gen_random_uuid(), 10, 30000) c
                  WHERE c.id IS NOT NULL")?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn an_insert_and_its_updates_are_an_insert_and_with_a_delete_they_are_a_delete() -> Outcome {
        debounced("any", "{}")?;
        Spi::run_with_args(
            "INSERT INTO public.leads (id, user_id, name) VALUES ('d0000000-0000-4000-8000-000000000001', $1::uuid, 'x')",
            &[stage::ADA.into()],
        )?;
        Spi::run("UPDATE public.leads SET name = 'y' WHERE name = 'x'")?;
        assert_eq!(executions()?, "0");
        assert_eq!(
            ask("SELECT automations.folded_change(first_change, last_change, changed) - 'timestamp' - 'table' - 'source'
                        #- '{new}' FROM automations.debounced")?,
            "{\"old\": null, \"event\": \"INSERT\", \"changed\": []}"
        );
        Spi::run("DELETE FROM public.leads WHERE name = 'y'")?;
        assert_eq!(executions()?, "0");
        quiet_now()?;
        assert_eq!(executions()?, "1");
        assert_eq!(
            ask("SELECT (trigger_data ->> 'event', trigger_data #>> '{old,name}', trigger_data -> 'new', lead_id)
                   FROM public.automation_executions")?,
            "(DELETE,y,null,)"
        );
        Ok(())
    }

    #[pg_test]
    fn a_row_that_was_deleted_and_came_again_was_updated() -> Outcome {
        debounced("any", "{}")?;
        Spi::run_with_args(
            "CREATE TEMP TABLE kept AS SELECT * FROM public.leads WHERE id = $1::uuid",
            &[stage::ALAN.into()],
        )?;
        Spi::run_with_args(
            "DELETE FROM public.leads WHERE id = $1::uuid",
            &[stage::ALAN.into()],
        )?;
        Spi::run("INSERT INTO public.leads SELECT * FROM kept")?;
        assert_eq!(executions()?, "0");
        assert_eq!(
            ask(
                "SELECT automations.folded_change(first_change, last_change, changed) ->> 'event' FROM automations.debounced"
            )?,
            "UPDATE"
        );
        Ok(())
    }

    #[pg_test]
    fn a_change_that_is_not_debounced_any_more_ends_the_wait_and_comes_after_it() -> Outcome {
        debounced("UPDATE", "{}")?;
        set_score(5)?;
        assert_eq!(executions()?, "0");
        Spi::run(
            "UPDATE public.automations SET trigger_config = trigger_config - 'debounce_seconds' || '{\"re_entry\": \"never\"}'
              WHERE name = 'New lead'",
        )?;
        set_score(6)?;
        assert_eq!(executions()?, "1");
        assert_eq!(
            ask(
                "SELECT trigger_data #>> '{new,score}' FROM public.automation_executions ORDER BY id LIMIT 1"
            )?,
            "5"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_debounced_can_be_cancelled_and_has_a_position() -> Outcome {
        debounced("UPDATE", "{}")?;
        set_score(5)?;
        let id = ask("SELECT q.id FROM automations.queue q")?;
        assert_eq!(executions()?, "0");
        stage::as_user(stage::ADA)?;
        assert_eq!(
            ask(&["SELECT automations.queue_position('", &id, "')"].concat())?,
            "1"
        );
        assert_eq!(ask("SELECT quiet_at > now() FROM automations.pending")?, "true");
        assert_eq!(ask(&["SELECT automations.cancel('", &id, "')"].concat())?, "true");
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT (status) FROM public.automation_executions")?,
            "cancelled"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.debounced")?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        Ok(())
    }

    #[pg_test]
    fn nobody_sees_or_cancels_what_is_debounced_for_another_account() -> Outcome {
        debounced("UPDATE", "{}")?;
        set_score(5)?;
        let id = ask("SELECT q.id FROM automations.queue q")?;
        assert_eq!(executions()?, "0");
        stage::as_user(stage::BOB)?;
        assert_eq!(
            ask(&["SELECT automations.cancel('", &id, "')"].concat())?,
            "false"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.pending")?, "0");
        assert_eq!(
            ask(&["SELECT automations.queue_position('", &id, "') IS NULL"].concat())?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn re_entry_is_decided_when_the_record_is_quiet() -> Outcome {
        debounced("UPDATE", "{\"re_entry\": \"never\"}")?;
        set_score(5)?;
        assert_eq!(executions()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.entered")?, "0");
        quiet_now()?;
        assert_eq!(executions()?, "1");
        set_score(6)?;
        assert_eq!(executions()?, "0");
        quiet_now()?;
        assert_eq!(executions()?, "0");
        assert_eq!(ask("SELECT count(*) FROM public.automation_executions")?, "1");
        Ok(())
    }

    #[pg_test]
    fn what_became_quiet_while_its_automation_was_paused_waits_and_what_was_deleted_is_dropped() -> Outcome {
        debounced("UPDATE", "{}")?;
        set_score(5)?;
        assert_eq!(executions()?, "0");
        Spi::run("UPDATE public.automations SET status = 'paused' WHERE name = 'New lead'")?;
        quiet_now()?;
        assert_eq!(executions()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.pending")?, "1");
        Spi::run("UPDATE public.automations SET status = 'active' WHERE name = 'New lead'")?;
        assert_eq!(executions()?, "1");
        set_score(6)?;
        assert_eq!(executions()?, "0");
        Spi::run("DELETE FROM public.automations WHERE name = 'New lead'")?;
        quiet_now()?;
        assert_eq!(executions()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.pending")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_row_that_is_too_large_in_the_end_ends_with_too_large_and_one_that_was_in_between_does_not() -> Outcome
    {
        debounced("UPDATE", "{}")?;
        let notes = |bytes: i32| {
            Spi::run_with_args(
                "UPDATE public.leads SET notes = repeat('x', $2) WHERE id = $1::uuid",
                &[stage::ALAN.into(), bytes.into()],
            )
        };
        set_score(5)?;
        notes(2_000_000)?;
        notes(10)?;
        assert_eq!(executions()?, "0");
        quiet_now()?;
        // what the row was in between is in no side
        assert_eq!(
            ask("SELECT (q.trigger_data ? 'too_large') FROM automations.queue q")?,
            "true",
            "the last change still has the large row as its old side"
        );
        set_score(7)?;
        set_score(8)?;
        Spi::run("DELETE FROM automations.queue WHERE trigger_data ? 'too_large'")?;
        assert_eq!(executions()?, "0");
        quiet_now()?;
        assert_eq!(executions()?, "1");
        Ok(())
    }

    #[pg_test]
    fn a_thousand_changes_of_one_record_are_folded_by_a_few_claims() -> Outcome {
        debounced("UPDATE", "{}")?;
        Spi::run(
            "SELECT pg_temp.queue(2500);
             UPDATE automations.queue SET record = 'lead:x',
                trigger_data = '{\"event\": \"UPDATE\", \"changed\": [\"score\"], \"old\": {}, \"new\": {}}',
                version = (SELECT version FROM public.automations WHERE name = 'New lead')",
        )?;
        assert_eq!(executions()?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.queue")?, "0");
        assert_eq!(ask("SELECT count(*) FROM automations.debounced")?, "1");
        Ok(())
    }
}
