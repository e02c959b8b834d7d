//! The files that `install()` applies, in their order: one line for each.

/// One file of SQL: its name, for error messages, and its text.
pub type Packed = (&'static str, &'static str);

macro_rules! packed {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../sql/", $folder, "/", $name)))),*]
    };
}

/// A small host application, for a first try and for tests.
pub const SAMPLE_APP: &[Packed] = packed!["sample_app":
    "01_roles.sql",
    "02_account_members.sql",
    "03_has_account_access.sql",
    "04_updated_at.sql",
    "10_agents.sql",
    "11_leads.sql",
    "12_conversations.sql",
    "13_messages.sql",
    "14_note_message.sql",
    "15_bookings.sql",
    "20_policies.sql",
    "21_grants.sql",
    "30_accounts.sql",
    "90_seed_tables.sql",
    "91_seed_new_lead.sql",
    "92_seed_quiet_conversation.sql",
    "93_seed_routed_lead.sql",
];

/// The tables, their policies, triggers, functions and grants.
pub const TABLES: &[Packed] = packed!["tables":
    "10_settings.sql",
    "11_default_settings.sql",
    "12_identity.sql",
    "13_sources.sql",
    "14_schema_version.sql",
    "20_automations.sql",
    "21_automations_checks.sql",
    "22_automations_agent.sql",
    "23_automation_versions.sql",
    "24_automation_accounts.sql",
    "30_listeners.sql",
    "31_queue.sql",
    "32_parked.sql",
    "33_steps.sql",
    "34_missed.sql",
    "35_uncounted.sql",
    "36_execution_keys.sql",
    "37_pending.sql",
    "40_base_triggers_go.sql",
    "41_executions_hang_on.sql",
    "42_take_in_executions.sql",
    "43_automation_executions.sql",
    "44_executions_checks.sql",
    "45_executions_indexes.sql",
    "46_close_partition.sql",
    "47_make_partition.sql",
    "48_drop_partition.sql",
    "49_keep_partitions.sql",
    "50_maintain.sql",
    "51_watch_new_leaves.sql",
    "52_fold_uncounted.sql",
    "53_account_of.sql",
    "54_policies.sql",
    "60_updated_at.sql",
    "61_check_and_publish.sql",
    "62_version_is_immutable.sql",
    "63_fill_execution.sql",
    "64_queue_execution.sql",
    "65_final_state_stays.sql",
    "66_fire_lead_automations.sql",
    "67_fire_conversation_automations.sql",
    "70_watch_host_tables.sql",
    "71_first_partitions.sql",
    "72_first_versions.sql",
    "79_lock_to_count.sql",
    "80_update_automation_stats.sql",
    "81_forget_executions.sql",
    "81_has_passed.sql",
    "82_drop_passed_partition.sql",
    "82_passed_partition.sql",
    "83_cleanup_old_executions.sql",
    "84_schedule_cleanup.sql",
    "85_wait.sql",
    "86_members_see_their_queue.sql",
    "87_tenant_reads_mappings.sql",
    "88_close_what_defaults_opened.sql",
    "90_grants.sql",
    "91_daemon_policies.sql",
    "92_tenant_grants.sql",
];
