//! Which change each listener hears: the accounts of all rows first, then their listeners, and only then the rows
//! that somebody may want are looked at in full.

use std::collections::{HashMap, HashSet};

use flow::Event;
use pgrx::{PgMemoryContexts, pg_sys};
use uuid::Uuid;

use super::changes::{Changes, Shown};
use super::event::{Change, Side};
use super::hearing::Heard;
use super::listeners;
use super::reading::{changed, sides};
use super::rows::Rows;
use super::sources;
use super::statement::{Column, Statement};
use super::subject::Subject;
use super::table::Source;
use super::write::Match;
use crate::contained::{Failure, contained};
use crate::refusal::Refusal;
use crate::schedules::transaction_start;

/// What was found: a match to queue, or with a failure one to put down as missed.
pub struct Found<'f> {
    /// Who hears of what.
    pub one: Match,
    /// INSERT, UPDATE or DELETE.
    pub operation: &'static str,
    /// The source.
    pub source: &'f str,
    /// Why it cannot be queued.
    pub failure: Option<Failure>,
}

/// Where matches go.
pub trait Sink {
    /// Takes one.
    ///
    /// # Errors
    /// It could not be written: the whole attempt fails.
    fn take(&mut self, found: Found<'_>) -> Result<(), Refusal>;
}

/// How a row that cannot be read is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// It fails the attempt: the usual way, in one subtransaction.
    Quick,
    /// It is put down alone: each row in a subtransaction of its own.
    EachRow,
}

/// Hands every match of the statement to `sink`.
///
/// # Errors
/// Whatever keeps it from finding them.
pub fn find(statement: &Statement, care: Care, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let table = sources::table_of(statement)?;
    let Some(source) = &table.source else {
        return Ok(());
    };
    let columns = &table.columns;
    let mut changes = Changes::open(statement, columns);
    let owners = owners(source, columns, &mut changes)?;
    let distinct: HashSet<Uuid> = owners.iter().filter_map(|owner| owner.account).collect();
    if distinct.is_empty() {
        return Ok(());
    }
    let heard = listeners::who_hears(statement.table(), &source.name, statement.event, distinct)?;
    if heard.values().all(|listeners| listeners.is_empty()) {
        return Ok(());
    }
    let mut finder = Finder {
        statement,
        source,
        columns,
        table: &table.name,
        subject: Subject::of(source, statement, columns),
        broken: HashSet::new(),
        scratch: PgMemoryContexts::new("automations capture: one row"),
        care,
    };
    changes.rewind();
    for owner in owners {
        let Some(shown) = changes.advance(columns) else {
            break;
        };
        if let Some(heard) = owner.account.and_then(|account| heard.get(&account)) {
            finder.hear(&changes, shown, owner.handed_over, heard, sink)?;
        }
    }
    Ok(())
}

/// Whose a change is.
struct Owner {
    /// None where it cannot be found any more.
    account: Option<Uuid>,
    /// The row before belonged to another account: its new owner hears of the change, and not what the row was.
    handed_over: bool,
}

/// The owner of each change, in their order.
fn owners(source: &Source, columns: &[Column], changes: &mut Changes) -> Result<Vec<Owner>, Refusal> {
    let owner = columns
        .iter()
        .find(|column| column.name == source.owner_column)
        .ok_or_else(|| {
            Refusal::Invalid(format!(
                "column {} of source {} is gone: call automations.watch() again",
                source.owner_column, source.name
            ))
        })?;
    if !source.by_path && owner.kind == pg_sys::UUIDOID {
        let mut owners = Vec::new();
        while let Some(shown) = changes.advance(columns) {
            let (account, before) = keys(changes, shown, |row| row.uuid(owner.number));
            let handed_over = before.is_some_and(|before| before != account);
            owners.push(Owner { account, handed_over });
        }
        return Ok(owners);
    }
    let mut found = Vec::new();
    while let Some(shown) = changes.advance(columns) {
        found.push(keys(changes, shown, |row| row.text(owner)));
    }
    let distinct: HashSet<String> = found
        .iter()
        .flat_map(|(now, before)| now.iter().chain(before.iter().flatten()))
        .cloned()
        .collect();
    let accounts: HashMap<String, Uuid> = match source.by_path {
        true if !distinct.is_empty() => listeners::owners_of(&source.name, distinct.into_iter().collect())?,
        _ => HashMap::new(),
    };
    let account = |key: Option<&String>| match source.by_path {
        true => key.and_then(|key| accounts.get(key).copied()),
        false => key.and_then(|key| key.parse().ok()),
    };
    Ok(found
        .iter()
        .map(|(now, before)| {
            let owner = account(now.as_ref());
            let differs = |before: &Option<String>| before != now && account(before.as_ref()) != owner;
            Owner {
                account: owner,
                handed_over: before.as_ref().is_some_and(differs),
            }
        })
        .collect())
}

