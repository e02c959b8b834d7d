-- Last in the script: nobody may call anything but what is granted here, function by function. Grants to the tenant
-- role, the service role and the owner of the tables are made by install() (22_grant_rights), because those roles
-- need not exist yet. pg_database_owner is whoever owns the database now, also after a restore: it may pass on.
DO $$
DECLARE
    member regprocedure;
BEGIN
    FOR member IN
        SELECT p.oid FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'automations'
          JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND p.pronamespace = 'automations'::regnamespace
         WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.refclassid = 'pg_catalog.pg_extension'::regclass
           AND d.deptype = 'e'
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', member);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_database_owner WITH GRANT OPTION', member);
    END LOOP;
END
$$;

-- Column defaults call it, with the rights of whoever inserts.
GRANT EXECUTE ON FUNCTION automations.uuid_v7() TO PUBLIC;

-- The daemon.
GRANT USAGE ON SCHEMA automations TO automations_daemon;
GRANT EXECUTE ON FUNCTION automations.uuid_at(timestamptz) TO automations_daemon;
GRANT EXECUTE ON FUNCTION automations.wake() TO automations_daemon;
GRANT EXECUTE ON FUNCTION automations.replay_change(text, text, jsonb, uuid, smallint) TO automations_daemon;
DO $$
DECLARE
    called text;
BEGIN
    FOREACH called IN ARRAY ARRAY[
        -- what it calls
        'readiness', 'claim', 'heartbeat', 'definition', 'execution_steps', 'record', 'record_with_effect', 'park',
        'park_many', 'finish', 'finish_with_effect', 'release', 'look', 'rescue', 'unpark', 'announce',
        'replay_missed', 'become_tenant', 'last_of_tenant', 'leave_tenant', 'next_of_tenant', 'node_db', 'node_update_lead',
        'node_create_booking', 'node_send_message', 'node_read', 'waited', 'start_child', 'deliver_events',
        'token_secret', 'resume', 'outcome', 'webhook', 'start_webhooks', 'count_webhook_calls', 'waiting_step', 'start_notified',
        'stop_leading', 'fire_schedules', 'api_key', 'use_api_key', 'agent_tools', 'tools_stamp', 'start_tool',
        'progress', 'record_many', 'keep_steps', 'from_json',
        -- what those call as their caller
        'due_runs', 'fire_due', 'schedules_due_in', 'is_copy', 'is_foreign', 'own_identifier', 'claim_in_turns',
        'queue_turn', 'is_odd', 'age_in_ms', 'is_held', 'inspect', 'all_held', 'hold_automations',
        'hold_executions', 'hold_host', 'chain', 'lease', 'create_executions', 'create_one', 'show_execution',
        'end_captured', 'keep_captured', 'finish_one', 'milliseconds_since', 'in_milliseconds', 'nodes_executed', 'output_of', 'whole_step',
        'write_steps', 'interrupt', 'roles_past_policies', 'set_aside', 'refuse_while_locked', 'is_too_large',
        'set_pending', 'write_waits',
        'requeue', 'wake_waiting', 'hold_parents', 'hold_waits', 'hand_to_parents', 'end_waits', 'is_free',
        'cancel_execution', 'cancel_left_children', 'event_data', 'event_matches', 'refuse_child', 'wait_for_child',
        'start_execution', 'snapshot', 'provenance', 'claimed_user', 'resolve_trigger', 'account_of',
        'waiting_accounts', 'full_limits', 'within_limits', 'admit', 'entry_rules', 'priority_of', 'folded_change',
        'end_windows', 'end_due_windows', 'free_slots', 'keep_occurrence', 'keep_changes', 'event_fires',
        'start_listeners', 'tenant_role']
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION automations.%I TO automations_daemon', called);
    END LOOP;
END
$$;
