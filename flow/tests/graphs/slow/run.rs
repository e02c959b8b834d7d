//! A run: after each completion everything is looked at again, until nothing changes (rules 6 to 8).

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{
    net::{Edge, Net},
    scope::Scope,
};
use crate::{
    build::Drawn,
    walk::{Decide, Pick, Step as Named, Walked},
};

pub(super) struct Step {
    pub(super) node: String,
    pub(super) frame: usize,
    pub(super) run: u32,
    pub(super) items: u64,
    pub(super) begun: u64,
    pub(super) open: Vec<usize>,
}

/// The execution itself, or one iteration of a loop.
pub(super) struct Frame {
    pub(super) scope: Rc<Scope>,
    /// The frame around it, the loop's step, the item.
    pub(super) outer: Option<(usize, usize, u32)>,
    pub(super) tokens: Vec<Edge>,
    pub(super) running: Vec<usize>,
    pub(super) fired: BTreeSet<String>,
}

pub(super) struct Run<'a> {
    pub(super) net: Net,
    pub(super) decide: Decide<'a>,
    pub(super) budget: u64,
    pub(super) frames: Vec<Frame>,
    pub(super) steps: Vec<Step>,
    pub(super) ready: Vec<usize>,
    pub(super) runs: BTreeMap<(String, String), u32>,
    pub(super) result: Walked,
}

/// Runs a graph to its end.
pub fn run(drawn: &Drawn, decide: Decide, pick: Pick, budget: u64) -> Walked {
    let net = Net::new(drawn);
    let root = Frame {
        scope: net.root(),
        outer: None,
        tokens: vec![],
        running: vec![],
        fired: BTreeSet::new(),
    };
    let (runs, result) = (
        BTreeMap::new(),
        Walked {
            status: "running".into(),
            ..Walked::default()
        },
    );
    let mut run = Run {
        net,
        decide,
        budget,
        frames: vec![root],
        steps: vec![],
        ready: vec![],
        runs,
        result,
    };
    run.begin(0, run.net.start.clone());
    while run.result.status == "running" {
        run.settle();
        if run.result.status != "running" {
            break;
        }
        if run.ready.is_empty() {
            let left = |frame: &Frame| !frame.running.is_empty() || !frame.tokens.is_empty();
            assert!(
                !left(&run.frames[0]),
                "stuck: {:?} in {drawn:?}",
                run.frames[0].tokens
            );
            run.result.status = "completed".into();
            break;
        }
        let steps: Vec<Named> = run.ready.iter().map(|step| run.named(*step)).collect();
        run.end(run.ready[pick(&steps)]);
    }
    run.result
}

