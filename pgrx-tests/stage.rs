//! Sets the stage for tests: the sample application, and short ways to act as somebody and to ask.
//! Ada's account has three automations, the first of which ("New lead") the tests queue by hand.

use pgrx::prelude::*;
use pgrx::spi;

/// What a test returns: an error of SQL that it did not expect fails it.
pub type Outcome = Result<(), spi::Error>;

/// Ada, who sells bicycles.
pub const ADA: &str = "a0000000-0000-4000-8000-0000000000a1";
/// Bob, who sells boats.
pub const BOB: &str = "b0000000-0000-4000-8000-0000000000b1";
/// A lead of Ada's.
pub const ALAN: &str = "a0000000-0000-4000-8000-000000000022";
/// A lead of Bob's.
pub const FRANCIS: &str = "b0000000-0000-4000-8000-000000000021";
/// Ada's automation "New lead".
pub const NEW_LEAD: &str = "a0000000-0000-4000-8000-000000000041";

/// Installs everything, with a daemon's login and an empty queue. `pg_temp.claim` claims and makes the rows of what has
/// none, as the first record of each would; `pg_temp.claim_unseen` only claims.
pub fn set() -> Outcome {
    Spi::run(
        "SELECT automations.install(sample_app => true);
         CREATE ROLE daemon_of_the_test LOGIN IN ROLE automations_daemon;
         DELETE FROM automations.queue;
         CREATE FUNCTION pg_temp.state_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN
             EXECUTE statement;
             RETURN '00000';
         EXCEPTION WHEN OTHERS THEN
             RETURN SQLSTATE;
         END $$;
         CREATE FUNCTION pg_temp.queue(n integer) RETURNS void LANGUAGE sql AS $$
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type, trigger_data, lead_id)
             SELECT a.user_id, a.id, a.version, 'event', '{\"event\": \"INSERT\"}',
                    'a0000000-0000-4000-8000-000000000022'
               FROM public.automations a, generate_series(1, n) WHERE a.name = 'New lead'
         $$;
         CREATE FUNCTION pg_temp.claim(n integer) RETURNS SETOF uuid LANGUAGE sql AS $$
             SELECT c.id FROM automations.claim('11111111-1111-4111-8111-111111111111', n, 30000) c
              WHERE c.id IS NOT NULL AND (c.has_execution OR automations.show_execution(c.account_id, c.id))
         $$;
         CREATE FUNCTION pg_temp.turn(batch integer, passed uuid[] DEFAULT '{}', known uuid[] DEFAULT NULL,
             places uuid[] DEFAULT '{}') RETURNS TABLE (account_id uuid, id uuid) LANGUAGE sql AS $$
             SELECT u.* FROM automations.queue_turn(batch, passed, known => known, places => places) t,
                    unnest(t.account_ids, t.ids) u
         $$;
         CREATE FUNCTION pg_temp.claim_unseen(n integer) RETURNS SETOF uuid LANGUAGE sql AS $$
             SELECT c.id FROM automations.claim('11111111-1111-4111-8111-111111111111', n, 30000) c
         $$;",
    )
}

/// Takes away what `set` made and what has run since, by the superuser, so that it can be set again.
pub fn clear() -> Outcome {
    as_superuser()?;
    Spi::run(
        "DELETE FROM automations.queue; DELETE FROM automations.steps; DELETE FROM public.automation_executions;
         UPDATE public.automations SET execution_count = 0;
         DROP FUNCTION pg_temp.state_of, pg_temp.queue, pg_temp.claim, pg_temp.claim_unseen, pg_temp.turn;
         DROP ROLE daemon_of_the_test",
    )
}

/// Everything that follows is said by the daemon's login.
pub fn as_daemon() -> Outcome {
    Spi::run("SET LOCAL SESSION AUTHORIZATION daemon_of_the_test")
}

/// Everything that follows is said by the superuser again.
pub fn as_superuser() -> Outcome {
    Spi::run("RESET ROLE; RESET SESSION AUTHORIZATION")
}

/// Everything that follows is said by a signed-in user of the application.
pub fn as_user(user: &str) -> Outcome {
    as_superuser()?;
    Spi::run_with_args(
        "SELECT set_config('request.jwt.claims', jsonb_build_object('sub', $1)::text, true)",
        &[user.into()],
    )?;
    Spi::run("SET LOCAL ROLE authenticated")
}

/// Everything that follows is said by the daemon in the name of an account.
pub fn as_tenant(account: &str) -> Outcome {
    as_daemon()?;
    Spi::run_with_args(
        "SELECT automations.become_tenant($1::uuid, automations.uuid_v7(), 0::smallint, 500, 5000)",
        &[account.into()],
    )
}

/// Installs everything; what follows is said by the daemon in Ada's name.
pub fn as_adas_automation() -> Outcome {
    set()?;
    as_tenant(ADA)
}

/// The one value that a query gives, as text; empty for null and for no row.
pub fn ask(query: &str) -> Result<String, spi::Error> {
    Ok(Spi::get_one::<String>(&["SELECT (", query, ")::text"].concat())?.unwrap_or_default())
}

/// The SQLSTATE with which a statement ends, its effects undone where it failed.
pub fn state_of(statement: &str) -> Result<String, spi::Error> {
    Ok(
        Spi::get_one_with_args::<String>("SELECT pg_temp.state_of($1)", &[statement.into()])?
            .unwrap_or_default(),
    )
}
