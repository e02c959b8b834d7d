//! A transition table, row by row: values as they are stored, JSON only for the rows that somebody wants.

use std::ffi::CStr;

use pgrx::{FromDatum, pg_sys, varlena};

use super::statement::Column;
use crate::refusal::Refusal;

/// A reader of one transition table, with a read position of its own.
pub struct Rows {
    store: *mut pg_sys::Tuplestorestate,
    position: i32,
    slot: *mut pg_sys::TupleTableSlot,
}

impl Rows {
    /// Starts before the first row. The store must outlive it.
    pub fn open(store: *mut pg_sys::Tuplestorestate, description: pg_sys::TupleDesc) -> Rows {
        // SAFETY: as the executor's NamedTuplestoreScan does it.
        unsafe {
            let position = pg_sys::tuplestore_alloc_read_pointer(store, pg_sys::EXEC_FLAG_REWIND as i32);
            let slot =
                pg_sys::MakeSingleTupleTableSlot(description, std::ptr::addr_of!(pg_sys::TTSOpsMinimalTuple));
            let mut rows = Rows {
                store,
                position,
                slot,
            };
            rows.rewind();
            rows
        }
    }

    /// Back before the first row.
    pub fn rewind(&mut self) {
        // SAFETY: a read pointer of this store.
        unsafe {
            pg_sys::tuplestore_select_read_pointer(self.store, self.position);
            pg_sys::tuplestore_rescan(self.store);
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> i64 {
        // SAFETY: the store is alive.
        unsafe { pg_sys::tuplestore_tuple_count(self.store) }
    }

    /// To the next row; false at the end.
    pub fn advance(&mut self) -> bool {
        // SAFETY: other readers of the same store may have selected their own read pointer meanwhile.
        unsafe {
            pg_sys::tuplestore_select_read_pointer(self.store, self.position);
            pg_sys::tuplestore_gettupleslot(self.store, true, false, self.slot)
        }
    }

    /// The current row, to be put back later with [`Rows::show`].
    pub fn keep(&self) -> pg_sys::MinimalTuple {
        // SAFETY: the slot holds a row.
        unsafe { pg_sys::ExecCopySlotMinimalTuple(self.slot) }
    }

    /// Makes a kept row the current one.
    pub fn show(&mut self, row: pg_sys::MinimalTuple) {
        // SAFETY: a row that keep() gave for the same table.
        unsafe {
            pg_sys::ExecStoreMinimalTuple(row, self.slot, false);
        }
    }

    /// A value of the current row, by the column's number; none if it is null.
    pub fn datum(&self, number: i32) -> Option<pg_sys::Datum> {
        // SAFETY: numbers come from the description that the slot was made with.
        unsafe {
            let slot = self.slot;
            if i32::from((*slot).tts_nvalid) < number {
                pg_sys::slot_getsomeattrs_int(slot, number);
            }
            let index = usize::try_from(number - 1).ok()?;
            (!*(*slot).tts_isnull.add(index)).then(|| *(*slot).tts_values.add(index))
        }
    }

    /// A uuid of the current row.
    pub fn uuid(&self, number: i32) -> Option<uuid::Uuid> {
        // SAFETY: asked for columns of type uuid only.
        self.datum(number)
            .and_then(|datum| unsafe { pgrx::Uuid::from_datum(datum, false) })
            .map(crate::ids::from_postgres)
    }

    /// A value of the current row as text, by the output function of its type.
    pub fn text(&self, column: &Column) -> Option<String> {
        let datum = self.datum(column.number)?;
        // SAFETY: the value is of the column's type; output functions give a C string that ends with zero.
        unsafe {
            let (mut output, mut varlena) = (pg_sys::InvalidOid, false);
            pg_sys::getTypeOutputInfo(column.kind, &mut output, &mut varlena);
            let text = pg_sys::OidOutputFunctionCall(output, datum);
            Some(CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }

    /// The current row as a JSON object, by row_to_json().
    ///
    /// # Errors
    /// Not as text of this server's encoding.
    pub fn json(&self) -> Result<String, Refusal> {
        // SAFETY: a composite value of the table's own row type, as row_to_json(record) takes it.
        unsafe {
            let row = pg_sys::ExecFetchSlotHeapTupleDatum(self.slot);
            pgrx::direct_function_call_as_datum(pg_sys::row_to_json, &[Some(row)])
                .and_then(|json| String::from_datum(json, false))
                .ok_or(Refusal::Null("row_to_json"))
        }
    }

    /// How many bytes the variable-length values of the current row have, uncompressed, without reading them.
    pub fn raw_bytes(&self, columns: &[Column]) -> usize {
        columns
            .iter()
            .filter(|column| column.length == -1)
            .filter_map(|column| self.datum(column.number))
            // SAFETY: a varlena.
            .map(|datum| unsafe { pg_sys::toast_raw_datum_size(datum) })
            .sum()
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // After an error the abort releases it.
        if !std::thread::panicking() {
            // SAFETY: made by open(), dropped once.
            unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) };
        }
    }
}

/// Whether a column has the same value in two rows, byte for byte after decompression (as datum_image_eq() of
/// Postgres): what an UPDATE did not touch is equal, and no operator of anybody is called.
pub fn same(column: &Column, old: Option<pg_sys::Datum>, new: Option<pg_sys::Datum>) -> bool {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, None) => return true,
        _ => return false,
    };
    if column.by_value || old.value() == new.value() {
        return old.value() == new.value();
    }
    // SAFETY: both are values of this type: a varlena, a C string or `length` bytes.
    unsafe {
        match column.length {
            -1 => {
                if pg_sys::toast_raw_datum_size(old) != pg_sys::toast_raw_datum_size(new) {
                    return false;
                }
                let old = pg_sys::pg_detoast_datum_packed(old.cast_mut_ptr());
                let new = pg_sys::pg_detoast_datum_packed(new.cast_mut_ptr());
                varlena::varlena_to_byte_slice(old) == varlena::varlena_to_byte_slice(new)
            }
            -2 => CStr::from_ptr(old.cast_mut_ptr()) == CStr::from_ptr(new.cast_mut_ptr()),
            length => {
                let length = usize::try_from(length).unwrap_or(0);
                std::slice::from_raw_parts(old.cast_mut_ptr::<u8>(), length)
                    == std::slice::from_raw_parts(new.cast_mut_ptr::<u8>(), length)
            }
        }
    }
}

