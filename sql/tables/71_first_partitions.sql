-- The partitions of this week and the next four. In one transaction here: nobody uses the tables yet.
DO $$
BEGIN
    FOR pass IN 1..5 LOOP
        EXIT WHEN automations.keep_partitions() = 0;
    END LOOP;
END
$$;
