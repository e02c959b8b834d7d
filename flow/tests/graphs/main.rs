//! The meaning of a graph (DESIGN section 5): cases, a slow reference written from the rules, random graphs.
//!
//! The names of the tests say what they show; `slow` is the reference, `walk` drives the real thing the same way.

mod build;
mod cases;
mod properties;
mod random;
mod slow;
mod walk;
