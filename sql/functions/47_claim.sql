-- Claims up to `batch` executions for one daemon, under a token that every later write has to carry, for lease_ms
-- milliseconds; in fair turns (claim_in_turns) unless one account alone has anything waiting.
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
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- as queue_turn() has them, and for its reasons
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
-- the plans do not depend on what is asked for, and to make them anew at each call took more time than to run them
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    done text;
BEGIN
    IF batch > 0 AND cardinality(but_not) = 0 AND coalesce(cardinality(known), 0) <= 1 THEN
        -- One account alone of which nothing is to be decided, as it is nearly always where little waits: what is done in
        -- turns comes down to this. It gives nothing where anything is not as usual, and has then locked no more than what
        -- the turns look at again. Where it finds nothing that may run there is nothing, and nobody need read past all of it
        -- again.
        RETURN QUERY
        SELECT c.id, c.account_id, c.automation_id, c.version, c.trigger_type, c.trigger_data::text, c.lead_id,
               c.conversation_id, c.caused_by, c.depth, c.test_mode, c.started_at, c.attempt, c.crashes, c.has_steps, c.age_ms,
               c.look_in_ms, c.has_execution,
               CASE WHEN c.id IS NULL AND c.account_id IS NOT NULL THEN
                   least(c.looked_to, automations.uuid_at(clock_timestamp() - interval '250 milliseconds')) END
        FROM (SELECT x.*, CASE WHEN x.id IS NOT NULL THEN 0::smallint END AS crashes,
                     CASE WHEN x.id IS NOT NULL THEN false END AS has_steps,
                     CASE WHEN x.id IS NOT NULL THEN false END AS has_execution
              FROM automations.claim_captured(token, batch, lease_ms, known[1], places[1]) x) c
        WHERE c.id IS NOT NULL OR c.look_in_ms IS NOT NULL OR known IS NOT NULL;
        IF FOUND THEN
            -- assigned: a statement would have to be set up
            done := set_config('synchronous_commit', 'off', true);
            RETURN;
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM automations.claim_in_turns(token, batch, lease_ms, but_not, known, places);
END
$$;
