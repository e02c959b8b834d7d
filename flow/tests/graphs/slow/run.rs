//! A run (rules 5 to 13): after each completion everything is looked at again, until nothing changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::net::{Edge, Net, Scope};
use crate::{
    build::Drawn,
    walk::{Decide, Pick, Says, Step as Named, Walked},
};

struct Step {
    node: String,
    frame: usize,
    run: u32,
    items: u64,
    begun: u64,
    open: Vec<usize>,
}

/// The execution itself, or one iteration of a loop.
struct Frame {
    scope: Rc<Scope>,
    /// The frame around it, the loop's step, the item.
    outer: Option<(usize, usize, u32)>,
    tokens: Vec<Edge>,
    running: Vec<usize>,
    fired: BTreeSet<String>,
}

struct Run<'a> {
    net: Net,
    decide: Decide<'a>,
    budget: u64,
    frames: Vec<Frame>,
    steps: Vec<Step>,
    ready: Vec<usize>,
    runs: BTreeMap<(String, String), u32>,
    result: Walked,
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
    fn around(&self, mut frame: usize) -> Vec<(String, u32, u32)> {
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

    fn named(&self, step: usize) -> Named {
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

    fn end(&mut self, step: usize) {
        self.ready.retain(|other| *other != step);
        let (node, frame) = (self.steps[step].node.clone(), self.steps[step].frame);
        let (kind, disabled) = (self.net.kind(&node).to_owned(), self.net.disabled(&node));
        let says = match disabled {
            true => Says::Nothing,
            false => (self.decide)(&node, &self.around(frame), self.steps[step].run),
        };
        if !disabled {
            *self.result.counts.entry(node.clone()).or_default() += 1;
        }
        if kind != "logic-loop" || disabled || says == Says::Error {
            self.result.order.push(self.named(step)); // a loop ends when its iterations have
        }
        match (kind.as_str(), says) {
            _ if disabled => self.pass(step),
            (_, Says::Error) => self.fail(step),
            ("logic-break", _) => match self.frames[frame].outer {
                None => self.leave(step, &[]),
                Some((_, around, _)) => {
                    self.close_all(around); // rule 10
                    self.steps[around].begun = self.steps[around].items;
                    self.advance(around);
                }
            },
            ("logic-stop", _) => {
                let status = match self.net.config(&node)["status"].as_str() {
                    Some("failure") => "failed",
                    Some("cancelled") => "cancelled",
                    _ => "completed",
                };
                self.result.status = status.into(); // rule 12
                self.result.error_node = (status == "failed").then_some(node);
            }
            ("logic-loop", says) => {
                self.steps[step].items = if let Says::Items(items) = says { items } else { 0 };
                self.advance(step);
            }
            (_, Says::Handles(handles)) => self.leave(step, &handles),
            _ => self.pass(step),
        }
    }

    /// What a disabled node chooses.
    fn pass(&mut self, step: usize) {
        let node = &self.steps[step].node;
        let config = self.net.config(node);
        let handle = match self.net.kind(node) {
            "logic-condition" => Some("true"),
            "logic-loop" => Some("done"),
            "logic-approval" => Some("approved"),
            "logic-switch" if config["cases"][0].is_object() => config["cases"][0]["handleId"].as_str(),
            "logic-switch" => config["defaultHandleId"].as_str(),
            _ => Some("default"),
        };
        let handles: Vec<String> = handle.into_iter().map(str::to_owned).collect();
        self.leave(step, &handles);
    }

    fn leave(&mut self, step: usize, handles: &[String]) {
        let (node, frame) = (self.steps[step].node.clone(), self.steps[step].frame);
        self.frames[frame].running.retain(|other| *other != step);
        let edges = self
            .net
            .outof(&node)
            .into_iter()
            .filter(|edge| handles.contains(&edge.handle))
            .collect();
        self.send(frame, edges);
    }

    /// Rule 5.
    fn send(&mut self, frame: usize, edges: Vec<Edge>) {
        let loops: Vec<String> = self.around(frame).into_iter().map(|(node, ..)| node).collect();
        for mut edge in edges.into_iter().filter(|edge| !loops.contains(&edge.target)) {
            let mut at = frame;
            while !self.frames[at].scope.ground.contains(&edge.target) {
                let (parent, step, _) = self.frames[at].outer.unwrap();
                edge = Edge {
                    source: self.steps[step].node.clone(),
                    handle: "leave".into(),
                    ..edge
                };
                at = parent;
            }
            self.frames[at].tokens.push(edge);
        }
    }

    /// Rule 11.
    fn fail(&mut self, step: usize) {
        let node = self.steps[step].node.clone();
        if self.net.catches(&node) {
            return self.leave(step, &["error".into()]);
        }
        if self.net.data(&node)["onError"] == "continue" {
            return self.pass(step);
        }
        let mut frame = self.steps[step].frame;
        while let Some((parent, around, _)) = self.frames[frame].outer {
            let one = self.steps[around].node.clone();
            if self.net.config(&one)["continueOnError"] == true {
                return self.clear(frame);
            }
            if self.net.catches(&one) {
                self.close_all(around);
                self.result.order.push(self.named(around));
                return self.leave(around, &["error".into()]);
            }
            frame = parent;
        }
        self.result.status = "failed".into();
        self.result.error_node = Some(node);
    }

    fn clear(&mut self, frame: usize) {
        for step in self.frames[frame].running.clone() {
            self.cancel(step);
        }
        self.frames[frame].tokens.clear();
    }

    fn close_all(&mut self, step: usize) {
        for frame in std::mem::take(&mut self.steps[step].open) {
            self.clear(frame);
        }
    }

    fn cancel(&mut self, step: usize) {
        let frame = self.steps[step].frame;
        self.frames[frame].running.retain(|other| *other != step);
        self.ready.retain(|other| *other != step);
        self.close_all(step);
    }

    /// Begins iterations up to the loop's concurrency; when all are over, leaves by `done` (rule 9).
    fn advance(&mut self, step: usize) {
        let (node, frame) = (self.steps[step].node.clone(), self.steps[step].frame);
        let out: Vec<Edge> = self
            .net
            .outof(&node)
            .into_iter()
            .filter(|edge| edge.handle == "loop")
            .collect();
        let at_once = self.net.config(&node)["concurrency"].as_u64().unwrap_or(1) as usize;
        while self.steps[step].begun < self.steps[step].items && self.steps[step].open.len() < at_once {
            let body = self.frames[frame].scope.body[&node].clone();
            let starts = out
                .iter()
                .map(|edge| edge.target.clone())
                .filter(|id| body.contains(id))
                .collect();
            let scope = self.net.scope(body, starts);
            let outer = Some((frame, step, self.steps[step].begun as u32));
            self.frames.push(Frame {
                scope,
                outer,
                tokens: vec![],
                running: vec![],
                fired: BTreeSet::new(),
            });
            let inner = self.frames.len() - 1;
            self.steps[step].begun += 1;
            self.steps[step].open.push(inner);
            self.send(inner, out.clone());
        }
        if self.steps[step].open.is_empty() && self.steps[step].begun == self.steps[step].items {
            self.result.order.push(self.named(step));
            self.leave(step, &["done".into()]);
        }
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
