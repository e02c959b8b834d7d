//! automationd: see `daemon/`.
fn main() {}
