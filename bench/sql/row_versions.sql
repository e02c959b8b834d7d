-- Row versions so far, partitions summed up under their parent.
SELECT coalesce(p.relname, s.relname)::text AS tab, sum(s.n_tup_ins)::bigint, sum(s.n_tup_upd)::bigint,
       sum(s.n_tup_hot_upd)::bigint, sum(s.n_tup_del)::bigint
FROM pg_stat_user_tables s
LEFT JOIN pg_inherits i ON i.inhrelid = s.relid
LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE s.schemaname IN ('public', 'automations')
GROUP BY 1 ORDER BY 1
