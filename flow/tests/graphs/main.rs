//! The meaning of a graph (DESIGN section 5): cases, a table of graphs, a slow reference
//! written from the rules, random graphs.
//!
//! The names of the tests say what they show; `slow` is the reference, `walk` drives the real thing the same way.

// A test may stop at what should not be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod anything;
mod build;
mod cases;
mod drawing;
mod entry;
mod forms;
mod properties;
mod random;
mod rules;
mod slow;
mod steps;
mod table;
mod waiting;
mod walk;
