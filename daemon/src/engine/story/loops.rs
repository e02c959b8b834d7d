//! Loops in a story (rules 5 and 9): a loop's step has its list when it completes, and its results when the last
//! iteration has ended.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use flow::{Outcome, StepId};
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::clean::{self, TooLarge};
use super::told::Output;
use super::{Story, Told};

/// Results beyond this stay JSON until somebody reads them.
const AS_JSON: usize = 64 << 10;

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
        let output = if handle == "error" {
            let error = self.error.as_ref().map(|(_, error)| error.clone());
            told.outcome = Outcome::Failed;
            told.error = error.clone();
            Output::Value(error.unwrap_or_default())
        } else {
            self.results(step, results)
        };
        let variable = self
            .plan
            .node(&step.node)
            .and_then(|node| node.output_variable.clone());
        if let Some(name) = variable.filter(|_| told.error.is_none()) {
            let set = [(name, Arc::unwrap_or_clone(output.value()))]
                .into_iter()
                .collect();
            self.set(&step.place, &set);
        }
        self.outputs.keep(step, &output, told.error.as_ref());
        self.ended(step, &told, output);
    }

    /// The results of the iterations, in item order.
    fn results(&mut self, step: &StepId, results: &[Option<StepId>]) -> Output {
        let mut list = b"[".to_vec();
        let mut fits = true;
        for result in results {
            if list.len() > 1 {
                list.push(b',');
            }
            fits = fits && self.outputs.write(result.as_ref(), &mut list, self.max_output);
        }
        list.push(b']');
        let why = match (fits && list.len() <= self.max_output, list.len() > AS_JSON) {
            (false, _) => TooLarge::Bytes(self.max_output),
            (true, true) => {
                let json = String::from_utf8(list)
                    .ok()
                    .and_then(|text| RawValue::from_string(text).ok());
                return json.map(|json| Output::Json(json.into())).unwrap_or_default();
            }
            (true, false) => {
                let value: Value = serde_json::from_slice(&list).unwrap_or_default();
                match clean::fits(&value, self.max_output) {
                    Ok(()) => return Output::Value(Arc::new(value)),
                    Err(why) => why,
                }
            }
        };
        self.too_large.get_or_insert((step.node.clone(), why));
        Output::default()
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
                let list = list.output.value();
                Arc::new(list.get(own.item as usize).cloned().unwrap_or_default())
            }
            _ => self.outputs.given(from).unwrap_or_default(),
        }
    }
}
