//! OLD and NEW as one change each: paired by their position in the transition tables, because keys change; where
//! the counts differ (a BEFORE trigger vetoed half of a move between partitions) by primary key (D4).

use std::collections::HashMap;

use flow::Event;
use pgrx::pg_sys;

use super::rows::{Rows, key_of};
use super::statement::{Column, Statement};

/// The changes of a statement, one after the other, as often as needed.
pub struct Changes {
    old: Option<Rows>,
    new: Option<Rows>,
    pairing: Pairing,
}

enum Pairing {
    /// One table only, or both in step.
    Position,
    /// The rows after the change by key; what is not found there vanished on the way.
    Key {
        numbers: Vec<i32>,
        new_rows: HashMap<Vec<u8>, pg_sys::MinimalTuple>,
    },
    /// Different counts and no key: nobody can say what became of what. The old ones first, then the new ones.
    Apart,
}

/// One change, looked at through [`Changes::old`] and [`Changes::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The row before is shown.
    pub old: bool,
    /// The row after is shown.
    pub new: bool,
}

impl Changes {
    /// Starts before the first change.
    pub fn open(statement: &Statement, columns: &[Column]) -> Changes {
        let open = |store: *mut pg_sys::Tuplestorestate| {
            (!store.is_null()).then(|| Rows::open(store, statement.description))
        };
        let (old, mut new) = (open(statement.old), open(statement.new));
        let mut pairing = Pairing::Position;
        if let (Some(old), Some(new)) = (&old, &mut new)
            && old.count() != new.count()
        {
            let numbers = statement.primary_key();
            pairing = Pairing::Apart;
            if !numbers.is_empty() {
                let key = key_columns(columns, &numbers);
                let mut new_rows = HashMap::new();
                while new.advance() {
                    new_rows.insert(key_of(new, &key), new.keep());
                }
                pairing = Pairing::Key { numbers, new_rows };
            }
        }
        Changes { old, new, pairing }
    }

    /// Back before the first change.
    pub fn rewind(&mut self) {
        for rows in [&mut self.old, &mut self.new].into_iter().flatten() {
            rows.rewind();
        }
    }

    /// To the next change; none at the end.
    pub fn advance(&mut self, columns: &[Column]) -> Option<Shown> {
        match (&mut self.old, &mut self.new, &self.pairing) {
            (Some(old), None, _) => old.advance().then_some(Shown {
                old: true,
                new: false,
            }),
            (None, Some(new), _) => new.advance().then_some(Shown {
                old: false,
                new: true,
            }),
            (Some(old), Some(new), Pairing::Position) => {
                (old.advance() && new.advance()).then_some(Shown { old: true, new: true })
            }
            (Some(old), Some(new), Pairing::Key { numbers, new_rows }) => {
                if !old.advance() {
                    return None;
                }
                let found = new_rows.get(&key_of(old, &key_columns(columns, numbers)));
                if let Some(row) = found {
                    new.show(*row);
                }
                Some(Shown {
                    old: true,
                    new: found.is_some(),
                })
            }
            (Some(old), Some(new), Pairing::Apart) => {
                if old.advance() {
                    Some(Shown {
                        old: true,
                        new: false,
                    })
                } else {
                    new.advance().then_some(Shown {
                        old: false,
                        new: true,
                    })
                }
            }
            (None, None, _) => None,
        }
    }

    /// The row before the change that is shown.
    pub fn old(&self, shown: Shown) -> Option<&Rows> {
        self.old.as_ref().filter(|_| shown.old)
    }

    /// The row after the change that is shown.
    pub fn new_row(&self, shown: Shown) -> Option<&Rows> {
        self.new.as_ref().filter(|_| shown.new)
    }

    /// The row that says whose the change is: the one after it, on DELETE the one before.
    pub fn subject(&self, shown: Shown) -> Option<&Rows> {
        self.new_row(shown).or_else(|| self.old(shown))
    }
}

impl Shown {
    /// Whether all is there that this event has.
    pub fn is_whole(self, event: Event) -> bool {
        match event {
            Event::Insert => self.new,
            Event::Delete => self.old,
            Event::Update | Event::Any => self.old && self.new,
        }
    }
}

fn key_columns<'c>(columns: &'c [Column], numbers: &[i32]) -> Vec<&'c Column> {
    columns
        .iter()
        .filter(|column| numbers.contains(&column.number))
        .collect()
}
