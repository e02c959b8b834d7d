//! What follows when a run has ended: tokens, failures, the end (rules 5, 11 to 13).

use std::sync::Arc;

use super::{
    Change, End, Position,
    frame::{Frame, Key, Token},
    step::Step,
};
use crate::{StepId, catalogue::ERROR, node::OnError};

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
            self.look();
            self.send(&step.frame, edge, &step.id);
        }
    }

    /// A token along an edge: it stays in its place while it is on nodes of the body, an edge to a loop around ends
    /// the path, any other edge leaves to the first place outwards to which its target belongs.
    pub(super) fn send(&mut self, key: &Key, edge: u32, from: &StepId) {
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

    /// A step, and all that it holds, ends without a result.
    pub(super) fn cancel_step(&mut self, number: u64) {
        self.close_all(number);
        if let Some(step) = self.take_step(number) {
            self.changes.push(Change::Cancel { step: step.id });
        }
    }

    /// Everything in a frame ends without a result; the frame stays.
    pub(super) fn clear(&mut self, key: &Key) {
        let steps = self.frames.get(key).map(Frame::steps).unwrap_or_default();
        for step in steps {
            self.cancel_step(step);
        }
        self.frames.get_mut(key).into_iter().for_each(Frame::take_all);
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
