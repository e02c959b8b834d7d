//! What follows when a run has ended: tokens, failures, loops, the end (rules 5, 9 to 13).

use std::sync::Arc;

use super::{
    Change, End, Position,
    frame::{Frame, Key, Outer, Token},
    step::{Open, Step},
};
use crate::{StepId, catalogue::ERROR, live::Way, node::OnError};

impl Position {
    /// A run chooses handles, and each edge attached to one of them takes a token to its target.
    pub(super) fn leave(&mut self, number: u64, handles: &[&str]) {
        let Some(step) = self.take_step(number) else {
            return;
        };
        if let Some(frame) = self.frames.get_mut(&step.frame) {
            frame.last = Some(step.id.clone());
        }
        let plan = self.plan.clone();
        let chosen = plan.live().outof(step.node).filter(|(_, edge)| {
            edge.handle
                .as_deref()
                .is_some_and(|handle| handles.contains(&handle))
        });
        for (edge, _) in chosen {
            self.send(&step.frame, edge, &step.id);
        }
    }

    /// A token along an edge: it stays in its place while it is on nodes of the body, an edge to a loop around ends
    /// the path, any other edge leaves to the first place outwards to which its target belongs.
    fn send(&mut self, key: &Key, edge: u32, from: &StepId) {
        let plan = self.plan.clone();
        let Some((mut source, target)) = plan.live().edge(edge).map(|edge| (edge.source, edge.target)) else {
            return;
        };
        if self.came_back(key, target, from) {
            return;
        }
        let mut key = key.clone();
        while let Some(frame) = self.frames.get_mut(&key) {
            let Some(scope) = plan.scope(frame.scope) else {
                return;
            };
            if scope.ground.contains(target) {
                let token = Token {
                    number: self.next,
                    returns: scope.cycles.is_return(edge, source),
                    from: from.clone(),
                };
                self.next += 1;
                frame.push(target, token);
                return self.consider(&key, target);
            }
            let Some(outer) = &frame.outer else { return };
            source = outer.node;
            key = outer.frame.clone();
        }
    }

    /// Whether `target` is a loop around the frame: its iteration's result comes from there.
    fn came_back(&mut self, key: &Key, target: u32, from: &StepId) -> bool {
        let mut at = Some(key.clone());
        while let Some(frame) = at.and_then(|key| self.frames.get_mut(&key)) {
            let Some(outer) = &frame.outer else { return false };
            if outer.node == target {
                if self
                    .steps
                    .get(&outer.step)
                    .is_some_and(|around| around.id != *from)
                {
                    frame.came_back = Some(from.clone());
                }
                return true;
            }
            at = Some(outer.frame.clone());
        }
        false
    }

    /// A failed run: its `error` edge, `onError`, the loops around it, the execution (rule 11).
    pub(super) fn fail(&mut self, number: u64) {
        let plan = self.plan.clone();
        let Some(node) = self.steps.get(&number).map(|step| step.node) else {
            return;
        };
        if plan.live().catches(node) {
            return self.leave(number, &[ERROR]);
        }
        if plan
            .at(node)
            .is_some_and(|node| node.on_error == OnError::Continue)
        {
            return self.pass(number);
        }
        let Some(Step {
            id, frame: mut key, ..
        }) = self.take_step(number)
        else {
            return;
        };
        while let Some(outer) = self.frames.get(&key).and_then(|frame| frame.outer.clone()) {
            if plan
                .at(outer.node)
                .is_some_and(|node| setting(&node.config, "continueOnError") == Some(true))
            {
                self.frames
                    .get_mut(&key)
                    .into_iter()
                    .for_each(|frame| frame.failed = Some(id.clone()));
                self.clear(&key);
                return self.consider_closing(&key);
            }
            if plan.live().catches(outer.node) {
                return self.end_loop(outer.step, ERROR);
            }
            key = outer.frame;
        }
        self.finish(End::Failed { node: Some(id.node) });
    }

    /// The handle that a disabled node chooses.
    pub(super) fn pass(&mut self, number: u64) {
        let plan = self.plan.clone();
        let node = self.steps.get(&number).and_then(|step| plan.at(step.node));
        let handle = node.and_then(|node| node.kind.passing(&node.config));
        self.leave(number, &handle.as_deref().into_iter().collect::<Vec<_>>());
    }

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
    fn end_loop(&mut self, number: u64, handle: &'static str) {
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

    /// A step, and all that it holds, ends without a result.
    pub(super) fn cancel_step(&mut self, number: u64) {
        self.close_all(number);
        if let Some(step) = self.take_step(number) {
            self.changes.push(Change::Cancel { step: step.id });
        }
    }

    /// Everything in a frame ends without a result; the frame stays.
    fn clear(&mut self, key: &Key) {
        let steps = self.frames.get(key).map(Frame::steps).unwrap_or_default();
        for step in steps {
            self.cancel_step(step);
        }
        self.frames.get_mut(key).into_iter().for_each(Frame::take_all);
    }

    fn close_all(&mut self, number: u64) {
        let open = self.steps.get_mut(&number).and_then(|step| step.open.as_mut());
        let frames = open
            .map(|open| std::mem::take(&mut open.frames))
            .unwrap_or_default();
        for key in frames {
            self.clear(&key);
            self.frames.remove(&key);
        }
    }

    /// The execution ends; what else runs is cancelled.
    pub(super) fn finish(&mut self, end: End) {
        let cancelled = std::mem::take(&mut self.steps).into_values();
        self.changes
            .extend(cancelled.map(|step| Change::Cancel { step: step.id }));
        self.frames.clear();
        self.agenda.clear();
        self.closing.clear();
        self.ready = 0;
        self.end = Some(end.clone());
        self.changes.push(Change::End(end));
    }

    /// The end when nothing runs any more (rule 13). A token that waits for nothing would be a mistake of ours; it
    /// fails the execution at its node rather than to leave it for ever.
    pub(super) fn finish_if_idle(&mut self) {
        if self.end.is_some() || self.ready > 0 {
            return;
        }
        let stuck = self.frames.values().find(|frame| frame.has_tokens());
        let node = stuck.and_then(|frame| frame.fresh.iter().chain(frame.back.iter()).next());
        let node: Option<Arc<str>> = node.and_then(|node| Some(self.plan.at(node)?.id.clone()));
        self.finish(if node.is_some() {
            End::Failed { node }
        } else {
            End::Completed
        });
    }
}

fn setting(config: &serde_json::Value, name: &str) -> Option<bool> {
    config.get(name)?.as_bool()
}
