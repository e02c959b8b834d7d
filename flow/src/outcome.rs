//! What a run of a node chose. It is recorded with the step, and the position is a fold over it (rule 18).

use serde::{Deserialize, Serialize};

/// What a completed run chose. As JSON: `"default"`, `{"chose": ["true"]}`, `{"items": 3}`, `{"stopped": "success"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The ordinary way out: the default handle; of a node without one, what a disabled node would choose.
    Default,
    /// The handles with these names: of a condition, a switch, an approval; `timeout` of a wait.
    Chose(Vec<String>),
    /// It failed: its `error` edge, else `onError`, else the loops around it, else the execution (rule 11).
    Failed,
    /// Of a loop: how many items its list has. The loop itself ends when its last iteration has.
    Items(u64),
    /// Of `logic-stop`: the execution ends (rule 12).
    Stopped(Stop),
    /// Of `logic-break`: the innermost loop around it ends (rule 10).
    Broke,
    /// The node is disabled and passes its input on.
    Skipped,
}

/// How `logic-stop` ends the execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// As `completed`.
    Success,
    /// As `failed`, with the stop as the node that failed.
    Failure,
    /// As `cancelled`.
    Cancelled,
}
