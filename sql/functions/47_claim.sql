-- Claims up to `batch` executions for one daemon, under a token that every later write has to carry, for lease_ms
-- milliseconds; in fair turns (claim_in_turns), and without a query where one account alone has captured changes waiting that nobody
-- has touched yet (extension/src/claiming).
-- Rows without an id say other things: one with an account, up to which place the caller need not look for a while
-- (queue_turn; `known` and `places` are what earlier calls said; null: it does not want to know), and one with nothing
-- but look_in_ms, that something will be due then that nobody else wakes for. Whoever gets fewer than `batch`, and no
-- look_in_ms of 0, has got all that there was.
-- A claim is not waited for on its way to the disk, unless it ended something: if the server loses it, the queue row is
-- as it was, and whatever a daemon did under it that anybody could see was written after it, so that is lost too
-- (docs/decisions/claims_do_not_wait_for_the_disk.md).
CREATE FUNCTION automations.claim(
    token uuid, batch integer, lease_ms bigint, but_not uuid[] DEFAULT '{}', known uuid[] DEFAULT NULL,
    places uuid[] DEFAULT '{}')
RETURNS TABLE (
    id uuid, account_id uuid, automation_id uuid, version integer, trigger_type text, trigger_data text,
    lead_id uuid, conversation_id uuid, caused_by uuid, depth smallint, test_mode boolean, started_at timestamptz,
    attempt integer, crashes smallint, has_steps boolean, age_ms bigint, look_in_ms bigint, has_execution boolean,
    place uuid
)
LANGUAGE c
SET search_path = pg_catalog, pg_temp
-- as queue_turn() has them, and for its reasons
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
-- the plans do not depend on what is asked for, and to make them anew at each call took more time than to run them
SET plan_cache_mode = force_generic_plan
SET jit = off
AS 'MODULE_PATHNAME', 'claim_wrapper';
