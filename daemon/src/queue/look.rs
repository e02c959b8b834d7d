//! `automations.look`: everything that a poll asks, in one statement.

use std::time::Duration;

use super::readiness::Readiness;
use super::{Queue, QueueError};

/// What a poll saw.
#[derive(Debug)]
pub struct Look {
    /// Whether anything may be done at all.
    pub readiness: Readiness,
    /// What there is to do; none where nothing may be done.
    pub work: Option<Work>,
}

/// For each kind of work whether there is any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// The queue holds something, perhaps in others' hands.
    pub queued: bool,
    /// Somebody has claimed something, whose lease may have lapsed.
    pub claimed: bool,
    /// When something parked or a schedule is due; zero: now, none: nothing has a time.
    pub due_in: Option<Duration>,
    /// An event is to be delivered.
    pub emitted: bool,
    /// A missed change or statistics wait to be made up for.
    pub put_aside: bool,
}

impl Queue {
    /// Looks. `proof` is notified to this daemon's listener, which has to hear it.
    pub async fn look(&self, proof: Option<&str>) -> Result<Look, QueueError> {
        let row = self
            .calls
            .read_one(
                "SELECT schema_version, library_version, paused, is_copy, in_recovery, is_superuser, tenant_role, \
                 server_version_num, has_bypassrls, queued, claimed, due_in_ms, emitted, put_aside \
                 FROM automations.look($1)",
                &[&proof],
            )
            .await?;
        let readiness = Readiness::of(&row)?;
        let Some(queued) = row.try_get(9)? else {
            return Ok(Look {
                readiness,
                work: None,
            });
        };
        let due_in: Option<i64> = row.try_get(11)?;
        Ok(Look {
            readiness,
            work: Some(Work {
                queued,
                claimed: row.try_get(10)?,
                due_in: due_in.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
                emitted: row.try_get(12)?,
                put_aside: row.try_get(13)?,
            }),
        })
    }
}
