//! The tests that run inside Postgres: the files of `pgrx-tests/`.

#[path = "../../pgrx-tests/stage.rs"]
pub mod stage;

#[path = "../../pgrx-tests/ends.rs"]
pub mod ends;

#[path = "../../pgrx-tests/hearing.rs"]
pub mod hearing;

#[path = "../../pgrx-tests/waiting.rs"]
pub mod waiting;

#[path = "../../pgrx-tests/acting_tenant.rs"]
mod acting_tenant;
#[path = "../../pgrx-tests/altered_history.rs"]
mod altered_history;
#[path = "../../pgrx-tests/api_keys.rs"]
mod api_keys;
#[path = "../../pgrx-tests/attacks.rs"]
mod attacks;
#[path = "../../pgrx-tests/base_schema.rs"]
mod base_schema;
#[path = "../../pgrx-tests/bulk.rs"]
mod bulk;
#[path = "../../pgrx-tests/capture.rs"]
mod capture;
#[path = "../../pgrx-tests/capture_containment.rs"]
mod capture_containment;
#[path = "../../pgrx-tests/capture_tables.rs"]
mod capture_tables;
#[path = "../../pgrx-tests/children.rs"]
mod children;
#[path = "../../pgrx-tests/claiming.rs"]
mod claiming;
#[path = "../../pgrx-tests/claims.rs"]
mod claims;
#[path = "../../pgrx-tests/cleanup.rs"]
mod cleanup;
#[path = "../../pgrx-tests/debounce.rs"]
mod debounce;
#[path = "../../pgrx-tests/ending.rs"]
mod ending;
#[path = "../../pgrx-tests/error_limit.rs"]
mod error_limit;
#[path = "../../pgrx-tests/event_starts.rs"]
mod event_starts;
#[path = "../../pgrx-tests/events.rs"]
mod events;
#[path = "../../pgrx-tests/executions.rs"]
mod executions;
#[path = "../../pgrx-tests/finish.rs"]
mod finish;
#[path = "../../pgrx-tests/from_json.rs"]
mod from_json;
#[path = "../../pgrx-tests/host.rs"]
mod host;
#[path = "../../pgrx-tests/install.rs"]
mod install;
#[path = "../../pgrx-tests/kept_statements.rs"]
mod kept_statements;
#[path = "../../pgrx-tests/kept_steps.rs"]
mod kept_steps;
#[path = "../../pgrx-tests/late_rows.rs"]
mod late_rows;
#[path = "../../pgrx-tests/limits.rs"]
mod limits;
#[path = "../../pgrx-tests/looking.rs"]
mod looking;
#[path = "../../pgrx-tests/park.rs"]
mod park;
#[path = "../../pgrx-tests/places.rs"]
mod places;
#[path = "../../pgrx-tests/policies.rs"]
mod policies;
#[path = "../../pgrx-tests/priority.rs"]
mod priority;
#[path = "../../pgrx-tests/re_entry.rs"]
mod re_entry;
#[path = "../../pgrx-tests/replaying.rs"]
mod replaying;
#[path = "../../pgrx-tests/rescue.rs"]
mod rescue;
#[path = "../../pgrx-tests/resuming.rs"]
mod resuming;
#[path = "../../pgrx-tests/retrying.rs"]
mod retrying;
#[path = "../../pgrx-tests/rights.rs"]
mod rights;
#[path = "../../pgrx-tests/run.rs"]
mod run;
#[path = "../../pgrx-tests/sample_app.rs"]
mod sample_app;
#[path = "../../pgrx-tests/schedules.rs"]
mod schedules;
#[path = "../../pgrx-tests/stats.rs"]
mod stats;
#[path = "../../pgrx-tests/tenant_nodes.rs"]
mod tenant_nodes;
#[path = "../../pgrx-tests/tenant_values.rs"]
mod tenant_values;
#[path = "../../pgrx-tests/tools.rs"]
mod tools;
#[path = "../../pgrx-tests/versions.rs"]
mod versions;
#[path = "../../pgrx-tests/wait_plans.rs"]
mod wait_plans;
#[path = "../../pgrx-tests/waits.rs"]
mod waits;
#[path = "../../pgrx-tests/watch.rs"]
mod watch;
#[path = "../../pgrx-tests/webhooks.rs"]
mod webhooks;
