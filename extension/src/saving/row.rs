//! One row of public.automations as a row trigger gets it: columns by name, jsonb as text first.

use std::ffi::CString;

use pgrx::datum::DatumWithOid;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::{AllocatedByPostgres, FromDatum, PgTrigger, PgTupleDesc, Uuid, pg_sys};
use serde_json::Value;

use crate::jsonb;
use crate::refusal::Refusal;

/// What each column that is read must be: a trigger function may be put on any table, and a value that is taken for another type is
/// an address that anybody chose (an integer as agent_id ended the server).
const COLUMNS: [(&str, &[pg_sys::Oid]); 10] = [
    ("id", &[pg_sys::UUIDOID]),
    ("agent_id", &[pg_sys::UUIDOID]),
    ("user_id", &[pg_sys::UUIDOID]),
    ("status", &[pg_sys::TEXTOID, pg_sys::VARCHAROID]),
    ("trigger_type", &[pg_sys::TEXTOID, pg_sys::VARCHAROID]),
    ("trigger_config", &[pg_sys::JSONBOID]),
    ("nodes", &[pg_sys::JSONBOID]),
    ("edges", &[pg_sys::JSONBOID]),
    ("options", &[pg_sys::JSONBOID]),
    ("version", &[pg_sys::INT4OID]),
];

/// A row before or after the change.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    description: pg_sys::TupleDesc,
}

impl Row {
    /// The row as it will be; none on DELETE and for statements.
    pub fn new(trigger: &PgTrigger<'_>) -> Option<Row> {
        let data = trigger.trigger_data();
        let tuple = if fired_by(data, pg_sys::TRIGGER_EVENT_INSERT) {
            data.tg_trigtuple
        } else {
            data.tg_newtuple
        };
        Row::from(data, tuple)
    }

    /// The row as it was; none on INSERT.
    pub fn old(trigger: &PgTrigger<'_>) -> Option<Row> {
        let data = trigger.trigger_data();
        if fired_by(data, pg_sys::TRIGGER_EVENT_INSERT) {
            return None;
        }
        Row::from(data, data.tg_trigtuple)
    }

    fn from(data: &pg_sys::TriggerData, tuple: pg_sys::HeapTuple) -> Option<Row> {
        if tuple.is_null() || data.tg_relation.is_null() {
            return None;
        }
        // SAFETY: Postgres keeps the relation open while its trigger runs.
        let description = unsafe { (*data.tg_relation).rd_att };
        let row = Row { tuple, description };
        COLUMNS
            .iter()
            .all(|(column, kinds)| row.kind(column).is_some_and(|kind| kinds.contains(&kind)))
            .then_some(row)
    }

    /// The type of a column, below its domains; none where there is no such column.
    fn kind(&self, column: &str) -> Option<pg_sys::Oid> {
        let name = CString::new(column).ok()?;
        // SAFETY: an open description, a name that ends with zero, and a type that a column has.
        unsafe {
            let number = pg_sys::SPI_fnumber(self.description, name.as_ptr());
            (number > 0).then(|| pg_sys::getBaseType(pg_sys::SPI_gettypeid(self.description, number)))
        }
    }

    /// A column's value; none where it is null or there is no such column.
    pub fn datum(&self, column: &str) -> Option<pg_sys::Datum> {
        let name = CString::new(column).ok()?;
        // SAFETY: tuple and description belong together and live as long as the trigger runs.
        unsafe {
            let number = pg_sys::SPI_fnumber(self.description, name.as_ptr());
            if number <= 0 {
                return None;
            }
            let mut null = false;
            let datum = pg_sys::SPI_getbinval(self.tuple, self.description, number, &mut null);
            (!null).then_some(datum)
        }
    }

    /// A uuid column.
    pub fn uuid(&self, column: &str) -> Option<Uuid> {
        // SAFETY: asked for columns that the tables declare so.
        self.datum(column)
            .and_then(|datum| unsafe { Uuid::from_datum(datum, false) })
    }

    /// A text column.
    pub fn text(&self, column: &str) -> Option<String> {
        // SAFETY: as above.
        self.datum(column)
            .and_then(|datum| unsafe { String::from_datum(datum, false) })
    }

    /// An integer column.
    pub fn integer(&self, column: &str) -> Option<i32> {
        // SAFETY: as above.
        self.datum(column)
            .and_then(|datum| unsafe { i32::from_datum(datum, false) })
    }

    /// A jsonb column as a value.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], and [`Refusal::Json`] for JSON that is deeper than Rust takes: refused, no panic.
    pub fn json(&self, column: &'static str) -> Result<Value, Refusal> {
        jsonb::value_of(self.datum(column), column)
    }

    /// A jsonb column as an argument of a statement, untouched.
    pub fn jsonb(&self, column: &str) -> DatumWithOid<'static> {
        match self.datum(column) {
            // SAFETY: the column is declared jsonb.
            Some(datum) => unsafe { DatumWithOid::new(datum, pg_sys::JSONBOID) },
            None => DatumWithOid::null_oid(pg_sys::JSONBOID),
        }
    }

    /// The row with other values in some columns, each of its column's type.
    pub fn with(self, changes: &[(&str, Option<pg_sys::Datum>)]) -> Result<Row, Refusal> {
        let mut tuple = self.tuple;
        for (column, value) in changes {
            let name = CString::new(*column)?;
            // SAFETY: one column that exists, one value of its type; the result lives in the trigger's memory.
            tuple = unsafe {
                let mut number = pg_sys::SPI_fnumber(self.description, name.as_ptr());
                if number <= 0 {
                    return Err(Refusal::NotInstalled);
                }
                let mut datum = value.unwrap_or(pg_sys::Datum::from(0));
                let mut null = value.is_none();
                pg_sys::heap_modify_tuple_by_cols(
                    tuple,
                    self.description,
                    1,
                    &mut number,
                    &mut datum,
                    &mut null,
                )
            };
        }
        Ok(Row { tuple, ..self })
    }

    /// As a trigger gives it back.
    pub fn into_tuple<'a>(self) -> Result<PgHeapTuple<'a, AllocatedByPostgres>, Refusal> {
        // SAFETY: tuple and description belong together; a tuple that the trigger was given is given back as it is.
        Ok(unsafe { PgHeapTuple::from_heap_tuple(PgTupleDesc::from_pg_copy(self.description), self.tuple) })
    }
}

fn fired_by(data: &pg_sys::TriggerData, event: u32) -> bool {
    data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK == event
}
