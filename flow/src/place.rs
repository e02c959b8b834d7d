//! Where a step runs, and what identifies it: node, place and run (rule 17).

use std::{fmt, str::FromStr, sync::Arc};

use serde::Serialize;
use uuid::Uuid;

/// One iteration of one run of a loop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Iteration {
    /// The loop's node id.
    #[serde(rename = "loop")]
    pub loop_id: Arc<str>,
    /// Which run of the loop in its own place, from 1.
    pub run: u32,
    /// Which item, from 0.
    pub item: u32,
}

/// The iterations around a step, outermost first; empty for the execution itself. Cheap to clone.
///
/// Its text is canonical JSON and part of a primary key: `[]`, `[["each",1,0],["inner",2,5]]`.
///
/// ```
/// let place: flow::Place = r#"[["each",1,0]]"#.parse().unwrap();
/// assert_eq!(place.iterations()[0].item, 0);
/// assert_eq!(place.to_string(), r#"[["each",1,0]]"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place(Arc<[Iteration]>);

impl Place {
    /// The iterations, outermost first.
    pub fn iterations(&self) -> &[Iteration] {
        &self.0
    }

    /// Whether this is the execution itself.
    pub fn is_outermost(&self) -> bool {
        self.0.is_empty()
    }

    /// The place around this one; none around the execution itself.
    pub fn parent(&self) -> Option<Place> {
        let (_, around) = self.0.split_last()?;
        Some(Place(around.into()))
    }

    /// The place of one item of a loop that runs here.
    pub fn inside(&self, loop_id: Arc<str>, run: u32, item: u32) -> Place {
        let mut iterations = self.0.to_vec();
        iterations.push(Iteration { loop_id, run, item });
        Place(iterations.into())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (k, one) in self.0.iter().enumerate() {
            let comma = if k == 0 { "" } else { "," };
            let id = serde_json::Value::from(&*one.loop_id); // quotes and escapes it
            write!(f, "{comma}[{id},{},{}]", one.run, one.item)?;
        }
        f.write_str("]")
    }
}

/// A text that is not a place.
#[derive(Debug, thiserror::Error)]
#[error("not a place, which looks like [[\"loop\",1,0]]: {0}")]
pub struct PlaceError(#[from] serde_json::Error);

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Place, PlaceError> {
        let around: Vec<(String, u32, u32)> = serde_json::from_str(text)?;
        let named = |(id, run, item): (String, u32, u32)| Iteration {
            loop_id: id.into(),
            run,
            item,
        };
        Ok(Place(around.into_iter().map(named).collect()))
    }
}

/// What identifies a step in its execution, in memory and in the table of steps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// The node's id.
    pub node: Arc<str>,
    /// Where it runs.
    pub place: Place,
    /// Which run of that node in that place, from 1.
    pub run: u32,
}

impl StepId {
    /// The idempotency key of this step in an execution: the same for every attempt, in every daemon, for ever
    /// (UUID version 5 with the execution's id as its namespace).
    pub fn idempotency_key(&self, execution: Uuid) -> Uuid {
        let node = serde_json::Value::from(&*self.node);
        Uuid::new_v5(
            &execution,
            format!("[{node},{},{}]", self.place, self.run).as_bytes(),
        )
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} run {}", self.node, self.run)?;
        if !self.place.is_outermost() {
            write!(f, " in {}", self.place)?;
        }
        Ok(())
    }
}