/// Whether a column has the same value in two rows for certain, without decompressing anything: false where that would
/// take a closer look. What an UPDATE did not touch is equal.
pub fn surely_same(column: &Column, old: Option<pg_sys::Datum>, new: Option<pg_sys::Datum>) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return old.is_none() && new.is_none();
    };
    if column.length != -1 {
        return same(column, Some(old), Some(new));
    }
    // SAFETY: both are varlenas as they are stored: a pointer to a value out of line is equal where the value is.
    unsafe {
        let (old, new) = (old.cast_mut_ptr(), new.cast_mut_ptr());
        let is_plain = |value| {
            varlena::varatt_is_4b_u(value) || varlena::varatt_is_1b(value) && !varlena::varatt_is_1b_e(value)
        };
        if is_plain(old) && is_plain(new) {
            return varlena::varlena_to_byte_slice(old) == varlena::varlena_to_byte_slice(new);
        }
        let stored = |value: *mut pg_sys::varlena| {
            std::slice::from_raw_parts(value.cast::<u8>(), varlena::varsize_any(value))
        };
        stored(old) == stored(new)
    }
}

/// The bytes of a key, to find the same row in the other table.
pub fn key_of(rows: &Rows, columns: &[&Column]) -> Vec<u8> {
    let mut key = Vec::new();
    for column in columns {
        let text = rows.text(column).unwrap_or_default();
        key.extend_from_slice(&(text.len() as u64).to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    }
    key
}
