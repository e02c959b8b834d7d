//! The claim of captured changes without a query: what it takes, and what it leaves to queries (`claim_in_turns`, which fails in these
//! tests). That it decides as that does, claims.rs says.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    const TOKEN: &str = "11111111-1111-4111-8111-111111111111";

    /// The daemon may not claim by queries.
    fn set() -> Outcome {
        stage::set()?;
        Spi::run(&format!(
            "REVOKE EXECUTE ON FUNCTION automations.claim_in_turns FROM automations_daemon;
             CREATE FUNCTION pg_temp.claimed(batch integer) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN
                 RETURN (SELECT count(c.id) || ' ' || count(*) FILTER (WHERE c.id IS NULL)
                           FROM automations.claim('{TOKEN}', batch, 30000, '{{}}', '{{}}', '{{}}') c);
             EXCEPTION WHEN insufficient_privilege THEN
                 IF SQLERRM NOT LIKE '%claim_in_turns%' THEN
                     RAISE;
                 END IF;
                 RETURN '0 0';
             END $$"
        ))
    }

    /// How many are claimed, and how many rows say something else; nothing where it would go by queries.
    fn claimed(batch: i32) -> Result<String, pgrx::spi::Error> {
        ask(&format!("SELECT pg_temp.claimed({batch})"))
    }

    #[pg_test]
    fn changes_that_nobody_has_touched_are_claimed_without_a_query() -> Outcome {
        set()?;
        Spi::run("SELECT pg_temp.queue(5)")?;
        stage::as_daemon()?;
        assert_eq!(claimed(3)?, "3 1");
        assert_eq!(claimed(3)?, "2 1");
        assert_eq!(claimed(3)?, "0 1", "and there is no more");
        assert_eq!(
            ask("SELECT string_agg(DISTINCT concat_ws(' ', q.lease_token, q.attempt, q.lease_until > clock_timestamp()), ';')
                   || (SELECT ' ' || sum(cardinality(c.ids)) FROM automations.claims c) FROM automations.queue q")?,
            format!("{TOKEN} 1 t 5")
        );
        Ok(())
    }

    #[pg_test]
    fn a_lease_that_does_not_fit_its_page_is_found_by_every_index() -> Outcome {
        set()?;
        Spi::run("SELECT pg_temp.queue(100); UPDATE automations.queue SET test_mode = true")?;
        for _ in 0..6 {
            // what has no versions that somebody may still see fits again: here nothing is cleared away
            stage::as_daemon()?;
            assert_eq!(claimed(100)?, "100 1");
            stage::as_superuser()?;
            Spi::run("UPDATE automations.queue SET lease_token = NULL, lease_until = NULL")?;
        }
        stage::as_daemon()?;
        assert_eq!(claimed(100)?, "100 1");
        stage::as_superuser()?;
        assert_ne!(
            ask("SELECT pg_relation_size('automations.queue') / current_setting('block_size')::integer")?,
            "0"
        );
        Spi::run("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")?;
        for found in [
            "SELECT count(*) FROM automations.queue q WHERE q.test_mode AND q.lease_token IS NOT NULL",
            "SELECT count(*) FROM unnest(ARRAY(SELECT i FROM automations.claims c, unnest(c.ids) i LIMIT 100)) i
               JOIN automations.queue q ON q.id = i AND q.account_id = (SELECT account_id FROM automations.queue LIMIT 1)
                                       AND q.attempt = 7",
        ] {
            assert_eq!(ask(found)?, "100", "{found}");
        }
        Ok(())
    }

    #[pg_test]
    fn what_is_more_than_that_is_left_alone_and_so_is_all_behind_it() -> Outcome {
        set()?;
        Spi::run(
            "SELECT pg_temp.queue(4);
             UPDATE automations.queue SET steps = '[]' WHERE id = (SELECT id FROM automations.queue ORDER BY id OFFSET 2 LIMIT 1)",
        )?;
        stage::as_daemon()?;
        assert_eq!(claimed(4)?, "0 0");
        assert_eq!(claimed(2)?, "2 1", "in front of it they are as usual");
        assert_eq!(
            ask("SELECT count(*) FROM automations.queue WHERE lease_token IS NULL")?,
            "2"
        );
        Ok(())
    }

    #[pg_test]
    fn a_constraint_or_a_trigger_on_the_queue_has_its_say() -> Outcome {
        set()?;
        Spi::run("SELECT pg_temp.queue(2)")?;
        stage::as_daemon()?;
        assert_eq!(claimed(1)?, "1 1");
        stage::as_superuser()?;
        Spi::run("ALTER TABLE automations.queue ADD CONSTRAINT once CHECK (attempt < 1) NOT VALID")?;
        stage::as_daemon()?;
        assert_eq!(claimed(1)?, "0 0");
        stage::as_superuser()?;
        Spi::run("GRANT EXECUTE ON FUNCTION automations.claim_in_turns TO automations_daemon")?;
        stage::as_daemon()?;
        assert_eq!(
            stage::state_of("SELECT * FROM automations.claim(gen_random_uuid(), 1, 30000)")?,
            "23514"
        );
        stage::as_superuser()?;
        Spi::run(
            "ALTER TABLE automations.queue DROP CONSTRAINT once;
             CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER see BEFORE UPDATE ON automations.queue FOR EACH ROW EXECUTE FUNCTION public.see();
             REVOKE EXECUTE ON FUNCTION automations.claim_in_turns FROM automations_daemon",
        )?;
        stage::as_daemon()?;
        assert_eq!(claimed(1)?, "0 0");
        stage::as_superuser()?;
        Spi::run("GRANT EXECUTE ON FUNCTION automations.claim_in_turns TO automations_daemon")?;
        stage::as_daemon()?;
        assert_eq!(
            ask("SELECT count(id) FROM automations.claim(gen_random_uuid(), 1, 30000)")?,
            "1"
        );
        Ok(())
    }

    #[pg_test]
    fn a_setting_that_cannot_be_read_is_for_queries_to_refuse() -> Outcome {
        set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        for (value, limit) in [("\"3\"", 1), ("3", 1), ("\"three\"", 0), ("[]", 0), ("2.5", 0)] {
            Spi::run(&format!(
                "INSERT INTO automations.settings VALUES ('depth_limit', '{value}')
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value;
                 UPDATE automations.queue SET lease_token = NULL, lease_until = NULL, depth = 3"
            ))?;
            stage::as_daemon()?;
            assert_eq!(claimed(1)?, format!("{limit} {limit}"), "{value}");
            stage::as_superuser()?;
            Spi::run("UPDATE automations.queue SET lease_token = NULL, lease_until = NULL, depth = 4")?;
            stage::as_daemon()?;
            assert_eq!(claimed(1)?, "0 0", "{value}");
            stage::as_superuser()?;
        }
        Ok(())
    }

    #[pg_test]
    fn without_the_index_of_priorities_nobody_knows_that_there_are_none() -> Outcome {
        set()?;
        Spi::run("SELECT pg_temp.queue(1); DROP INDEX automations.queue_by_priority")?;
        stage::as_daemon()?;
        assert_eq!(claimed(1)?, "0 0");
        Ok(())
    }

    #[pg_test]
    fn who_may_not_read_the_queue_or_the_settings_claims_nothing() -> Outcome {
        set()?;
        for table in ["queue", "settings", "limits"] {
            Spi::run(&format!(
                "DELETE FROM automations.queue; SELECT pg_temp.queue(1);
                 REVOKE SELECT ON automations.{table} FROM automations_daemon"
            ))?;
            stage::as_daemon()?;
            assert_eq!(claimed(1)?, "0 0", "{table}");
            stage::as_superuser()?;
            Spi::run(&format!(
                "GRANT SELECT ON automations.{table} TO automations_daemon"
            ))?;
        }
        stage::as_daemon()?;
        assert_eq!(claimed(1)?, "1 1");
        Ok(())
    }
}
