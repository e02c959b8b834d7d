//! What the walks of a daemon write together: parking, the records of steps, and what is kept in the queue.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::record::Record;
use super::together::{Together, Write};
use crate::gathering::Gathering;
use crate::queue::record::Sure;
use crate::queue::{Claim, Queue, QueueError};

/// What a walk has of one execution; it may have to write it alone.
type Steps = Arc<Vec<Record>>;

fn bytes(steps: &[Record]) -> usize {
    steps.iter().map(|step| step.get().len()).sum()
}

fn slices<'a>(records: &[&'a Steps]) -> Vec<&'a [Record]> {
    records.iter().map(|steps| steps.as_slice()).collect()
}

/// One line for each kind of write.
pub struct Groups {
    /// Executions that only wait for time to pass.
    pub parks: Together<Parks>,
    /// Records that need not be on the disk.
    soon: Together<Records>,
    /// The others.
    on_disk: Together<Records>,
    /// Records of what is about to act and has no row yet.
    pub keeps: Together<Keeps>,
}

impl Groups {
    /// Starts their tasks.
    pub fn start(queue: &Queue, gathering: &Gathering) -> Groups {
        let records = |sure| {
            let queue = queue.clone();
            Together::start(Records { queue, sure }, gathering.clone())
        };
        Groups {
            parks: Together::start(Parks(queue.clone()), gathering.clone()),
            soon: records(Sure::Soon),
            on_disk: records(Sure::OnDisk),
            keeps: Together::start(Keeps(queue.clone()), gathering.clone()),
        }
    }

    /// Where records go that have to be this sure.
    pub fn records(&self, sure: Sure) -> &Together<Records> {
        match sure {
            Sure::Soon => &self.soon,
            Sure::OnDisk => &self.on_disk,
        }
    }
}

/// Parking.
pub struct Parks(Queue);

impl Write for Parks {
    type What = Box<RawValue>;

    fn bytes(park: &Box<RawValue>) -> usize {
        park.get().len()
    }

    fn is_worth(group: usize) -> bool {
        group > 1 // park() does more
    }

    async fn write(&self, claims: &[Claim], parks: &[&Box<RawValue>]) -> Result<HashSet<Uuid>, QueueError> {
        let parks: Vec<&RawValue> = parks.iter().map(|park| &***park).collect();
        self.0.park_many(claims, &parks).await
    }
}

/// Recording steps.
pub struct Records {
    queue: Queue,
    sure: Sure,
}

impl Write for Records {
    type What = Steps;

    fn bytes(steps: &Steps) -> usize {
        bytes(steps)
    }

    fn is_worth(_: usize) -> bool {
        true // while one is written, others gather
    }

    async fn write(&self, claims: &[Claim], records: &[&Steps]) -> Result<HashSet<Uuid>, QueueError> {
        if let ([claim], [steps]) = (claims, records) {
            let written = self.queue.record(*claim, steps, self.sure).await?; // quicker with one
            return Ok(written.then_some(claim.id).into_iter().collect());
        }
        let records = slices(records);
        self.queue.record_many(claims, &records, self.sure).await
    }
}

/// Keeping steps in the queue.
pub struct Keeps(Queue);

impl Write for Keeps {
    type What = Steps;

    fn bytes(steps: &Steps) -> usize {
        bytes(steps)
    }

    fn is_worth(_: usize) -> bool {
        true
    }

    async fn write(&self, claims: &[Claim], records: &[&Steps]) -> Result<HashSet<Uuid>, QueueError> {
        let records = slices(records);
        self.0.keep_steps(claims, &records).await
    }
}
