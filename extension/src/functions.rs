//! The packing of `sql/functions`: one line for each file. Bodies are not checked when they are created, so only the
//! first (schema and role) and the last (rights) have a place of their own; between them the order is free.

use pgrx::extension_sql_file;

extension_sql_file!(
    "../../sql/functions/00_bootstrap.sql",
    name = "bootstrap",
    bootstrap
);

extension_sql_file!("../../sql/functions/10_uuid_at.sql");
extension_sql_file!("../../sql/functions/11_parse_owner.sql");
extension_sql_file!("../../sql/functions/12_put_capture_triggers.sql");
extension_sql_file!("../../sql/functions/13_drop_capture_triggers.sql");
extension_sql_file!("../../sql/functions/14_watch.sql");
extension_sql_file!("../../sql/functions/15_unwatch.sql");
extension_sql_file!("../../sql/functions/16_allow_table.sql");
extension_sql_file!("../../sql/functions/17_set_listeners.sql");
extension_sql_file!("../../sql/functions/18_save_version.sql");
extension_sql_file!("../../sql/functions/19_publish.sql");
extension_sql_file!("../../sql/functions/20_install.sql");
extension_sql_file!("../../sql/functions/21_missing.sql");
extension_sql_file!("../../sql/functions/22_grant_rights.sql");
extension_sql_file!("../../sql/functions/22_sees_past_policies.sql");
extension_sql_file!("../../sql/functions/23_join_tenant.sql");
extension_sql_file!("../../sql/functions/24_adopt.sql");
extension_sql_file!("../../sql/functions/25_uninstall.sql");
extension_sql_file!("../../sql/functions/26_owners_of.sql");
extension_sql_file!("../../sql/functions/30_capture.sql");
extension_sql_file!("../../sql/functions/31_fire_row.sql");
extension_sql_file!("../../sql/functions/31_replay_change.sql");
extension_sql_file!("../../sql/functions/32_check_automation.sql");
extension_sql_file!("../../sql/functions/33_publish_version.sql");
extension_sql_file!("../../sql/functions/34_resolve_trigger.sql");
extension_sql_file!("../../sql/functions/35_validate.sql");
extension_sql_file!("../../sql/functions/36_next_runs.sql");
extension_sql_file!("../../sql/functions/37_uuid_v7.sql");
extension_sql_file!("../../sql/functions/38_run.sql");
extension_sql_file!("../../sql/functions/39_cancel.sql");
extension_sql_file!("../../sql/functions/39_wake.sql");
extension_sql_file!("../../sql/functions/39_written_here.sql");
extension_sql_file!("../../sql/functions/40_is_copy.sql");
extension_sql_file!("../../sql/functions/41_chain.sql");
extension_sql_file!("../../sql/functions/41_readiness.sql");
extension_sql_file!("../../sql/functions/42_queue_turn.sql");
extension_sql_file!("../../sql/functions/43_hold_automations.sql");
extension_sql_file!("../../sql/functions/43_hold_executions.sql");
extension_sql_file!("../../sql/functions/45_inspect.sql");
extension_sql_file!("../../sql/functions/46_lease.sql");
extension_sql_file!("../../sql/functions/44_is_too_large.sql");
extension_sql_file!("../../sql/functions/47_claim.sql");
extension_sql_file!("../../sql/functions/48_heartbeat.sql");
extension_sql_file!("../../sql/functions/49_definition.sql");
extension_sql_file!("../../sql/functions/49_execution_steps.sql");
extension_sql_file!("../../sql/functions/50_in_milliseconds.sql");
extension_sql_file!("../../sql/functions/50_milliseconds_since.sql");
extension_sql_file!("../../sql/functions/50_nodes_executed.sql");
extension_sql_file!("../../sql/functions/51_write_steps.sql");
extension_sql_file!("../../sql/functions/52_record.sql");
extension_sql_file!("../../sql/functions/52_set_aside.sql");
extension_sql_file!("../../sql/functions/53_announce.sql");
extension_sql_file!("../../sql/functions/53_park.sql");
extension_sql_file!("../../sql/functions/54_finish.sql");
extension_sql_file!("../../sql/functions/55_interrupt.sql");
extension_sql_file!("../../sql/functions/55_release.sql");
extension_sql_file!("../../sql/functions/56_rescue.sql");
extension_sql_file!("../../sql/functions/57_unpark.sql");
extension_sql_file!("../../sql/functions/58_replay_missed.sql");
extension_sql_file!("../../sql/functions/60_claimed_user.sql");
extension_sql_file!("../../sql/functions/60_provenance.sql");
extension_sql_file!("../../sql/functions/60_snapshot.sql");
extension_sql_file!("../../sql/functions/61_start_execution.sql");
extension_sql_file!("../../sql/functions/62_cancel_execution.sql");
extension_sql_file!("../../sql/functions/63_queue_position.sql");
extension_sql_file!("../../sql/functions/64_stats.sql");
extension_sql_file!("../../sql/functions/65_node_stats.sql");
extension_sql_file!("../../sql/functions/66_overview.sql");
extension_sql_file!("../../sql/functions/70_become_tenant.sql");
extension_sql_file!("../../sql/functions/71_leave_tenant.sql");
extension_sql_file!("../../sql/functions/72_node_source_table.sql");
extension_sql_file!("../../sql/functions/72_node_table.sql");
extension_sql_file!("../../sql/functions/73_node_columns.sql");
extension_sql_file!("../../sql/functions/74_node_where.sql");
extension_sql_file!("../../sql/functions/75_node_order.sql");
extension_sql_file!("../../sql/functions/76_node_use_application_path.sql");
extension_sql_file!("../../sql/functions/77_node_insert.sql");
extension_sql_file!("../../sql/functions/78_node_change.sql");
extension_sql_file!("../../sql/functions/78_node_find.sql");
extension_sql_file!("../../sql/functions/79_node_db.sql");
extension_sql_file!("../../sql/functions/80_node_update_lead.sql");
extension_sql_file!("../../sql/functions/81_node_fields.sql");
extension_sql_file!("../../sql/functions/81_node_must_see.sql");
extension_sql_file!("../../sql/functions/82_node_create_booking.sql");
extension_sql_file!("../../sql/functions/82_node_send_message.sql");
extension_sql_file!("../../sql/functions/83_node_read.sql");

extension_sql_file!("../../sql/functions/99_grants.sql", name = "grants", finalize);
