-- Time of statements of the daemon, those inside functions too: the time of a call contains that of what it calls.
SELECT format('%s %s', CASE WHEN s.toplevel THEN 'call:' ELSE 'inside:' END, left(s.query, 150)), s.calls::float8,
       s.total_exec_time
FROM pg_stat_statements s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND s.userid IN ('daemon_login'::regrole, 'authenticated'::regrole, 'automations_daemon'::regrole)
ORDER BY s.total_exec_time DESC LIMIT 30
