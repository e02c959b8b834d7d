-- Why an execution may not start this automation: a sentence and the error code of the node; no row where it may. An
-- automation of another account does not exist.
CREATE FUNCTION automations.refuse_child(
    account_id uuid, execution_id uuid, depth smallint, test_mode boolean, automation_id uuid, input jsonb)
RETURNS TABLE (refused text, code text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH called AS (
        SELECT a.name, a.status = 'active' AND a.enabled AS active
        FROM public.automations a WHERE a.id = automation_id AND a.user_id = refuse_child.account_id
    ), most AS (
        SELECT coalesce((SELECT (s.value #>> '{}')::integer FROM automations.settings s
                          WHERE s.name = 'depth_limit'), 8) AS depth
    )
    SELECT * FROM (
        SELECT format('automation %s does not exist', coalesce(automation_id::text, 'null')), 'node_failed'
        WHERE NOT EXISTS (SELECT FROM called)
        UNION ALL
        SELECT format('automation "%s" is not active', c.name), 'node_failed'
        FROM called c WHERE NOT c.active AND NOT refuse_child.test_mode
        UNION ALL
        SELECT format('Automations started each other more than %s times in a row: %s', m.depth,
            array_to_string(automations.chain(execution_id) || c.name, ' -> ')), 'loop_depth'
        FROM called c, most m WHERE refuse_child.depth + 1 > m.depth
        UNION ALL
        SELECT 'the input is larger than 1 MiB as JSON', 'too_large'
        FROM called WHERE automations.is_too_large(input)
    ) r (refused, code)
    LIMIT 1
$$;
