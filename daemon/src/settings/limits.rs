//! The limits of CONTRACT section 6 that the daemon enforces, each a flag and an environment variable.

use clap::Args;

/// The limits; sizes in bytes.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Steps of one execution, all rounds and items counted.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_STEPS", default_value_t = 10_000)]
    pub max_steps: u64,
    /// A step's output as JSON, stored whole; larger fails the step with `too_large`.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_OUTPUT", default_value = "2MiB", value_parser = size)]
    pub max_output: usize,
    /// The body of an answer that an HTTP node reads.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_HTTP_ANSWER", default_value = "2MiB", value_parser = size)]
    pub max_http_answer: usize,
    /// Input or output as `nodes_executed` shows it; the rest is marked as cut.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_SHOWN", default_value = "256KiB", value_parser = size)]
    pub max_shown: usize,
    /// All inputs and outputs that `nodes_executed` shows of one execution.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_SHOWN_TOTAL", default_value = "16MiB", value_parser = size)]
    pub max_shown_total: usize,
    /// Outputs and variables that one execution holds in memory, as JSON; more ends it with `too_large`.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_HELD", default_value = "64MiB", value_parser = size)]
    pub max_held: usize,
    /// Nodes of a graph that runs here; saving one goes by the extension's own limit of 1,000.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_NODES", default_value_t = 1_000)]
    pub max_nodes: usize,
    /// Nodes and edges of a graph that runs here, as JSON; saving one goes by the extension's own limit of 1 MiB.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_GRAPH", default_value = "1MiB", value_parser = size)]
    pub max_graph: usize,
    /// Loops inside loops in a graph that runs here; saving one goes by the extension's own limit of 8.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_LOOP_DEPTH", default_value_t = 8)]
    pub max_loop_depth: usize,
    /// The body of a call of a webhook.
    #[arg(long, global = true, env = "AUTOMATIOND_MAX_HOOK_BODY", default_value = "1MiB", value_parser = size)]
    pub max_hook_body: usize,
    /// Calls of one webhook a minute, which this daemon takes; it may allow itself fewer.
    #[arg(
        long,
        global = true,
        env = "AUTOMATIOND_MAX_HOOK_CALLS",
        default_value_t = 120_000
    )]
    pub max_hook_calls: u32,
    /// Calls of all webhooks of one account a minute, which this daemon takes.
    #[arg(
        long,
        global = true,
        env = "AUTOMATIOND_MAX_ACCOUNT_CALLS",
        default_value_t = 300_000
    )]
    pub max_account_calls: u32,
}

impl Limits {
    /// The ones that belong to a graph, in the words of the flow crate.
    pub fn graph(&self) -> flow::Limits {
        flow::Limits {
            nodes: self.max_nodes,
            bytes: self.max_graph,
            loop_depth: self.max_loop_depth,
            steps: self.max_steps,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_steps: 10_000,
            max_output: 2 << 20,
            max_http_answer: 2 << 20,
            max_shown: 256 << 10,
            max_shown_total: 16 << 20,
            max_held: 64 << 20,
            max_nodes: 1_000,
            max_graph: 1 << 20,
            max_loop_depth: 8,
            max_hook_body: 1 << 20,
            max_hook_calls: 120_000,
            max_account_calls: 300_000,
        }
    }
}

/// A number that is no size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a size: give bytes, or a number with KiB or MiB")]
pub struct NotASize;

/// `2097152`, `512KiB` or `2MiB`.
pub fn size(text: &str) -> Result<usize, NotASize> {
    let (digits, unit) = match text.trim() {
        t if t.ends_with("KiB") => (t.trim_end_matches("KiB"), 1 << 10),
        t if t.ends_with("MiB") => (t.trim_end_matches("MiB"), 1 << 20),
        t => (t, 1),
    };
    let number: usize = digits.trim().parse().map_err(|_| NotASize)?;
    number
        .checked_mul(unit)
        .filter(|bytes| *bytes > 0)
        .ok_or(NotASize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_kibibytes_or_mebibytes() {
        assert_eq!(size("2MiB"), Ok(2 << 20));
        assert_eq!(size("256 KiB"), Ok(256 << 10));
        assert_eq!(size("77"), Ok(77));
        assert_eq!(size("0"), Err(NotASize));
        assert_eq!(size("2GB"), Err(NotASize));
        assert_eq!(size("99999999999999999999MiB"), Err(NotASize));
    }
}
