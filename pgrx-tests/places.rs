//! Places: what a claim need not look at again, and what it looks at all the same.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, ADA, NEW_LEAD, Outcome, ask};
    use pgrx::prelude::*;

    /// The id of the n-th row of [`queue_old`].
    const NTH: &str = "01900000-0000-7000-8000-%s";

    /// So many captured changes of an hour ago and more.
    fn queue_old(count: i32) -> Outcome {
        Spi::run_with_args(
            "INSERT INTO automations.queue (account_id, id, automation_id, version, trigger_type, trigger_data)
             SELECT $1::uuid, format($4, lpad(n::text, 12, '0'))::uuid, $2::uuid, 1, 'event', '{}'
               FROM generate_series(1, $3) n",
            &[ADA.into(), NEW_LEAD.into(), count.into(), NTH.into()],
        )
    }

    /// The rows that Ada's turn gives when she was looked at up to the n-th row, as `first-last`.
    fn turn_behind(n: i32) -> Result<String, pgrx::spi::Error> {
        ask(&format!(
            "SELECT concat_ws('-', ltrim(right(min(t.id::text), 12), '0'), ltrim(right(max(t.id::text), 12), '0'))
               FROM pg_temp.turn(100, known => ARRAY['{ADA}'::uuid],
                    places => ARRAY[format('{NTH}', lpad('{n}', 12, '0'))::uuid]) t"
        ))
    }

    #[pg_test]
    fn only_what_lies_behind_a_place_is_looked_at() -> Outcome {
        stage::set()?;
        queue_old(5)?;
        assert_eq!(turn_behind(0)?, "1-5");
        assert_eq!(turn_behind(3)?, "4-5");
        assert_eq!(turn_behind(5)?, "");
        Ok(())
    }

    #[pg_test]
    fn a_claim_says_how_far_it_got_and_the_next_one_goes_on_there() -> Outcome {
        stage::set()?;
        queue_old(5)?;
        stage::as_daemon()?;
        let claim = "SELECT string_agg(coalesce(ltrim(right(c.id::text, 12), '0'),
                'place ' || ltrim(right(c.place::text, 12), '0')), ', ' ORDER BY c.id)
            FROM automations.claim(gen_random_uuid(), 2, 30000, known => ARRAY[$1]::uuid[], places => ARRAY[$2]::uuid[]) c";
        let said = |known: Option<&str>, place: Option<&str>| {
            Spi::get_one_with_args::<String>(claim, &[known.into(), place.into()])
        };
        assert_eq!(said(None, None)?.as_deref(), Some("1, 2, place 2"));
        assert_eq!(
            said(Some(ADA), Some("01900000-0000-7000-8000-000000000002"))?.as_deref(),
            Some("3, 4, place 4")
        );
        Ok(())
    }

    #[pg_test]
    fn an_account_that_has_no_more_was_looked_at_to_a_moment_before_the_present() -> Outcome {
        stage::set()?;
        queue_old(2)?;
        assert_eq!(
            ask(
                "SELECT t.placed_at[1] BETWEEN automations.uuid_at(clock_timestamp() - interval '1 minute')
                                    AND automations.uuid_at(clock_timestamp() - interval '250 milliseconds')
                   FROM automations.queue_turn(10, known => '{}') t"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_as_young_as_a_transaction_that_may_still_commit_is_never_passed_over() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(10)")?;
        assert_eq!(
            ask(
                "SELECT t.placed_at[1] < (SELECT q.id FROM automations.queue q ORDER BY q.id LIMIT 1)
                   FROM automations.queue_turn(10, known => '{}') t"
            )?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn nothing_is_said_about_places_to_who_does_not_ask() -> Outcome {
        stage::set()?;
        queue_old(1)?;
        assert_eq!(
            ask("SELECT count(*) FROM automations.claim(gen_random_uuid(), 10, 30000) c")?,
            "1"
        );
        Ok(())
    }

    #[pg_test]
    fn what_has_ended_before_a_place_is_not_read_again() -> Outcome {
        stage::set()?;
        queue_old(3000)?;
        // dead, and kept by this transaction
        Spi::run("DELETE FROM automations.queue WHERE right(id::text, 12)::integer <= 2900")?;
        let read = "SELECT pg_stat_get_xact_tuples_returned('automations.queue_pkey'::regclass)";
        let reading = |n: i32| -> Result<i64, pgrx::spi::Error> {
            let before: i64 = ask(read)?.parse().unwrap_or(i64::MAX);
            assert_eq!(turn_behind(n)?, "2901-3000");
            Ok(ask(read)?.parse().unwrap_or(i64::MAX) - before)
        };
        let (all, behind) = (reading(0)?, reading(2900)?);
        assert!(all > 2_900, "{all} entries read");
        assert!(behind < 300, "{behind} entries read");
        Ok(())
    }

    #[pg_test]
    fn the_search_for_accounts_goes_around_what_lies_before_places() -> Outcome {
        stage::set()?;
        queue_old(3000)?;
        Spi::run(
            "DELETE FROM automations.queue WHERE right(id::text, 12)::integer <= 2900;
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type)
             SELECT format('%s0000000-0000-4000-8000-000000000000', x)::uuid, gen_random_uuid(), 1, 'event'
               FROM unnest(ARRAY['0', '1', 'b', 'f']) x",
        )?;
        let read = "SELECT pg_stat_get_xact_tuples_returned('automations.queue_pkey'::regclass)";
        let before: i64 = ask(read)?.parse().unwrap_or(i64::MAX);
        for others in ["known", "but_not"] {
            let places = match others {
                "known" => "ARRAY['01900000-0000-7000-8000-000000002900'::uuid]",
                _ => "'{}'",
            };
            let found = ask(&format!(
                "SELECT string_agg(left(a::text, 1), '' ORDER BY a)
                   FROM automations.waiting_accounts(64, {others} => ARRAY['{ADA}'::uuid], places => {places}) w,
                        unnest(w.account_ids) a"
            ))?;
            assert_eq!(found, if others == "known" { "01abf" } else { "01bf" });
        }
        let entries = ask(read)?.parse().unwrap_or(i64::MAX) - before;
        assert!(entries < 100, "{entries} entries read");
        Ok(())
    }

    #[pg_test]
    fn the_first_and_the_last_of_all_accounts_are_found() -> Outcome {
        stage::set()?;
        Spi::run(
            "INSERT INTO automations.queue (account_id, automation_id, version, trigger_type)
             SELECT x::uuid, gen_random_uuid(), 1, 'event' FROM unnest(ARRAY[
                '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']) x",
        )?;
        assert_eq!(
            ask("SELECT cardinality(w.account_ids) FROM automations.waiting_accounts(64) w")?,
            "2"
        );
        Ok(())
    }

    #[pg_test]
    fn a_priority_is_found_wherever_the_place_is() -> Outcome {
        stage::set()?;
        queue_old(5)?;
        Spi::run("UPDATE automations.queue SET priority = 1 WHERE right(id::text, 12)::integer = 2")?;
        assert_eq!(turn_behind(5)?, "2-2");
        Ok(())
    }

    #[pg_test]
    fn what_waited_for_room_is_found_when_there_is_room_again() -> Outcome {
        stage::set()?;
        queue_old(5)?;
        Spi::run_with_args(
            "INSERT INTO automations.limits VALUES ($1::uuid, $2::uuid, 2)",
            &[ADA.into(), NEW_LEAD.into()],
        )?;
        assert_eq!(
            ask("SELECT (cardinality(t.ids), t.placed) FROM automations.queue_turn(10, known => '{}') t")?,
            "(2,)"
        );
        assert_eq!(turn_behind(4)?, "1-2");
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "2");
        assert_eq!(turn_behind(4)?, "");
        Ok(())
    }

    #[pg_test]
    fn what_a_crashed_execution_leaves_behind_lies_before_no_place() -> Outcome {
        stage::set()?;
        queue_old(5)?;
        Spi::run("UPDATE automations.queue SET crashes = 1 WHERE right(id::text, 12)::integer = 4")?;
        assert_eq!(
            ask("SELECT (count(c.id), count(c.place))
                   FROM automations.claim(gen_random_uuid(), 10, 30000, known => '{}') c")?,
            "(1,0)"
        );
        Ok(())
    }

    #[pg_test]
    fn a_claim_of_records_reads_them_by_their_keys_and_not_all_of_the_queue() -> Outcome {
        stage::set()?;
        Spi::run(
            "UPDATE public.automations SET trigger_config = trigger_config || '{\"re_entry\": \"after_finish\"}'
              WHERE name = 'New lead';
             SELECT pg_temp.queue(3000);
             UPDATE automations.queue SET record = 'lead:' || id;
             ANALYZE automations.queue",
        )?;
        stage::as_daemon()?;
        let read = "SELECT pg_stat_get_xact_tuples_returned('automations.queue_pkey'::regclass)";
        let before: i64 = ask(read)?.parse().unwrap_or(i64::MAX);
        assert_eq!(ask("SELECT count(c) FROM pg_temp.claim_unseen(20) c")?, "20");
        let after: i64 = ask(read)?.parse().unwrap_or(i64::MAX);
        assert!(after - before < 3_000, "{}", after - before);
        Ok(())
    }
}
