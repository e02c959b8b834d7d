-- How a partition of the history is kept, by what happens to its rows: an execution is made and ended, so that there is a
-- dead version for each living one, and a step that acts outside is updated once, in its page where there is room (none
-- of its indexed columns changes). With the usual fifth of a week of millions the dead ones would lie there for days.
-- What a flow of some nodes leaves in its execution is a little over the usual two kilobytes when it is compressed, and to
-- put a part of it somewhere else takes longer than all the rest of its row: up to four it stays, two of them fill a page
-- (docs/decisions/rows_that_stay_in_their_page.md).
-- A partitioned table cannot hold these settings, and LIKE does not copy them.
CREATE OR REPLACE FUNCTION automations.tune_partition(leaf regclass, room integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text[] := ARRAY['fillfactor=' || room, 'autovacuum_vacuum_scale_factor=0.05',
        'autovacuum_vacuum_threshold=1000', 'autovacuum_vacuum_insert_scale_factor=0.1',
        'autovacuum_analyze_scale_factor=0.05'];
BEGIN
    IF room = 100 THEN -- executions
        wanted := array_append(wanted, 'toast_tuple_target=4080');
    END IF;
    IF (SELECT c.reloptions @> wanted FROM pg_class c WHERE c.oid = leaf) IS NOT TRUE THEN
        EXECUTE format('ALTER TABLE %s SET (%s)', leaf, array_to_string(wanted, ', '));
    END IF;
END
$$;
REVOKE ALL ON FUNCTION automations.tune_partition(regclass, integer) FROM PUBLIC;
SELECT automations.tune_partition(i.inhrelid::regclass,
    CASE i.inhparent WHEN 'automations.steps'::regclass THEN 85 ELSE 100 END)
  FROM pg_inherits i
 WHERE i.inhparent IN ('public.automation_executions'::regclass, 'automations.steps'::regclass);
