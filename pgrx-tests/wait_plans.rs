//! With a hundred thousand executions parked, nothing that claims, parks, ends, resumes or wakes reads them all.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use crate::tests::waiting::{park, running, token};
    use flow::TokenKind::Wait;
    use pgrx::prelude::*;

    /// Sequential scans of the two tables in this transaction.
    const SCANS: &str = "SELECT sum(pg_stat_get_xact_numscans(c.oid)) FROM pg_class c
                          WHERE c.oid IN ('automations.waits'::regclass, 'automations.parked'::regclass,
                                'public.automation_events'::regclass)";

    #[pg_test]
    fn nothing_reads_all_that_is_parked() -> Outcome {
        running()?;
        stage::as_superuser()?;
        // plans that are made while the tables are small have to do when they are not
        Spi::run("SELECT automations.unpark(10); SELECT automations.deliver_events(10)")?;
        Spi::run(
            "WITH many AS (
                 SELECT automations.uuid_v7() AS id, a.user_id, a.id AS automation_id, n
                   FROM public.automations a, generate_series(1, 100000) n WHERE a.name = 'New lead'
             ), parked AS (
                 INSERT INTO automations.parked (execution_id, account_id, automation_id, version, trigger_type, wake_at)
                 SELECT m.id, m.user_id, m.automation_id, 1, 'event',
                        CASE WHEN n % 2 = 0 THEN now() + interval '1 hour' END FROM many m
             )
             INSERT INTO automations.waits (execution_id, step_key, account_id, kind, event)
             SELECT m.id, m.id, m.user_id, CASE WHEN n % 2 = 0 THEN 'resume' ELSE 'event' END, 'e' || n % 1000
               FROM many m",
        )?;
        let before = ask(SCANS)?;
        let resume = ["SELECT automations.resume('", &token(Wait)?, "')"].concat();
        let claim = "SELECT pg_temp.claim(10)";
        park(r#"{"kind": "resume"}"#)?;
        for call in [
            &resume,
            claim,
            "SELECT pg_temp.waited()",
            "SELECT pg_temp.record('{\"status\": \"completed\", \"ordinal\": 1}')",
            "SELECT automations.emit('e7', account_id => 'a0000000-0000-4000-8000-0000000000a1')",
            "SELECT automations.deliver_events(10)",
            "SELECT automations.unpark(10)",
            "SELECT pg_temp.finish('{\"status\": \"completed\"}')",
            "SELECT pg_temp.queue(1)",
            claim,
            "SELECT automations.cancel_execution(q.id) FROM automations.queue q WHERE q.lease_token IS NOT NULL",
            "SELECT automations.rescue()",
        ] {
            Spi::run(call)?;
            assert_eq!(ask(SCANS)?, before, "{call}");
        }
        assert_eq!(
            ask("SELECT count(*) FROM automations.waits WHERE came = 'event'")?,
            "100"
        );
        Ok(())
    }
}
