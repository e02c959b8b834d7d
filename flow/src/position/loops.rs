//! The iterations of a loop, from its list to its end (rules 9 and 10).

use super::{
    Change, Position,
    frame::{Frame, Key, Outer},
    step::Open,
};
use crate::{StepId, live::Way};

impl Position {
    /// `logic-break`: the innermost loop around ends with what it has; outside of one, only the path does.
    pub(super) fn break_loop(&mut self, number: u64) {
        let outer = self
            .steps
            .get(&number)
            .and_then(|step| self.frames.get(&step.frame)?.outer.clone());
        let Some(outer) = outer else {
            return self.leave(number, &[]);
        };
        self.take_step(number);
        self.end_loop(outer.step, "done");
    }

    /// A loop's list is known: its iterations begin.
    pub(super) fn open_loop(&mut self, number: u64, items: u64) {
        let Some(step) = self.steps.get_mut(&number) else {
            return;
        };
        let at_once = self
            .plan
            .at(step.node)
            .and_then(|node| node.config.get("concurrency")?.as_u64());
        step.open = Some(Open::new(items, at_once.unwrap_or(1).max(1)));
        self.ready -= 1;
        self.advance(number);
    }

    /// Begins iterations up to the loop's concurrency; when all are over, the loop leaves by `done` (rule 9).
    fn advance(&mut self, number: u64) {
        let plan = self.plan.clone();
        let Some((node, outside, id)) = self
            .steps
            .get(&number)
            .map(|step| (step.node, step.frame.clone(), step.id.clone()))
        else {
            return;
        };
        let ways: Vec<u32> = plan
            .live()
            .outof(node)
            .filter(|(_, edge)| plan.live().way(edge) == Way::Loop)
            .map(|(at, _)| at)
            .collect();
        let inner = self
            .frames
            .get(&outside)
            .and_then(|frame| plan.inner(frame.scope, node));
        while let Some(open) = self.steps.get_mut(&number).and_then(|step| step.open.as_mut()) {
            if ways.is_empty() {
                open.skip_all();
            }
            let Some((item, scope)) = open.next().zip(inner) else {
                break;
            };
            let key = outside.inside(number, item);
            open.frames.push(key.clone());
            let place = id.place.inside(id.node.clone(), id.run, item);
            let outer = Outer {
                frame: outside.clone(),
                step: number,
                node,
                item,
            };
            self.frames.insert(
                key.clone(),
                Frame::new(plan.live().bound(), scope, place, Some(outer)),
            );
            self.consider_closing(&key);
            for &edge in &ways {
                self.send(&key, edge, &id);
            }
        }
        if self
            .steps
            .get(&number)
            .and_then(|step| step.open.as_ref())
            .is_some_and(Open::is_over)
        {
            self.end_loop(number, "done");
        }
    }

    pub(super) fn iteration_ended(&mut self, number: u64, item: u32, key: &Key, result: Option<StepId>) {
        if let Some(open) = self.steps.get_mut(&number).and_then(|step| step.open.as_mut()) {
            open.frames.retain(|open| open != key);
            open.results.insert(item, result);
            self.advance(number);
        }
    }

    /// A loop ends with the results so far; what still runs in it is cancelled.
    pub(super) fn end_loop(&mut self, number: u64, handle: &'static str) {
        self.close_all(number);
        let Some(step) = self.steps.get_mut(&number) else {
            return;
        };
        let results = step
            .open
            .as_mut()
            .map(|open| std::mem::take(&mut open.results))
            .unwrap_or_default();
        let results = results.into_values().collect();
        self.changes.push(Change::LoopEnded {
            step: step.id.clone(),
            handle,
            results,
        });
        self.leave(number, &[handle]);
    }

    pub(super) fn close_all(&mut self, number: u64) {
        let open = self.steps.get_mut(&number).and_then(|step| step.open.as_mut());
        let frames = open
            .map(|open| std::mem::take(&mut open.frames))
            .unwrap_or_default();
        for key in frames {
            self.clear(&key);
            self.frames.remove(&key);
        }
    }
}
