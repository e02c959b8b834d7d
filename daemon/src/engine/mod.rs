//! The engine: walks a graph. It holds no SQL text and knows no HTTP: it asks [`crate::queue`] to write and
//! [`crate::nodes`] to act.

pub mod execution;
