//! Waiting: a parked step holds nothing but a line in its walk, and when nothing else runs, nothing but a row.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use flow::{Node, Outcome, StepId};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::insist::{Insisted, insist};
use super::record::{self, Record};
use super::replay::{Before, Parked, Until};
use super::story::{Begun, Told};
use super::summary::{Listed, nodes_executed};
use super::taking::told;
use super::walk::{Halt, Walk, Walked};
use crate::nodes;
use crate::queue::park_many::Park;

impl Walk<'_> {
    /// The step waits. Where it waits for time to pass, what it gives in the end is what it gave now, and one that
    /// failed is tried again; what came from outside decides for itself.
    pub(super) fn wait_in_database(&mut self, step: StepId, told: Told, park: nodes::Park) {
        let parked = Parked {
            // what no clock reaches is never
            wake: park.wake_in.and_then(|wait| Instant::now().checked_add(wait)),
            input: told.input,
            error: told.error,
            output: told.output,
            variables: match park.wait {
                Some(_) => Map::new(), // its `outputVariable` is for what comes
                None => told.variables,
            },
            until: match park.wait {
                Some(wait) => Until::Outside(Some(Box::new(wait))),
                None => Until::Time,
            },
            warnings: told.warnings,
            attempt: told.attempt,
            started_at: told.started_at,
        };
        self.newly_parked.push(step.clone());
        self.parked.insert(step, parked);
        self.unrecorded.write_by(Instant::now());
    }

    /// The step failed and is tried again after this pause.
    pub(super) fn wait_to_try_again(&mut self, node: &Node, step: StepId, told: Told, pause: Duration) {
        tracing::debug!(node_id = %step.node, attempt = told.attempt, ?pause, "failed; trying again");
        metrics::counter!("automationd_steps_retried_total", "node_type" => node.kind.name).increment(1);
        self.wait_in_database(step, told, nodes::Park::during(pause));
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        let wakes = self.parked.values().filter_map(|parked| parked.wake);
        wakes.chain(self.deadline).min()
    }

    /// Completes a waiting step whose time has come, or begins its next attempt; the earliest first.
    pub(super) fn wake_due(&mut self) -> Result<bool, Halt> {
        let now = Instant::now();
        let due = self
            .parked
            .iter()
            .filter(|(_, parked)| parked.until == Until::Time && parked.wake.is_some_and(|wake| wake <= now));
        let Some(step) = due
            .min_by_key(|(step, parked)| (parked.wake, *step))
            .map(|(step, _)| step.clone())
        else {
            return Ok(false);
        };
        let Some(parked) = self.parked.remove(&step) else {
            return Ok(false);
        };
        self.newly_parked.retain(|newly| *newly != step);
        self.rows = Arc::default(); // they may have changed meanwhile
        if parked.error.is_some() {
            let Parked { input, attempt, .. } = parked;
            self.before.insert(step.clone(), Before::Failed { attempt });
            self.ready.push_back(Begun { step, input });
            return Ok(true);
        }
        let took = Utc::now() - parked.started_at;
        let told = Told {
            variables: parked.variables,
            warnings: parked.warnings,
            attempt: parked.attempt,
            started_at: parked.started_at,
            duration_ms: u64::try_from(took.num_milliseconds()).unwrap_or(0),
            ..told(parked.input, parked.output, Outcome::Default)
        };
        self.complete(&step, told)?;
        Ok(true)
    }

    /// Nothing runs: what is left waits in the database.
    pub(super) async fn park(&mut self) -> Result<Walked, Halt> {
        if self.parked.is_empty() {
            return Err(Halt::failed(
                "node_failed",
                "internal error: nothing runs and nothing waits".to_owned(),
            ));
        }
        let wake_in = self
            .next_wake()
            .map(|wake| wake.saturating_duration_since(Instant::now()));
        self.record_parked();
        let steps = self.unrecorded.take();
        let executed = nodes_executed(&self.story, &self.outside());
        let variables = self.story.variables().clone();
        let claim = self.hold.claim();
        if let Some(park) = self.for_a_group(wake_in, &steps, &executed, &variables)
            && self.engine.groups.parks.write(claim, park).await
        {
            return Ok(Walked::Parked(wake_in));
        }
        match insist(self.hold, || {
            self.engine
                .queue
                .park(claim, wake_in, &steps, Some(&executed), Some(&variables))
        })
        .await
        {
            Insisted::Answer(true) => Ok(Walked::Parked(wake_in)),
            Insisted::Answer(false) | Insisted::Lost => Err(Halt::Lost),
            Insisted::Refused(error) => Err(Halt::failed(error.refusal(), error.to_string())),
        }
    }

    /// What a group may park. What waits for something outside goes alone: it may have come already.
    fn for_a_group(
        &self,
        wake_in: Option<Duration>,
        steps: &[Record],
        executed: &Listed,
        variables: &Value,
    ) -> Option<Box<RawValue>> {
        if self.hold.is_lost() || self.parked.values().any(|parked| parked.until != Until::Time) {
            return None;
        }
        to_raw_value(&Park::new(wake_in, steps, executed, variables)).ok()
    }

    pub(super) fn record_parked(&mut self) {
        for step in std::mem::take(&mut self.newly_parked) {
            let node = self.definition.plan.node(&step.node);
            let (Some(parked), Some(node)) = (self.parked.get(&step), node) else {
                continue;
            };
            let left = parked
                .wake
                .map(|wake| wake.saturating_duration_since(Instant::now()));
            let wake_in_ms = left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
            let who = self.who(&step, node);
            let row = record::parked(who, wake_in_ms, parked);
            if let Some(row) = row {
                self.unrecorded.push(row);
            }
            if let Some(Until::Outside(wait)) = self.parked.get_mut(&step).map(|parked| &mut parked.until) {
                *wait = None;
                self.look = true; // it may have come before anybody waited
            }
        }
    }
}
