//! The slow reference of `flow/tests/graphs/`, for what the engine itself did: the same files, compiled here once more.

#[path = "../../../flow/tests/graphs/slow/ending.rs"]
mod ending;
#[path = "../../../flow/tests/graphs/slow/net.rs"]
mod net;
#[path = "../../../flow/tests/graphs/slow/run.rs"]
mod run;
#[path = "../../../flow/tests/graphs/slow/scope.rs"]
mod scope;

pub use run::run;
