//! Starting every node that may start (rules 5 to 8). Only what a change can have touched is looked at: a node that
//! must wait watches one of those it waits for, and is looked at again when that one has gone.

use super::{
    Change, Position,
    frame::{Frame, Key},
};
use crate::{Plan, StepId, catalogue::NodeType};

/// In the order of closing: merges of a frame first, then the frame itself.
const WHOLE_FRAME: u32 = u32::MAX;

/// How a node with several ways in treats its tokens (rule 8).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    All,
    Any,
    First,
}

fn mode(plan: &Plan, node: u32) -> Mode {
    let merge = |kind: &NodeType| kind.name == "logic-merge";
    let Some(node) = plan.at(node).filter(|node| merge(node.kind) && !node.disabled) else {
        return Mode::All;
    };
    match node.config.get("mode").and_then(serde_json::Value::as_str) {
        Some("any") => Mode::Any,
        Some("first") => Mode::First,
        _ => Mode::All,
    }
}

impl Position {
    /// Starts and closes what can be, in a fixed order, until nothing changes.
    pub(super) fn settle(&mut self) {
        while self.end.is_none() {
            if let Some((key, number, node)) = self.agenda.pop_first() {
                match self.frames.get(&key).and_then(|frame| frame.first_token(node)) {
                    Some(first) if first == number => self.look_at(&key, node),
                    Some(first) => drop(self.agenda.insert((key, first, node))),
                    None => {}
                }
            } else if let Some((key, what)) = self.closing.pop_first() {
                if what == WHOLE_FRAME {
                    self.close_frame(&key)
                } else {
                    self.close_merge(&key, what)
                }
            } else {
                break;
            }
        }
    }

    /// Looks at a node again, if it has tokens.
    pub(super) fn consider(&mut self, key: &Key, node: u32) {
        let Some(frame) = self.frames.get(key) else { return };
        if let Some(first) = frame.first_token(node) {
            self.agenda.insert((key.clone(), first, node));
        }
        if frame.seat(node).is_some_and(|seat| seat.fired) {
            self.closing.insert((key.clone(), node));
        }
    }

    pub(super) fn consider_closing(&mut self, key: &Key) {
        self.closing.insert((key.clone(), WHOLE_FRAME));
    }

    /// Something of a node has gone: what watches it is looked at again.
    pub(super) fn wake(&mut self, key: &Key, node: u32) {
        let Some(frame) = self.frames.get_mut(key) else {
            return;
        };
        for watcher in std::mem::take(&mut frame.seat_mut(node).watchers) {
            self.consider(key, watcher);
        }
    }

    fn look_at(&mut self, key: &Key, node: u32) {
        let plan = self.plan.clone();
        self.look();
        let Some(frame) = self.frames.get_mut(key) else {
            return;
        };
        let Some((scope, seat)) = plan.scope(frame.scope).zip(frame.seat(node)) else {
            return;
        };
        let (busy, fired) = (seat.step.is_some(), seat.fired);
        if scope.ways(node) == 1 {
            if !busy && let Some(token) = frame.pop(node) {
                self.begin(key, node, Some(token.from));
            }
            return;
        }
        let (fresh, returning) = (frame.fresh.contains(node), frame.back.contains(node));
        if fired && fresh {
            frame.take(node, true);
            self.wake(key, node);
            return self.consider(key, node);
        }
        if busy {
            return; // looked at again when its run has ended
        }
        let mode = mode(&plan, node);
        if (mode == Mode::All || !fresh) && self.blocked(&plan, key, node, returning) {
            return;
        }
        let Some(frame) = self.frames.get_mut(key) else {
            return;
        };
        let from = frame.take(node, false).pop_back().map(|token| token.from);
        if mode != Mode::All {
            frame.seat_mut(node).fired = true;
        }
        self.begin(key, node, from);
        self.consider(key, node);
        if mode == Mode::First && self.end.is_none() {
            self.cancel_losers(&plan, key, node);
        }
    }

    /// Whether a node must wait; it watches what it waits for then.
    fn blocked(&mut self, plan: &Plan, key: &Key, node: u32, next_round: bool) -> bool {
        let Some(frame) = self.frames.get_mut(key) else {
            return false;
        };
        let wait = plan
            .scope(frame.scope)
            .and_then(|scope| scope.wait(plan.live(), node));
        let Some(wait) = wait else { return false };
        let within = if next_round {
            &wait.ahead_or_round
        } else {
            &wait.ahead
        };
        let witness = within
            .first_common(&frame.running)
            .or_else(|| within.first_common(&frame.fresh))
            .or_else(|| within.first_common_but(&frame.back, &wait.excused));
        let Some(witness) = witness else { return false };
        frame.seat_mut(witness).watchers.insert(node);
        true
    }

    /// A `first` merge has gone: everything from which all ways lead to it is cancelled (rule 8).
    fn cancel_losers(&mut self, plan: &Plan, key: &Key, node: u32) {
        let Some(frame) = self.frames.get_mut(key) else {
            return;
        };
        let losers = plan
            .scope(frame.scope)
            .and_then(|scope| scope.losers(plan.live(), node));
        let Some(losers) = losers else { return };
        let mut lost = frame.running.clone();
        lost.add(&frame.fresh);
        lost.add(&frame.back);
        lost.keep(&losers);
        for loser in lost.iter() {
            frame.take(loser, false);
        }
        let running = |loser: u32| frame.seat(loser).and_then(|seat| seat.step);
        let mut steps: Vec<u64> = lost.iter().filter_map(running).collect();
        steps.sort_unstable();
        for step in steps {
            self.cancel_step(step);
        }
        for loser in lost.iter() {
            self.wake(key, loser);
        }
    }

    pub(super) fn begin(&mut self, key: &Key, node: u32, from: Option<StepId>) {
        if self.begun >= self.budget {
            let end = self.over_budget();
            return self.finish(end);
        }
        let Some((frame, named)) = self.frames.get_mut(key).zip(self.plan.at(node)) else {
            return;
        };
        let number = self.next;
        self.next += 1;
        self.begun += 1;
        self.ran
            .get_mut(node as usize)
            .into_iter()
            .for_each(|ran| *ran += 1);
        let seat = frame.seat_mut(node);
        seat.runs += 1;
        seat.step = Some(number);
        let id = StepId {
            node: named.id.clone(),
            run: seat.runs,
            place: frame.place.clone(),
        };
        frame.running.insert(node);
        self.add_step(number, node, key.clone(), id.clone());
        self.changes.push(Change::Begin { step: id, from });
    }

    /// A merge that nothing can reach any more stops swallowing.
    fn close_merge(&mut self, key: &Key, node: u32) {
        self.look();
        let plan = self.plan.clone();
        let waits = |frame: &Frame| frame.first_token(node).is_some();
        if self.frames.get(key).is_none_or(waits) || self.blocked(&plan, key, node, false) {
            return;
        }
        self.frames
            .get_mut(key)
            .into_iter()
            .for_each(|frame| frame.seat_mut(node).fired = false);
    }

    /// An iteration with nothing left is over.
    fn close_frame(&mut self, key: &Key) {
        let over = self
            .frames
            .get(key)
            .filter(|frame| frame.is_over())
            .and_then(|frame| {
                let result = frame
                    .failed
                    .clone()
                    .or_else(|| frame.came_back.clone())
                    .or_else(|| frame.last.clone());
                Some((frame.outer.clone()?, result))
            });
        if let Some((outer, result)) = over {
            self.frames.remove(key);
            self.iteration_ended(outer.step, outer.item, key, result);
        }
    }
}
