//! The quick way out: whether it is known without any query that nobody hears a statement. It reads the accounts of the
//! rows and, on UPDATE, the columns that somebody listens to; it opens no subtransaction, changes no role and builds
//! nothing. What it cannot tell it leaves to the whole way.

use std::rc::Rc;

use flow::Event;
use uuid::Uuid;

use super::cache;
use super::changes::Changes;
use super::hearing::{Hearing, Interest};
use super::rows::surely_same;
use super::statement::{Column, Statement};

/// Whether certainly nobody hears it.
pub fn nobody_hears(statement: &Statement) -> bool {
    let Some(table) = cache::table(statement.table()) else {
        return false;
    };
    let Some(source) = &table.source else {
        return true;
    };
    if !source.has_listeners {
        return true;
    }
    let (Some(account), true) = (table.account, statement.is_paired()) else {
        return false;
    };
    let mut changes = Changes::open(statement, &table.columns);
    let mut last: Option<Known> = None;
    while let Some(shown) = changes.advance(&table.columns) {
        let Some(owner) = changes.subject(shown).and_then(|row| row.uuid(account)) else {
            continue;
        };
        let known = match last.take() {
            Some(known) if known.account == owner => known,
            _ => match cache::hearing(statement.table(), owner, statement.event) {
                Some(hearing) => Known::of(owner, &hearing, statement.event, &table.columns),
                None => return false,
            },
        };
        let unheard = match &known.interest {
            Some(columns) => {
                let (old, new) = (changes.old(shown), changes.new_row(shown));
                old.zip(new).is_some_and(|(old, new)| {
                    let same = |column: &&Column| {
                        surely_same(column, old.datum(column.number), new.datum(column.number))
                    };
                    columns.iter().all(same)
                })
            }
            None => false,
        };
        if !unheard && !known.nothing {
            return false;
        }
        last = Some(known);
    }
    true
}

/// What an account of the statement is interested in.
struct Known<'c> {
    account: Uuid,
    nothing: bool,
    interest: Option<Vec<&'c Column>>,
}

impl<'c> Known<'c> {
    fn of(account: Uuid, hearing: &Rc<Hearing>, event: Event, columns: &'c [Column]) -> Known<'c> {
        let named = |names: &[String]| {
            let wanted = |column: &&Column| names.contains(&column.name);
            columns.iter().filter(wanted).collect()
        };
        Known {
            account,
            nothing: matches!(hearing.interest(), Interest::Nothing),
            interest: match hearing.interest() {
                Interest::Columns(names) if event == Event::Update => Some(named(names)),
                _ => None,
            },
        }
    }
}
