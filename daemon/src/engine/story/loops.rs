//! Loops in a story (rules 5 and 9): a loop's step has its list when it completes, and its results when the last
//! iteration has ended.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use flow::{Outcome, StepId};
use serde_json::Value;

use super::super::clean;
use super::{Story, Told};

impl Story {
    /// The list is known: it is the output until the results are there.
    pub(super) fn open(&mut self, step: &StepId, told: Told) {
        self.outputs.held.keep(&told.input);
        self.open_loops.insert(step.clone(), told);
    }

    /// The run of a loop is over, and what its iterations have set belongs to what is around it.
    pub(super) fn close(&mut self, step: &StepId) -> Option<Told> {
        let told = self.open_loops.remove(step)?;
        self.outputs.held.leave(&told.input);
        self.variables.apply(&self.plan, step, &mut self.outputs.held);
        Some(told)
    }

    /// It has ended at this time, by this handle.
    pub(super) fn loop_ended(
        &mut self,
        step: &StepId,
        handle: &str,
        results: &[Option<StepId>],
        at: DateTime<Utc>,
    ) {
        let Some(mut told) = self.close(step) else {
            return;
        };
        told.completed_at = at;
        told.duration_ms = u64::try_from((at - told.started_at).num_milliseconds()).unwrap_or(0);
        if handle == "error" {
            let error = self.error.as_ref().map(|(_, error)| error.clone());
            told.outcome = Outcome::Failed;
            told.output = error.clone().unwrap_or_default();
            told.error = error;
        } else {
            told.output = self.results(step, results);
            let variable = self
                .plan
                .node(&step.node)
                .and_then(|node| node.output_variable.clone());
            if let Some(name) = variable {
                let set = [(name, (*told.output).clone())].into_iter().collect();
                self.variables
                    .set(&self.plan, &step.place, &set, &mut self.outputs.held);
            }
        }
        self.outputs.keep(step, &told.output, told.error.as_ref());
        self.ended(step, told);
    }

    /// The results of the iterations, in item order.
    fn results(&mut self, step: &StepId, results: &[Option<StepId>]) -> Arc<Value> {
        let output = |result: &Option<StepId>| -> Value {
            let given = result.as_ref().and_then(|step| self.outputs.given(step));
            given.map(Arc::unwrap_or_clone).unwrap_or_default()
        };
        let list: Value = results.iter().map(output).collect();
        if let Err(why) = clean::fits(&list, self.max_output) {
            self.too_large.get_or_insert((step.node.clone(), why));
            return Arc::default();
        }
        Arc::new(list)
    }

    /// What the first node of an iteration, or any other node, is given.
    pub(super) fn input(&self, step: &StepId, from: Option<&StepId>) -> Arc<Value> {
        let Some(from) = from else {
            return self.trigger.clone();
        };
        let own = step.place.iterations().last();
        let is_first = own.filter(|own| own.loop_id == from.node && step.place != from.place);
        match (is_first, self.outputs.of(from)) {
            (Some(own), Some(list)) => {
                Arc::new(list.output.get(own.item as usize).cloned().unwrap_or_default())
            }
            _ => self.outputs.given(from).unwrap_or_default(),
        }
    }
}
