//! The statement that fired the trigger: which table, which event, its columns, and its transition tables.

use std::ffi::CStr;

use flow::Event;
use pgrx::{PgTrigger, PgTupleDesc, pg_sys};

use crate::refusal::Refusal;

/// One column as the statement's rows have it.
#[derive(Debug)]
pub struct Column {
    /// From 1.
    pub number: i32,
    /// As in JSON.
    pub name: String,
    /// Its type.
    pub kind: pg_sys::Oid,
    /// Length of the type, -1 varlena, -2 C string.
    pub length: i16,
    /// Whether the value is in the datum itself.
    pub by_value: bool,
}

/// What the trigger was called for.
pub struct Statement {
    /// INSERT, UPDATE or DELETE.
    pub event: Event,
    /// The table that the trigger is on: a leaf where it was written to directly.
    pub relation: pg_sys::Relation,
    /// Its rows.
    pub description: pg_sys::TupleDesc,
    /// The rows before; null on INSERT.
    pub old: *mut pg_sys::Tuplestorestate,
    /// The rows after; null on DELETE.
    pub new: *mut pg_sys::Tuplestorestate,
}

impl Statement {
    /// Reads what Postgres gives to the trigger.
    ///
    /// # Errors
    /// [`Refusal::WrongTrigger`] unless it is an AFTER statement trigger with its transition tables.
    pub fn of(trigger: &PgTrigger<'_>) -> Result<Statement, Refusal> {
        let data = trigger.trigger_data();
        let wrong = Refusal::WrongTrigger("automations.capture()");
        let (event, old, new) = match data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK {
            pg_sys::TRIGGER_EVENT_INSERT => (Event::Insert, false, true),
            pg_sys::TRIGGER_EVENT_UPDATE => (Event::Update, true, true),
            pg_sys::TRIGGER_EVENT_DELETE => (Event::Delete, true, false),
            _ => return Err(wrong),
        };
        let for_each_row = data.tg_event & pg_sys::TRIGGER_EVENT_ROW != 0;
        let after = data.tg_event & pg_sys::TRIGGER_EVENT_TIMINGMASK == pg_sys::TRIGGER_EVENT_AFTER;
        let without = (old && data.tg_oldtable.is_null()) || (new && data.tg_newtable.is_null());
        if for_each_row || !after || without || data.tg_relation.is_null() {
            return Err(wrong);
        }
        Ok(Statement {
            event,
            relation: data.tg_relation,
            // SAFETY: Postgres keeps the relation open while its trigger runs.
            description: unsafe { (*data.tg_relation).rd_att },
            old: if old {
                data.tg_oldtable
            } else {
                std::ptr::null_mut()
            },
            new: if new {
                data.tg_newtable
            } else {
                std::ptr::null_mut()
            },
        })
    }

    /// Whether the statement changed no row at all.
    pub fn is_empty(&self) -> bool {
        count(self.old).unwrap_or(0) == 0 && count(self.new).unwrap_or(0) == 0
    }

    /// Whether each row has its partner where there are rows before and after.
    pub fn is_paired(&self) -> bool {
        match (count(self.old), count(self.new)) {
            (Some(old), Some(new)) => old == new,
            _ => true,
        }
    }

    /// The oid of the table.
    pub fn table(&self) -> pg_sys::Oid {
        // SAFETY: an open relation.
        unsafe { (*self.relation).rd_id }
    }

    /// Its name, without the schema.
    pub fn table_name(&self) -> String {
        // SAFETY: an open relation has its row of pg_class.
        unsafe { CStr::from_ptr((*(*self.relation).rd_rel).relname.data.as_ptr()) }
            .to_string_lossy()
            .into_owned()
    }

    /// Whether it is a leaf, whose source is registered with a parent.
    pub fn is_leaf(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*(*self.relation).rd_rel).relispartition }
    }

    /// Its columns, without dropped ones.
    pub fn columns(&self) -> Vec<Column> {
        // SAFETY: a description that outlives this borrow; nothing is released.
        let description = unsafe { PgTupleDesc::from_pg_unchecked(self.description) };
        description
            .iter()
            .filter(|attribute| !attribute.attisdropped)
            .map(|attribute| Column {
                number: i32::from(attribute.attnum),
                // SAFETY: a name ends with zero.
                name: unsafe { CStr::from_ptr(attribute.attname.data.as_ptr()) }
                    .to_string_lossy()
                    .into_owned(),
                kind: attribute.atttypid,
                length: attribute.attlen,
                by_value: attribute.attbyval,
            })
            .collect()
    }

    /// The numbers of the columns of its primary key; none without one.
    pub fn primary_key(&self) -> Vec<i32> {
        let mut numbers = Vec::new();
        // SAFETY: an open relation; the bitmap is walked as Postgres does.
        unsafe {
            let key = pg_sys::RelationGetIndexAttrBitmap(
                self.relation,
                pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_PRIMARY_KEY,
            );
            let mut member = pg_sys::bms_next_member(key, -1);
            while member >= 0 {
                numbers.push(member + pg_sys::FirstLowInvalidHeapAttributeNumber);
                member = pg_sys::bms_next_member(key, member);
            }
        }
        numbers
    }
}

/// How many rows a transition table has; none where there is no such table.
fn count(store: *mut pg_sys::Tuplestorestate) -> Option<i64> {
    // SAFETY: a store of the statement, alive while its triggers run.
    (!store.is_null()).then(|| unsafe { pg_sys::tuplestore_tuple_count(store) })
}