impl Run<'_> {
    pub(super) fn around(&self, mut frame: usize) -> Vec<(String, u32, u32)> {
        let mut around = Vec::new();
        while let Some((parent, step, item)) = self.frames[frame].outer {
            around.insert(0, (self.steps[step].node.clone(), self.steps[step].run, item));
            frame = parent;
        }
        around
    }

    fn place(&self, frame: usize) -> String {
        serde_json::to_string(&self.around(frame)).unwrap()
    }

    pub(super) fn named(&self, step: usize) -> Named {
        let step = &self.steps[step];
        (step.node.clone(), self.place(step.frame), step.run)
    }

    fn begin(&mut self, frame: usize, node: String) {
        if self.steps.len() as u64 >= self.budget {
            self.result.status = "budget".into();
            return;
        }
        let run = self.runs.entry((node.clone(), self.place(frame))).or_default();
        *run += 1;
        let step = Step {
            node,
            frame,
            run: *run,
            items: 0,
            begun: 0,
            open: vec![],
        };
        self.steps.push(step);
        let number = self.steps.len() - 1;
        self.frames[frame].running.push(number);
        self.ready.push(number);
    }

    /// Starts every node that may start, until nothing changes.
    fn settle(&mut self) {
        while self.result.status == "running" {
            let frames = self.open_frames();
            let waiting = frames.iter().flat_map(|frame| {
                let mut seen = BTreeSet::new();
                let tokens = self.frames[*frame].tokens.iter();
                let new = tokens.filter(|token| seen.insert(token.target.clone()));
                new.map(|token| (*frame, token.target.clone()))
                    .collect::<Vec<_>>()
            });
            let waiting: Vec<_> = waiting.collect();
            if !waiting.iter().any(|(frame, node)| self.may_start(*frame, node))
                && !frames.iter().any(|frame| self.close(*frame))
            {
                break;
            }
        }
    }

    /// Outermost first.
    fn open_frames(&self) -> Vec<usize> {
        let mut frames = vec![0];
        let mut next = 0;
        while let Some(frame) = frames.get(next) {
            let inner: Vec<usize> = self.frames[*frame]
                .running
                .iter()
                .flat_map(|step| self.steps[*step].open.clone())
                .collect();
            frames.extend(inner);
            next += 1;
        }
        frames
    }

    fn may_start(&mut self, at: usize, node: &str) -> bool {
        let scope = self.frames[at].scope.clone();
        let here: Vec<Edge> = self.frames[at]
            .tokens
            .iter()
            .filter(|token| token.target == node)
            .cloned()
            .collect();
        let busy = self.frames[at]
            .running
            .iter()
            .any(|step| self.steps[*step].node == node); // rule 6
        if scope.ways_into(node).count() + usize::from(scope.starts.contains(node)) == 1 && !busy {
            let first = self.frames[at]
                .tokens
                .iter()
                .position(|token| token.target == node)
                .unwrap();
            self.frames[at].tokens.remove(first);
            self.begin(at, node.to_owned());
            return true;
        }
        let merge = self.net.kind(node) == "logic-merge" && !self.net.disabled(node);
        let mode = if merge {
            self.net.config(node)["mode"].as_str().unwrap_or("all").to_owned()
        } else {
            "all".into()
        };
        let is_fresh = |token: &Edge| {
            let cycle = scope.returns.get(token);
            cycle.is_none() || cycle != scope.heads.get(node)
        };
        let fresh = here.iter().filter(|token| is_fresh(token)).count();
        let frame = &mut self.frames[at];
        if frame.fired.contains(node) && fresh > 0 {
            frame
                .tokens
                .retain(|token| token.target != node || !is_fresh(token)); // rule 8: swallow
            return true;
        }
        if busy || (mode == "all" || fresh == 0) && self.blocked(at, node, fresh < here.len()) {
            return false; // rule 7
        }
        self.frames[at].tokens.retain(|token| token.target != node);
        if mode != "all" {
            self.frames[at].fired.insert(node.to_owned());
        }
        self.begin(at, node.to_owned());
        if mode == "first" {
            let losers = scope.only_to(&self.net, node);
            self.frames[at]
                .tokens
                .retain(|token| !losers.contains(&token.target));
            for step in self.frames[at].running.clone() {
                if losers.contains(&self.steps[step].node) {
                    self.cancel(step);
                }
            }
        }
        true
    }

    fn blocked(&self, at: usize, node: &str, next_round: bool) -> bool {
        let frame = &self.frames[at];
        let (mut within, round) = frame.scope.wait(node);
        if next_round {
            within.extend(round);
        }
        let excused = |token: &Edge| frame.scope.is_inside(node, frame.scope.returns.get(token));
        frame
            .running
            .iter()
            .any(|step| within.contains(&self.steps[*step].node))
            || frame
                .tokens
                .iter()
                .any(|token| within.contains(&token.target) && !excused(token))
    }

    /// A merge that nothing can reach any more stops swallowing; an iteration with nothing left is over.
    fn close(&mut self, at: usize) -> bool {
        let waits = |node: &str| self.frames[at].tokens.iter().any(|token| token.target == node);
        let over = |node: &&String| !self.blocked(at, node, false) && !waits(node);
        if let Some(node) = self.frames[at].fired.iter().find(over).cloned() {
            return self.frames[at].fired.remove(&node);
        }
        let Frame {
            outer,
            tokens,
            running,
            ..
        } = &self.frames[at];
        if let Some((_, step, _)) = *outer
            && tokens.is_empty()
            && running.is_empty()
        {
            self.steps[step].open.retain(|other| *other != at);
            self.advance(step);
            return true;
        }
        false
    }
}
