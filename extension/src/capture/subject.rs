//! What a captured change is about: the lead and the conversation that the row is or names, and the record that
//! `re_entry` and `debounce_seconds` ask for.

use pgrx::pg_sys;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::changes::{Changes, Shown};
use super::event::{Change, Side};
use super::record;
use super::statement::{Column, Statement};
use super::table::Source;

/// The columns that say it.
pub struct Subject<'s> {
    source: &'s str,
    lead: Option<i32>,
    conversation: Option<i32>,
    statement: &'s Statement,
    columns: &'s [Column],
}

impl<'s> Subject<'s> {
    /// Of the rows of a statement.
    pub fn of(source: &'s Source, statement: &'s Statement, columns: &'s [Column]) -> Subject<'s> {
        let column = |name: &str| {
            let found = columns
                .iter()
                .find(|column| column.name == name && column.kind == pg_sys::UUIDOID);
            found.map(|column| column.number)
        };
        let (lead, conversation) = match source.name.as_str() {
            "lead" => (column("id"), None),
            "conversation" => (column("lead_id"), column("id")),
            _ => (None, None),
        };
        Subject {
            source: &source.name,
            lead,
            conversation,
            statement,
            columns,
        }
    }

    /// The lead; nothing on DELETE, where it is gone.
    pub fn lead(&self, changes: &Changes, shown: Shown) -> Option<Uuid> {
        uuid(changes, shown, self.lead)
    }

    /// The conversation; nothing on DELETE, where it is gone.
    pub fn conversation(&self, changes: &Changes, shown: Shown) -> Option<Uuid> {
        uuid(changes, shown, self.conversation)
    }

    /// Which record the change is about. Of a row that was too large for JSON only the key is read.
    pub fn record(&self, changes: &Changes, shown: Shown, change: &Change<'_>) -> Option<String> {
        let subject = changes.subject(shown)?;
        let id = |column: Option<i32>| column.and_then(|number| subject.uuid(number));
        match self.source {
            "lead" if self.lead.is_some() => return id(self.lead).map(record::of_lead),
            "conversation" if self.conversation.is_some() => {
                return id(self.conversation).map(record::of_conversation);
            }
            _ => {}
        }
        let numbers = self.statement.primary_key();
        let key = || {
            self.columns
                .iter()
                .filter(|column| numbers.contains(&column.number))
        };
        let row = match (&change.new, &change.old) {
            (Side::Json(row), _) | (Side::None, Side::Json(row)) => row.clone(),
            _ => {
                let texts =
                    key().map(|column| Some((column.name.clone(), Value::from(subject.text(column)?))));
                Value::from(texts.collect::<Option<Map<_, _>>>()?).to_string()
            }
        };
        record::of_row(key().map(|column| column.name.as_str()), &row)
    }
}

fn uuid(changes: &Changes, shown: Shown, column: Option<i32>) -> Option<Uuid> {
    changes
        .new_row(shown)
        .zip(column)
        .and_then(|(row, number)| row.uuid(number))
}
