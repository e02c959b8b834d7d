//! Sets the stage for tests of waits: one execution of Ada's that a daemon has in hand, whose step waits for something.

use crate::tests::stage::{self, Outcome, ask};
use flow::{ResumeSecret, ResumeToken, TokenKind};
use pgrx::prelude::*;
use pgrx::spi;

/// The key of the step that waits.
pub const KEY: &str = "c0000000-0000-4000-8000-000000000001";

/// One execution runs, and whoever asks from now on is the daemon.
pub fn running() -> Outcome {
    stage::set()?;
    Spi::run(
        "SELECT pg_temp.queue(1);
         CREATE FUNCTION pg_temp.record(step jsonb) RETURNS boolean LANGUAGE sql AS $$
             SELECT automations.record(q.account_id, q.id, q.lease_token, jsonb_build_array(jsonb_build_object(
                    'node_id', 'w', 'run', 1, 'status', 'parked',
                    'idempotency_key', 'c0000000-0000-4000-8000-000000000001') || step))
               FROM automations.queue q WHERE q.lease_token IS NOT NULL ORDER BY q.id LIMIT 1
         $$;
         CREATE FUNCTION pg_temp.park(wake_in_ms bigint, step jsonb) RETURNS boolean LANGUAGE sql AS $$
             SELECT automations.park(q.account_id, q.id, q.lease_token, wake_in_ms, jsonb_build_array(
                    jsonb_build_object('node_id', 'w', 'run', 1, 'status', 'parked', 'wake_in_ms', wake_in_ms,
                        'idempotency_key', 'c0000000-0000-4000-8000-000000000001') || step), '[]', '{}')
               FROM automations.queue q WHERE q.lease_token IS NOT NULL ORDER BY q.id LIMIT 1
         $$;
         CREATE FUNCTION pg_temp.waited() RETURNS TABLE (step_key uuid, came text, outcome text, payload text)
         LANGUAGE sql AS $$
             SELECT w.* FROM automations.queue q
              CROSS JOIN LATERAL automations.waited(q.account_id, q.id, q.lease_token) w
              WHERE q.lease_token IS NOT NULL
         $$;
         CREATE FUNCTION pg_temp.finish(result jsonb) RETURNS bigint LANGUAGE sql AS $$
             SELECT count(*) FROM automations.finish(
                (SELECT array_agg(q.account_id ORDER BY q.id) FROM automations.queue q WHERE q.lease_token IS NOT NULL),
                (SELECT array_agg(q.id ORDER BY q.id) FROM automations.queue q WHERE q.lease_token IS NOT NULL),
                (SELECT array_agg(q.lease_token ORDER BY q.id) FROM automations.queue q
                  WHERE q.lease_token IS NOT NULL),
                (SELECT jsonb_agg(result) FROM automations.queue q WHERE q.lease_token IS NOT NULL))
         $$",
    )?;
    stage::as_daemon()?;
    Spi::run("SELECT pg_temp.claim(10)")
}

/// The step waits for this, as in `{"kind": "resume"}`, and the execution is parked.
pub fn parked_for(wait: &str) -> Outcome {
    running()?;
    assert_eq!(park(wait)?, "true");
    Ok(())
}

/// Parks the step that waits.
pub fn park(wait: &str) -> Result<String, spi::Error> {
    ask(&["SELECT pg_temp.park(NULL, '{\"wait\": ", wait, "}')"].concat())
}

/// What came for the execution that a daemon has in hand.
pub fn waited() -> Result<String, spi::Error> {
    ask("SELECT string_agg(concat_ws(' ', w.came, w.outcome, w.payload), '; ') FROM pg_temp.waited() w")
}

/// Where the execution is: parked, queued (free), held, or gone.
pub fn place() -> Result<String, spi::Error> {
    ask(
        "SELECT concat_ws(' ', (SELECT 'parked' FROM automations.parked LIMIT 1),
                (SELECT CASE WHEN q.lease_token IS NULL THEN 'queued' ELSE 'held' END
                   FROM automations.queue q ORDER BY q.id LIMIT 1))",
    )
}

/// The token of the step that waits, as the daemon signs it.
pub fn token(kind: TokenKind) -> Result<String, spi::Error> {
    let secret = ask("SELECT automations.token_secret()")?;
    let execution = ask("SELECT id FROM public.automation_executions ORDER BY id LIMIT 1")?;
    let parse = |id: &str| uuid::Uuid::parse_str(id).unwrap_or_default();
    let token = ResumeToken {
        kind,
        execution: parse(&execution),
        step: parse(KEY),
    };
    let secret = ResumeSecret::from_hex(&secret).map_err(|_| spi::Error::InvalidPosition)?;
    Ok(token.sign(&secret))
}
