//! The extension `automations`: what SQL cannot do, and the packing of `sql/`.
//!
//! | room | does |
//! |---|---|
//! | [`functions`] | packs `sql/functions` |
//! | [`install`] | `install()`: applies `sql/tables` as the owner of leads |
//! | [`capture`] | the statement triggers of watched tables |
//! | [`saving`] | the check and the version when an automation is saved |
//! | [`asking`] | `run()` and `cancel()`: look as the caller, act as the owner |
//! | [`tools`], [`api_keys`] | `tools()`, `call_tool()` and `create_api_key()`: the same |
//! | [`retrying`] | `retry()`: the same, and what is taken over fits the graph |
//! | [`resuming`], [`events`] | `resume()` by its token, `emit()`, whether a wait takes an event |
//! | [`tenant`] | what database nodes do as the tenant |
//! | [`host`] | whose a lead or conversation is, and whether it is there |
//! | [`from_json`] | what daemons send of executions, as jsonb |
//! | [`claiming`], [`keeping`], [`ending`] | without a query: captured changes are claimed, keep what is about to be done, end |
//! | [`tables`], [`holding`], [`in_place`] | the tables that this needs, what the changes refer to, jsonb where it lies |
//! | [`graphs`], [`schedules`], [`ids`], [`wake`] | what SQL asks of Rust |
//! | [`acting`], [`contained`], [`refusal`] | how to switch roles, to survive errors, to report them |
//! | [`catalogue`], [`newest`], [`stamp`] | what the catalogue says, and whether it is what was committed last |
// The error report of pgrx, which its functions return by value, is larger than clippy likes.
#![allow(clippy::result_large_err)]

::pgrx::pg_module_magic!(name, version);

pub mod acting;
pub mod api_keys;
pub mod asking;
pub mod capture;
pub mod catalogue;
pub mod claiming;
pub mod clock;
pub mod contained;
pub mod ending;
pub mod events;
pub mod from_json;
pub mod functions;
pub mod graphs;
pub mod holding;
pub mod host;
pub mod ids;
pub mod in_place;
pub mod install;
pub mod jsonb;
pub mod keeping;
pub mod newest;
pub mod patience;
pub mod plans;
pub mod refusal;
pub mod resuming;
pub mod retrying;
pub mod saving;
pub mod schedules;
pub mod stamp;
pub mod tables;
pub mod tenant;
pub mod tools;
pub mod wake;

/// When the library is loaded: by the server at its start, or by a session that calls one of its functions.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    // SAFETY: reads a variable of this process.
    let preloading = unsafe { pgrx::pg_sys::process_shared_preload_libraries_in_progress };
    wake::settings::register(preloading);
    if preloading {
        wake::worker::register();
    }
}

#[cfg(any(test, feature = "pg_test"))]
mod tests;

/// How `cargo pgrx test` sets up its server.
#[cfg(test)]
pub mod pg_test {
    /// Called once before the tests.
    pub fn setup(_options: Vec<&str>) {}

    /// Settings of the test server.
    #[must_use]
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec![]
    }
}
