-- Leads and conversations are sources like any other table.
SELECT automations.watch((SELECT (value #>> '{}')::regclass FROM automations.settings WHERE name = 'leads'),
                         'lead', 'user_id');
SELECT automations.watch((SELECT (value #>> '{}')::regclass FROM automations.settings
                           WHERE name = 'conversations'),
                         'conversation',
                         format('agent_id->%s.user_id', (SELECT (value #>> '{}')::regclass
                                                           FROM automations.settings WHERE name = 'agents')));
