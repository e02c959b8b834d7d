//! What follows when a step has ended (rules 5, 9 to 12).

use std::collections::BTreeSet;

use super::{
    net::Edge,
    run::{Frame, Run},
};
use crate::walk::Says;

impl Run<'_> {
    pub(super) fn end(&mut self, step: usize) {
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

    pub(super) fn cancel(&mut self, step: usize) {
        let frame = self.steps[step].frame;
        self.frames[frame].running.retain(|other| *other != step);
        self.ready.retain(|other| *other != step);
        self.close_all(step);
    }

    /// Begins iterations up to the loop's concurrency; when all are over, leaves by `done` (rule 9).
    pub(super) fn advance(&mut self, step: usize) {
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
}
