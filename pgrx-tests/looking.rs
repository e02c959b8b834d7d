//! What a poll sees: one statement that says whether a daemon may work, and what there is to do.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use crate::tests::waiting::{park, running};
    use pgrx::prelude::*;

    const SEEN: &str = "SELECT (queued, claimed, due_in_ms, emitted, put_aside) FROM automations.look()";
    const NOTHING: &str = "(f,f,,f,f)";

    #[pg_test]
    fn a_daemon_with_nothing_to_do_sees_nothing() -> Outcome {
        stage::set()?;
        stage::as_daemon()?;
        assert_eq!(ask(SEEN)?, NOTHING);
        assert_eq!(
            ask(
                "SELECT to_jsonb(r) - '{queued,claimed,due_in_ms,emitted,put_aside}'::text[] = to_jsonb(s)
                   FROM automations.look('proof') r, automations.readiness() s"
            )?,
            "true"
        );
        // the commit that only tells the listener something does not wait for the disk
        assert_eq!(ask("SELECT current_setting('synchronous_commit')")?, "off");
        Ok(())
    }

    #[pg_test]
    fn each_kind_of_work_is_seen_as_what_it_is() -> Outcome {
        stage::set()?;
        Spi::run("SELECT pg_temp.queue(1)")?;
        assert_eq!(ask(SEEN)?, "(t,f,,f,f)");
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(ask(SEEN)?, "(t,t,,f,f)");
        Spi::run("DELETE FROM automations.queue")?;
        // what is left of a claim is looked after once
        assert_eq!(ask(SEEN)?, "(f,t,,f,f)");
        Spi::run("SELECT automations.rescue()")?;
        assert_eq!(ask(SEEN)?, NOTHING);

        Spi::run("SELECT automations.emit('paid', account_id => 'a0000000-0000-4000-8000-0000000000a1')")?;
        assert_eq!(ask(SEEN)?, "(f,f,,t,f)");
        Spi::run("SELECT automations.deliver_events(10)")?;
        assert_eq!(ask(SEEN)?, NOTHING);

        Spi::run("INSERT INTO automations.missed (tab, operation) VALUES ('leads', 'INSERT')")?;
        assert_eq!(ask(SEEN)?, "(f,f,,f,t)");
        Spi::run("SELECT automations.replay_missed(10)")?;
        assert_eq!(ask(SEEN)?, NOTHING);
        Ok(())
    }

    #[pg_test]
    fn what_is_parked_is_seen_when_it_is_due_or_something_came() -> Outcome {
        running()?;
        park(r#"{"kind": "resume"}"#)?;
        stage::as_superuser()?;
        Spi::run("SELECT automations.rescue()")?;
        assert_eq!(ask(SEEN)?, NOTHING);
        Spi::run("UPDATE automations.parked SET wake_at = clock_timestamp() + interval '1 hour'")?;
        assert_eq!(
            ask("SELECT due_in_ms BETWEEN 3500000 AND 3600000 FROM automations.look()")?,
            "true"
        );
        Spi::run("UPDATE automations.waits SET came = 'resumed', came_at = clock_timestamp()")?;
        assert_eq!(ask(SEEN)?, "(f,f,0,f,f)");
        Spi::run("UPDATE automations.waits SET came = NULL, came_at = NULL")?;
        Spi::run("UPDATE automations.parked SET wake_at = clock_timestamp() - interval '1 hour'")?;
        assert_eq!(ask(SEEN)?, "(f,f,0,f,f)");
        Ok(())
    }

    #[pg_test]
    fn of_tables_of_another_version_nothing_is_asked() -> Outcome {
        stage::set()?;
        Spi::run(
            "UPDATE automations.schema_version SET version = '0.0.9'; DROP TABLE automations.uncounted",
        )?;
        assert_eq!(ask(SEEN)?, "(,,,,)");
        Ok(())
    }
}
