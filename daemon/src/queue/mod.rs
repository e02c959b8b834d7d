//! The queue: every change of state is one SQL function with one name, and each file here calls one of them
//! (DESIGN section 2). The daemon holds no other SQL.

pub mod error;
pub mod record;
pub mod tenant;
