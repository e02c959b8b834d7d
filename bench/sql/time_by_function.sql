-- Self time of functions, the most first. What is inlined is not here, nor is what a statement does by itself.
SELECT format('%s.%s', f.schemaname, f.funcname), f.calls::float8, f.self_time
FROM pg_stat_user_functions f WHERE f.self_time > 0 ORDER BY f.self_time DESC LIMIT 25
