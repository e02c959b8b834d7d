//! How large a graph may be, and how long it may run (CONTRACT section 6).

/// The bounds of one graph and of one execution of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Nodes in a graph, drawing included.
    pub nodes: usize,
    /// Bytes of `nodes` and `edges` together, as compact JSON.
    pub bytes: usize,
    /// How deep loops may lie in one another.
    pub loop_depth: usize,
    /// Steps that one execution may begin.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            nodes: 1_000,
            bytes: 1 << 20,
            loop_depth: 8,
            steps: 10_000,
        }
    }
}

/// Characters in a node's id. It is part of a primary key, and an index entry holds a third of a page at most.
pub const ID_CHARACTERS: usize = 200;

/// Levels of nesting in `nodes` and in `edges`. What reads JSON from text stops at 128, so nothing honest is deeper.
pub const JSON_DEPTH: usize = 100;

/// Items of one loop, whatever its list says: one iteration is a few hundred bytes of state.
pub const ITEMS: u64 = 100_000;
