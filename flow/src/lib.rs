//! The graph as data: parse, check, plan, conditions, templates, schedules.
//!
//! Pure: no Postgres, no tokio, no I/O, no clock of its own. The extension uses it to refuse a broken graph
//! when it is saved, the daemon to run it, so every rule has one meaning.
