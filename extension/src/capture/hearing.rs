//! Who of one account hears one event of one table, as far as it is worth remembering.

use std::collections::HashSet;
use std::rc::Rc;

use flow::{Event, Listener};
use uuid::Uuid;

/// The most that is remembered of one account's listeners, about. Of more it is only remembered what they ask for, so
/// that what none of them hears costs nothing however many they are; a change that one may hear asks again.
const BYTES: usize = 256 * 1024;

/// An automation that listens.
#[derive(Debug)]
pub struct Heard {
    /// Its owner.
    pub account: Uuid,
    /// The automation.
    pub automation: Uuid,
    /// Its version when the change happened.
    pub version: i32,
    /// The priority of its executions.
    pub priority: i16,
    /// `re_entry` or `debounce_seconds` ask which record changed.
    pub asks_record: bool,
    /// What it waits for, or why that cannot be read.
    pub listener: Result<Listener, String>,
    /// About how much memory it takes.
    pub bytes: usize,
}

/// Who hears it.
#[derive(Debug)]
pub struct Hearing {
    heard: Option<Rc<[Heard]>>,
    interest: Interest,
}

/// Which changes can be heard at all.
#[derive(Debug)]
pub enum Interest {
    /// None.
    Nothing,
    /// An UPDATE of one of these columns.
    Columns(Vec<String>),
    /// Every one; conditions may still refuse it.
    Everything,
}

impl Hearing {
    /// Of the listeners that were found for an account.
    pub fn of(heard: &Rc<[Heard]>, event: Event) -> Hearing {
        let bytes: usize = heard.iter().map(|one| one.bytes).sum();
        Hearing {
            heard: (bytes <= BYTES).then(|| Rc::clone(heard)),
            interest: interest(heard, event),
        }
    }

    /// The listeners, unless they were too many to be remembered.
    pub fn heard(&self) -> Option<&Rc<[Heard]>> {
        self.heard.as_ref()
    }

    /// What none of them hears needs no look at them.
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let heard = self.heard.iter().flat_map(|heard| heard.iter());
        let columns = match &self.interest {
            Interest::Columns(columns) => columns.iter().map(|column| column.len() + 24).sum(),
            Interest::Nothing | Interest::Everything => 0,
        };
        heard.map(|one| one.bytes).sum::<usize>() + columns
    }
}

fn interest(heard: &[Heard], event: Event) -> Interest {
    let mut columns = HashSet::new();
    let mut any = false;
    for one in heard {
        match &one.listener {
            // A listener that cannot be read is put down when a change comes.
            Err(_) => return Interest::Everything,
            // It is asked with all its columns changed: what it leaves out then, it never hears.
            Ok(listener) if listener.wants(event, &listener.columns) => {
                if event != Event::Update || listener.columns.is_empty() {
                    return Interest::Everything;
                }
                any = true;
                columns.extend(listener.columns.iter().cloned());
            }
            Ok(_) => {}
        }
    }
    match any {
        true => Interest::Columns(columns.into_iter().collect()),
        false => Interest::Nothing,
    }
}
