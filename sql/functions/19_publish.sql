-- Turns a draft into an active and enabled automation, or gives the current state a version with a note. Returns
-- the version. Row level security decides whether the caller may: what he does not see does not exist.
CREATE FUNCTION automations.publish(automation_id uuid, note text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    published integer;
BEGIN
    PERFORM set_config('automations.note', coalesce(note, ''), true);
    -- asking for another number than the current one is how a save asks for a version of its own
    UPDATE public.automations a
       SET status = 'active', enabled = true, version = coalesce(a.version, 0) + 1
     WHERE a.id = publish.automation_id
    RETURNING a.version INTO published;
    PERFORM set_config('automations.note', '', true);
    IF published IS NULL THEN
        RAISE EXCEPTION 'automation % does not exist', automation_id USING ERRCODE = 'no_data_found';
    END IF;
    RETURN published;
END
$$;
