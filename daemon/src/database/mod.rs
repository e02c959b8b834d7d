//! The way to Postgres: what a connection string means, TLS, the pool and single connections.

pub mod connect;
pub mod pool;
pub mod tls;
pub mod url;
