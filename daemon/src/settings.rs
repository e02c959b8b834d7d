//! Settings.

/// The limits of CONTRACT section 6 that the daemon enforces.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a step's output as JSON.
    pub max_output: usize,
}