/// What leads to the owner of a change, and on UPDATE what led there before.
fn keys<K>(
    changes: &Changes,
    shown: Shown,
    key: impl Fn(&Rows) -> Option<K>,
) -> (Option<K>, Option<Option<K>>) {
    let before = changes.old(shown).filter(|_| shown.new).map(&key);
    (changes.subject(shown).and_then(&key), before)
}

struct Finder<'f> {
    statement: &'f Statement,
    source: &'f Source,
    columns: &'f [Column],
    table: &'f str,
    subject: Subject<'f>,
    broken: HashSet<Uuid>,
    scratch: PgMemoryContexts,
    care: Care,
}

impl Finder<'_> {
    /// One change, and who of its account hears it.
    fn hear(
        &mut self,
        changes: &Changes,
        shown: Shown,
        handed_over: bool,
        heard: &[Heard],
        sink: &mut dyn Sink,
    ) -> Result<(), Refusal> {
        let event = self.statement.event;
        let whole = shown.is_whole(event);
        let changed = match (event, changes.old(shown), changes.new_row(shown)) {
            (Event::Update, Some(old), Some(new)) => changed(&mut self.scratch, self.columns, old, new),
            _ => Vec::new(),
        };
        let wanting: Vec<&Heard> = heard
            .iter()
            .filter(|one| match &one.listener {
                Ok(listener) => !whole || listener.wants(event, &changed),
                Err(_) => self.broken.insert(one.automation),
            })
            .collect();
        if wanting.is_empty() {
            return Ok(());
        }
        let read = match self.care {
            Care::Quick => Ok(sides(&mut self.scratch, self.columns, changes, shown)?),
            Care::EachRow => contained(|| sides(&mut self.scratch, self.columns, changes, shown)),
        };
        let (old, new, unread) = match read {
            Ok((_, new)) if handed_over => (Side::None, new, None),
            Ok((old, new)) => (old, new, None),
            Err(failure) => (Side::None, Side::None, Some(failure)),
        };
        let change = Change {
            event,
            source: &self.source.name,
            table: self.table,
            old,
            new,
            changed: &changed,
            at: transaction_start(),
        };
        let stored = if unread.is_none() {
            Some(change.stored())
        } else {
            None
        };
        let mut about: Option<Option<String>> = None;
        let mut looked_at: Option<Result<serde_json::Value, Failure>> = None;
        for one in wanting {
            let mut failure = unread.clone();
            if !whole {
                failure = Some(mismatch());
            }
            match &one.listener {
                Err(message) => failure = Some(broken(message)),
                // A row that is too large to look at is queued: its execution ends with too_large.
                Ok(listener) if failure.is_none() && listener.conditions.is_some() => {
                    let data = looked_at.get_or_insert_with(|| match change.whole() {
                        Some(whole) => serde_json::from_str(&whole).map_err(|error| unreadable(&error)),
                        None => Ok(serde_json::Value::Null),
                    });
                    match data {
                        Ok(data) if !data.is_null() && !listener.matches(data) => continue,
                        Ok(_) => {}
                        Err(problem) => failure = Some(problem.clone()),
                    }
                }
                Ok(_) => {}
            }
            let found = Found {
                one: Match {
                    account: one.account,
                    automation: Some(one.automation),
                    version: one.version,
                    data: stored.clone(),
                    lead: self.subject.lead(changes, shown),
                    conversation: self.subject.conversation(changes, shown),
                    priority: one.priority,
                    record: if one.asks_record {
                        about
                            .get_or_insert_with(|| self.subject.record(changes, shown, &change))
                            .clone()
                    } else {
                        None
                    },
                },
                operation: event.as_str(),
                source: &self.source.name,
                failure,
            };
            sink.take(found)?;
        }
        Ok(())
    }
}

fn broken(message: &str) -> Failure {
    Failure {
        sqlstate: "22023".to_owned(),
        message: format!("the listener cannot be read: {message}"),
    }
}

fn mismatch() -> Failure {
    let message = "the rows before and after the UPDATE could not be paired";
    Failure {
        sqlstate: "21000".to_owned(),
        message: message.to_owned(),
    }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure {
        sqlstate: "22023".to_owned(),
        message: format!("the conditions cannot look at the row: {error}"),
    }
}
