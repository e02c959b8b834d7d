//! jsonb across the border: as text, because Rust refuses JSON that jsonb holds (nesting, 1e400) and would round
//! large numbers; what must be looked into is measured first and then parsed here, with an error instead of a panic.

use pgrx::datum::DatumWithOid;
use pgrx::{AnyElement, FromDatum, pg_sys};
use serde_json::Value;

use crate::refusal::Refusal;

/// The most bytes of text of one argument or column of a graph that are parsed: as values they take up to twenty
/// times as much. Twice what `flow` allows for a whole graph without spaces, because jsonb writes some.
pub const GRAPH_BYTES: usize = 2 * 1024 * 1024;

/// The text of a jsonb datum.
#[must_use]
pub fn text_of(datum: pg_sys::Datum) -> String {
    // SAFETY: the caller's argument or column is declared jsonb; jsonb_out returns a C string that ends with zero.
    unsafe {
        let text = pgrx::direct_function_call_as_datum(pg_sys::jsonb_out, &[Some(datum)]);
        let text = text.and_then(|text| <&std::ffi::CStr>::from_datum(text, false));
        text.map(|text| text.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

/// The text of a jsonb datum as a datum, in the current memory.
#[must_use]
pub fn text_datum_of(datum: pg_sys::Datum) -> pg_sys::Datum {
    // SAFETY: the caller's column is declared jsonb. What comes before the text is written over with its length, as
    // cstring_to_text() does it with a copy.
    unsafe {
        let jsonb = pg_sys::pg_detoast_datum(datum.cast_mut_ptr());
        let mut text = pg_sys::StringInfoData::default();
        pg_sys::initStringInfo(&mut text);
        pg_sys::appendBinaryStringInfo(
            &mut text,
            [0_u8; pg_sys::VARHDRSZ].as_ptr().cast(),
            pg_sys::VARHDRSZ as i32,
        );
        let size = pgrx::varsize(jsonb) as i32;
        pg_sys::JsonbToCString(&mut text, &mut (*jsonb.cast::<pg_sys::Jsonb>()).root, size);
        pgrx::set_varsize_4b(text.data.cast(), text.len);
        if !std::ptr::eq(jsonb, datum.cast_mut_ptr()) {
            pg_sys::pfree(jsonb.cast());
        }
        pg_sys::Datum::from(text.data)
    }
}

/// A jsonb datum of a text, in the current memory.
#[must_use]
pub fn datum_of(text: &std::ffi::CStr) -> Option<pg_sys::Datum> {
    // SAFETY: jsonb_in takes a C string.
    unsafe {
        pgrx::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(pg_sys::Datum::from(text.as_ptr()))])
    }
}

/// The text of a jsonb datum if it has at most so many bytes, else about how many it has.
///
/// # Errors
/// The number of bytes.
pub fn short_text_of(datum: pg_sys::Datum, most: usize) -> Result<String, usize> {
    // SAFETY: a jsonb is a varlena; its size is read without decompressing it.
    let raw = unsafe { pg_sys::toast_raw_datum_size(datum) };
    // Binary is at most four times its text (a list of one-digit numbers), so nothing that fits is refused unread.
    if raw > most.saturating_mul(5) {
        return Err(raw);
    }
    let text = text_of(datum);
    if text.len() > most {
        return Err(text.len());
    }
    Ok(text)
}

/// A jsonb argument or column as a value, `null` where there is none.
///
/// # Errors
/// [`Refusal::TooLarge`] beyond [`GRAPH_BYTES`], [`Refusal::Json`] where Rust refuses what jsonb holds.
pub fn value_of(datum: Option<pg_sys::Datum>, what: &'static str) -> Result<Value, Refusal> {
    match datum.map(|datum| short_text_of(datum, GRAPH_BYTES)) {
        None => Ok(Value::Null),
        Some(Ok(text)) => parse(&text, what),
        Some(Err(bytes)) => Err(Refusal::TooLarge { what, bytes }),
    }
}

/// The same for an argument of a function.
///
/// # Errors
/// As [`value_of`].
pub fn argument(argument: Option<AnyElement>, what: &'static str) -> Result<Value, Refusal> {
    value_of(argument.map(|element| element.datum()), what)
}

/// A jsonb argument of a function as an argument of a statement, untouched.
#[must_use]
pub fn passed_on(argument: Option<AnyElement>) -> DatumWithOid<'static> {
    match argument {
        // SAFETY: the argument is declared jsonb.
        Some(argument) => unsafe { DatumWithOid::new(argument.datum(), pg_sys::JSONBOID) },
        None => DatumWithOid::null_oid(pg_sys::JSONBOID),
    }
}

/// A jsonb made of text of JSON that this program wrote.
#[must_use]
pub fn from_text(text: &str) -> AnyElement {
    // SAFETY: a C string in the memory of this call; jsonb_in gives a jsonb.
    unsafe {
        let text = pg_sys::Datum::from(pgrx::PgMemoryContexts::CurrentMemoryContext.pstrdup(text));
        let datum = pgrx::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(text)]);
        let datum = datum.unwrap_or(pg_sys::Datum::from(0));
        AnyElement::from_polymorphic_datum(datum, false, pg_sys::JSONBOID)
            .unwrap_or_else(|| unreachable!("a datum that is not null"))
    }
}

/// The first element of a list.
#[must_use]
pub fn first_of(list: AnyElement) -> Option<AnyElement> {
    // SAFETY: the caller's value is a jsonb; the answer lives in the memory of this call.
    unsafe {
        let arguments = [Some(list.datum()), Some(pg_sys::Datum::from(0i32))];
        let first = pgrx::direct_function_call_as_datum(pg_sys::jsonb_array_element, &arguments)?;
        AnyElement::from_polymorphic_datum(first, false, pg_sys::JSONBOID)
    }
}

/// Parses text of JSON that has been measured.
///
/// # Errors
/// [`Refusal::Json`].
pub fn parse(text: &str, what: &'static str) -> Result<Value, Refusal> {
    serde_json::from_str(text).map_err(|source| Refusal::Json { what, source })
}
