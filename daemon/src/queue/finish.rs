//! `automations.finish`: ends executions, as many as are ready, in one transaction.

use std::collections::HashSet;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::sent::Sent;
use super::{Claim, Queue, QueueError, columns};

/// What came of a call.
pub struct Written {
    /// The executions that were ended.
    pub ids: HashSet<Uuid>,
    /// Some are not in the statistics of their automations yet: somebody else counted at that moment.
    pub uncounted: bool,
}

impl Queue {
    /// Ends executions; `results[i]` belongs to `claims[i]`. Of several, those whose rows somebody has locked are passed
    /// over: ask again with one alone, which waits, and whose absence in the answer means that its lease is lost.
    pub async fn finish(&self, claims: &[Claim], results: &[&RawValue]) -> Result<Written, QueueError> {
        let (accounts, ids, tokens) = columns(claims);
        let rows = self
            .calls
            .write(
                "SELECT written FROM automations.finish($1, $2, $3, automations.from_json($4)) AS written",
                &[&accounts, &ids, &tokens, &Sent(results)],
            )
            .await?;
        let ids = rows.iter().map(|row| row.try_get::<_, Option<Uuid>>(0));
        let ids = ids.collect::<Result<HashSet<_>, _>>()?;
        Ok(Written {
            uncounted: ids.contains(&None),
            ids: ids.into_iter().flatten().collect(),
        })
    }
}
