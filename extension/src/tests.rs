//! The tests that run inside Postgres: the files of `pgrx-tests/`.

#[path = "../../pgrx-tests/stage.rs"]
pub mod stage;

#[path = "../../pgrx-tests/claims.rs"]
mod claims;
#[path = "../../pgrx-tests/cleanup.rs"]
mod cleanup;
#[path = "../../pgrx-tests/finish.rs"]
mod finish;
#[path = "../../pgrx-tests/park.rs"]
mod park;
#[path = "../../pgrx-tests/rescue.rs"]
mod rescue;
#[path = "../../pgrx-tests/run.rs"]
mod run;
#[path = "../../pgrx-tests/sample_app.rs"]
mod sample_app;
#[path = "../../pgrx-tests/stats.rs"]
mod stats;
#[path = "../../pgrx-tests/tenant_nodes.rs"]
mod tenant_nodes;
