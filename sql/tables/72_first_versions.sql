-- Automations that were there before versions: each active one gets its first version and its listeners, unless
-- it cannot run, which check_automation() says when it is saved the next time. Nothing of theirs is queued.
SELECT automations.save_version(a.id, NULL, NULL)
  FROM public.automations a
 WHERE a.version IS NULL AND a.status IN ('active', 'error')
   AND NOT EXISTS (SELECT FROM automations.validate(a.nodes, a.edges) v WHERE v.severity = 'error');
