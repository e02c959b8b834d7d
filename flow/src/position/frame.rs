//! The execution itself, or one iteration of a loop, while something runs or waits in it.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{bits::Bits, place::Place, place::StepId};

/// Which frame: for each loop around it the number of the loop's step and the item. Ordered outermost first, and
/// among equally deep ones by their beginning, which is the order in which frames are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Key(Arc<[(u64, u32)]>);

impl Key {
    pub fn inside(&self, step: u64, item: u32) -> Key {
        let mut path = self.0.to_vec();
        path.push((step, item));
        Key(path.into())
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self.0
            .len()
            .cmp(&other.0.len())
            .then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An edge that was taken and whose target has not started for it.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// Its place in the order of all tokens.
    pub number: u64,
    /// Whether it starts the next round of the cycle that its target heads.
    pub returns: bool,
    /// The step that sent it.
    pub from: StepId,
}

/// What a frame knows of one node.
#[derive(Debug, Clone, Default)]
pub(super) struct Seat {
    pub tokens: VecDeque<Token>,
    /// How many of them start a next round.
    returning: usize,
    /// The step that runs, or is an open loop.
    pub step: Option<u64>,
    pub runs: u32,
    /// An `any` or `first` merge that went and still swallows (rule 8).
    pub fired: bool,
    /// The nodes that wait because of this one, and are looked at again when it has gone.
    pub watchers: BTreeSet<u32>,
}

/// The loop's step around an iteration.
#[derive(Debug, Clone)]
pub(super) struct Outer {
    pub frame: Key,
    pub step: u64,
    pub node: u32,
    pub item: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The kind of place.
    pub scope: usize,
    pub place: Place,
    /// None for the execution itself.
    pub outer: Option<Outer>,
    seats: BTreeMap<u32, Seat>,
    /// The nodes with a step, with a token of this round, with a token that starts a next one.
    pub running: Bits,
    pub fresh: Bits,
    pub back: Bits,
    /// The step that completed last, the last one whose edge came back to the loop, the failure that ended it.
    pub last: Option<StepId>,
    pub came_back: Option<StepId>,
    pub failed: Option<StepId>,
}

impl Frame {
    pub fn new(bound: usize, scope: usize, place: Place, outer: Option<Outer>) -> Frame {
        let none = || Bits::none(bound);
        let (running, fresh, back) = (none(), none(), none());
        let seats = BTreeMap::new();
        Frame {
            scope,
            place,
            outer,
            seats,
            running,
            fresh,
            back,
            last: None,
            came_back: None,
            failed: None,
        }
    }

    pub fn seat(&self, node: u32) -> Option<&Seat> {
        self.seats.get(&node)
    }

    pub fn seat_mut(&mut self, node: u32) -> &mut Seat {
        self.seats.entry(node).or_default()
    }

    /// The steps whose tokens wait here.
    pub fn sources(&self) -> impl Iterator<Item = &StepId> {
        self.seats
            .values()
            .flat_map(|seat| seat.tokens.iter().map(|token| &token.from))
    }

    /// The number of the first token for a node.
    pub fn first_token(&self, node: u32) -> Option<u64> {
        Some(self.seats.get(&node)?.tokens.front()?.number)
    }

    pub fn push(&mut self, node: u32, token: Token) {
        if token.returns {
            &mut self.back
        } else {
            &mut self.fresh
        }
        .insert(node);
        let seat = self.seat_mut(node);
        seat.returning += usize::from(token.returns);
        seat.tokens.push_back(token);
    }

    /// Takes the first token for a node.
    pub fn pop(&mut self, node: u32) -> Option<Token> {
        let seat = self.seat_mut(node);
        let token = seat.tokens.pop_front()?;
        seat.returning -= usize::from(token.returns);
        self.count(node);
        Some(token)
    }

    /// Takes the tokens for a node: all, or only those of this round.
    pub fn take(&mut self, node: u32, fresh_only: bool) -> VecDeque<Token> {
        let seat = self.seat_mut(node);
        let tokens = std::mem::take(&mut seat.tokens);
        let (left, taken): (VecDeque<Token>, _) =
            tokens.into_iter().partition(|token| fresh_only && token.returns);
        seat.returning = left.len();
        seat.tokens = left;
        self.count(node);
        taken
    }

    /// Takes all tokens away.
    pub fn take_all(&mut self) {
        for seat in self.seats.values_mut() {
            seat.tokens.clear();
            seat.returning = 0;
        }
        let nodes: Vec<u32> = self.seats.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.count(node));
    }

    /// Notes of which kinds there are tokens left.
    fn count(&mut self, node: u32) {
        let seat = self.seats.get(&node);
        let (all, back) = seat.map_or((0, 0), |seat| (seat.tokens.len(), seat.returning));
        if all == back {
            self.fresh.remove(node);
        }
        if back == 0 {
            self.back.remove(node);
        }
    }

    pub fn has_tokens(&self) -> bool {
        !self.fresh.is_empty() || !self.back.is_empty()
    }

    /// Whether nothing runs and nothing waits here.
    pub fn is_over(&self) -> bool {
        self.running.is_empty() && !self.has_tokens()
    }

    /// The steps here, open loops included, in the order of their beginning.
    pub fn steps(&self) -> Vec<u64> {
        let mut steps: Vec<u64> = self.seats.values().filter_map(|seat| seat.step).collect();
        steps.sort_unstable();
        steps
    }
}
