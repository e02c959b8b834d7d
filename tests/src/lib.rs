//! What the end-to-end tests and the demonstration share: a database of its own for each test, a daemon
//! process, a receiver for what nodes send, and words for accounts, graphs and executions.
//!
//! The server is the one that `setup/cluster run -- ...` started; it speaks through the environment.

pub mod account;
pub mod agent;
pub mod clients;
pub mod cluster;
pub mod daemon;
pub mod database;
pub mod execution;
pub mod graph;
pub mod hook;
pub mod http;
pub mod listener;
pub mod oracle;
pub mod own_cluster;
pub mod proxy;
pub mod receiver;
pub mod resuming;
pub mod sample;
pub mod standby;
pub mod template;
pub mod waiting;

pub use account::Account;
pub use daemon::{Daemon, DaemonOptions};
pub use database::Database;
pub use execution::Execution;
pub use graph::Graph;
pub use proxy::Proxy;
pub use receiver::Receiver;
