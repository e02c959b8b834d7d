//! The one client for everything that leaves (TRUST 2.3).

/// The client; see TRUST 2.3.
pub struct Egress;
