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
        -- turns comes down to this. It is one statement, because to set one up costs more here than to run it. It gives
        -- nothing where anything is not as usual, and has then locked no more than what the turns look at again. Where it
        -- finds nothing that may run there is nothing, and nobody need read past all of it again.
        RETURN QUERY
        WITH rules AS MATERIALIZED (
            SELECT bool_or(s.name = 'paused' AND s.value = 'true' OR automations.is_foreign(s.name, s.value)) AS stop,
                   coalesce(max(CASE WHEN s.name = 'depth_limit' THEN (s.value #>> '{}')::integer END), 8) AS depth_limit
            FROM automations.settings s WHERE s.name IN ('paused', 'depth_limit', 'database_oid', 'system_identifier')
        ), lone AS MATERIALIZED (
            SELECT k.account_id
            -- the offset keeps it from being looked for in each of the conditions
            FROM (SELECT coalesce(known[1], (SELECT q.account_id FROM automations.queue q ORDER BY q.account_id LIMIT 1))
                  OFFSET 0) AS k (account_id)
            WHERE k.account_id IS NOT NULL AND (SELECT r.stop FROM rules r) IS NOT TRUE
              AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.account_id > k.account_id)
              AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.account_id < k.account_id)
              AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.priority <> 0)
              AND NOT EXISTS (SELECT FROM automations.limits)
              AND NOT EXISTS (SELECT FROM public.automation_accounts a WHERE a.account_id = k.account_id)
        ), next AS MATERIALIZED (
            SELECT q.account_id, q.id, q.automation_id, q.lead_id, q.conversation_id, q.depth,
                   automations.is_odd(q.has_execution, q.crashes, q.record, q.steps, q.trigger_data) AS odd
            FROM automations.queue q
            WHERE q.account_id = (SELECT l.account_id FROM lone l) AND q.lease_token IS NULL AND q.priority = 0
              AND q.id > coalesce(places[1], '00000000-0000-0000-0000-000000000000')
              AND (q.test_mode OR q.automation_id <> ALL (ARRAY(
                    SELECT a.id FROM public.automations a
                    WHERE a.user_id = (SELECT l.account_id FROM lone l) AND NOT (a.enabled AND a.status = 'active'))))
            ORDER BY q.id LIMIT batch FOR UPDATE OF q SKIP LOCKED
        ), fits AS MATERIALIZED (
            SELECT (array_agg(n.id ORDER BY n.id))[batch] AS last
            FROM next n
            HAVING NOT bool_or(n.odd) AND max(n.depth) <= (SELECT r.depth_limit FROM rules r)
               AND automations.all_held(array_agg(DISTINCT n.automation_id),
                   coalesce(array_agg(DISTINCT n.lead_id) FILTER (WHERE n.lead_id IS NOT NULL), '{}'),
                   coalesce(array_agg(DISTINCT n.conversation_id) FILTER (WHERE n.conversation_id IS NOT NULL), '{}'))
        ), leased AS (
            UPDATE automations.queue q
            SET lease_token = claim.token, lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
                attempt = q.attempt + 1
            FROM next n
            WHERE EXISTS (SELECT FROM fits) AND q.account_id = n.account_id AND q.id = n.id
            RETURNING q.*
        ), noted AS (
            INSERT INTO automations.claims AS c (token, accounts, ids)
            SELECT claim.token, array_agg(l.account_id), array_agg(l.id) FROM leased l HAVING count(*) > 0
            ON CONFLICT ON CONSTRAINT claims_pkey DO UPDATE
               SET accounts = c.accounts || excluded.accounts, ids = c.ids || excluded.ids
        )
        SELECT l.id, l.account_id, l.automation_id, l.version, l.trigger_type, l.trigger_data::text, l.lead_id,
               l.conversation_id, l.caused_by, l.depth, l.test_mode, l.occurred_at, l.attempt, l.crashes, false,
               automations.age_in_ms(l.occurred_at), NULL::bigint, false, NULL::uuid
        FROM leased l
        UNION ALL
        SELECT NULL, l.account_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               NULL, least(f.last, automations.uuid_at(clock_timestamp() - interval '250 milliseconds'))
        FROM lone l LEFT JOIN fits f ON true
        WHERE known IS NOT NULL AND (EXISTS (SELECT FROM fits) OR NOT EXISTS (SELECT FROM next))
        ORDER BY 1;
        IF FOUND THEN
            -- assigned: a statement would have to be set up
            done := set_config('synchronous_commit', 'off', true);
            RETURN;
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM automations.claim_in_turns(token, batch, lease_ms, but_not, known, places);
END
$$;
