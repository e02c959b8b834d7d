-- $1: leads, $2: the transactions that inserted them. When each came, its first node after the trigger began (by the
-- daemon's clock, which is this machine's), it was updated, its execution was complete; seconds since 1970.
SELECT i.id,
       extract(epoch FROM pg_xact_commit_timestamp(i.transaction::xid))::float8,
       (SELECT min(extract(epoch FROM s.started_at))::float8 FROM automations.recorded_steps s
         WHERE s.execution_id = e.id AND s.node_type NOT LIKE 'trigger%'),
       extract(epoch FROM pg_xact_commit_timestamp(l.xmin))::float8,
       extract(epoch FROM pg_xact_commit_timestamp(e.xmin))::float8
FROM unnest($1::uuid[], $2::text[]) AS i (id, transaction)
JOIN public.leads l ON l.id = i.id
JOIN public.automation_executions e ON e.lead_id = i.id
