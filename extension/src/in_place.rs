//! A jsonb as it lies in memory: read where it is, without a copy of what nobody asks for.

use pgrx::pg_sys;

/// Whether a jsonb datum has this key, or is a list with this string.
#[must_use]
pub fn has_key(datum: pg_sys::Datum, key: &std::ffi::CStr) -> bool {
    // SAFETY: a jsonb and a text.
    unsafe {
        let key = pg_sys::Datum::from(pg_sys::cstring_to_text(key.as_ptr()));
        let has = pgrx::direct_function_call_as_datum(pg_sys::jsonb_exists, &[Some(datum), Some(key)]);
        has.is_some_and(|has| has.value() != 0)
    }
}

/// A list. It lives as long as the jsonb that it is part of.
#[derive(Debug, Clone, Copy)]
pub struct List(*mut pg_sys::JsonbContainer);

impl List {
    /// Of a jsonb; none if it is no list.
    ///
    /// # Safety
    /// The datum is a jsonb, and lives as long as what is read in it.
    #[must_use]
    pub unsafe fn of(datum: pg_sys::Datum) -> Option<List> {
        // SAFETY: as the caller says; where it is compressed it is made anew. A container begins with its header.
        unsafe {
            let jsonb = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::Jsonb>();
            let root = &raw mut (*jsonb).root;
            let header = (*root).header;
            (header & pg_sys::JB_FARRAY != 0 && header & pg_sys::JB_FSCALAR == 0).then_some(List(root))
        }
    }

    /// What stands at a place, from 0.
    #[must_use]
    pub fn at(self, place: usize) -> Option<Value> {
        let place = u32::try_from(place).ok()?;
        // SAFETY: a list.
        let value = unsafe { pg_sys::getIthJsonbValueFromContainer(self.0, place) };
        (!value.is_null()).then_some(Value(value))
    }
}

/// Something in a list or an object.
#[derive(Debug, Clone, Copy)]
pub struct Value(*mut pg_sys::JsonbValue);

impl Value {
    /// What an object has under a key; none where this is no object.
    #[must_use]
    pub fn of(self, key: &str) -> Option<Value> {
        let object = self.container(pg_sys::JB_FOBJECT)?;
        let length = i32::try_from(key.len()).ok()?;
        // SAFETY: an object; so many bytes of the key are read, and the value is made in the memory of this call.
        let value = unsafe {
            let none = std::ptr::null_mut();
            pg_sys::getKeyJsonValueFromContainer(object, key.as_ptr().cast(), length, none)
        };
        (!value.is_null()).then_some(Value(value))
    }

    /// As a list; none if it is none.
    #[must_use]
    pub fn list(self) -> Option<List> {
        self.container(pg_sys::JB_FARRAY).map(List)
    }

    fn kind(self) -> pg_sys::jbvType::Type {
        // SAFETY: a value that was found.
        unsafe { (*self.0).type_ }
    }

    fn container(self, kind: u32) -> Option<*mut pg_sys::JsonbContainer> {
        if self.kind() != pg_sys::jbvType::jbvBinary {
            return None;
        }
        // SAFETY: what is binary points to its container, which begins with its header.
        unsafe {
            let data = (*self.0).val.binary.data;
            ((*data).header & kind != 0).then_some(data)
        }
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == pg_sys::jbvType::jbvNull
    }

    /// Null, or a list without anything in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.is_null() || self.list().is_some_and(|list| list.at(0).is_none())
    }

    /// The bytes of a string, in the encoding of the database; none if it is none.
    #[must_use]
    pub fn text(self) -> Option<&'static [u8]> {
        // SAFETY: a string points into the jsonb, which lives as long as what is read in it.
        (self.kind() == pg_sys::jbvType::jbvString).then(|| unsafe {
            let string = (*self.0).val.string;
            std::slice::from_raw_parts(string.val.cast(), usize::try_from(string.len).unwrap_or(0))
        })
    }

    /// A number that counts; none if it is none.
    #[must_use]
    pub fn number(self) -> Option<usize> {
        if self.kind() != pg_sys::jbvType::jbvNumeric {
            return None;
        }
        // SAFETY: a numeric, whose text ends with zero.
        let text = unsafe {
            let numeric = pg_sys::Datum::from((*self.0).val.numeric);
            let text = pgrx::direct_function_call_as_datum(pg_sys::numeric_out, &[Some(numeric)])?;
            std::ffi::CStr::from_ptr(text.cast_mut_ptr())
        };
        text.to_str().ok()?.parse().ok()
    }

    /// As a jsonb of its own; none for null.
    #[must_use]
    pub fn jsonb(self) -> Option<pg_sys::Datum> {
        (!self.is_null()).then(|| self.jsonb_or_null())
    }

    /// As a jsonb of its own, whatever it is.
    #[must_use]
    pub fn jsonb_or_null(self) -> pg_sys::Datum {
        // SAFETY: a value that was found, which is copied.
        unsafe { pg_sys::Datum::from(pg_sys::JsonbValueToJsonb(self.0)) }
    }
}
