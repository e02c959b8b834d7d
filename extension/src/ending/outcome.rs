//! What an execution came to, as a daemon sends it: one object of the list that `finish()` is given, read where it lies.

use pgrx::pg_sys;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    /// As the column `status` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

/// A result, each part as the column of its name holds it; text and jsonb in the memory context in which it was read.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub status: Status,
    pub error: Option<pg_sys::Datum>,
    pub error_code: Option<pg_sys::Datum>,
    pub error_node_id: Option<pg_sys::Datum>,
    /// As `output_of()` says it.
    pub output: Option<pg_sys::Datum>,
    pub variables: Option<pg_sys::Datum>,
    pub nodes_executed: Option<pg_sys::Datum>,
    /// None where there is nothing in it.
    pub steps: Option<pg_sys::Datum>,
}

/// An object of JSON, or a list.
type Container = *mut pg_sys::JsonbContainer;

/// A list of results.
#[derive(Debug, Clone, Copy)]
pub struct Outcomes(Container);

impl Outcomes {
    /// Of a jsonb; none if it is no list.
    ///
    /// # Safety
    /// The datum is a jsonb, and lives as long as this.
    pub unsafe fn of(results: pg_sys::Datum) -> Option<Outcomes> {
        // SAFETY: as the caller says; where it is compressed it is made anew.
        let list = unsafe {
            let jsonb = pg_sys::pg_detoast_datum(results.cast_mut_ptr()).cast::<pg_sys::Jsonb>();
            &raw mut (*jsonb).root
        };
        // SAFETY: a container begins with its header.
        let header = unsafe { (*list).header };
        let is_list = header & pg_sys::JB_FARRAY != 0 && header & pg_sys::JB_FSCALAR == 0;
        is_list.then_some(Outcomes(list))
    }

    /// That of one place, from 0; none where it is not as a daemon sends it of what has ended.
    pub fn at(self, place: usize) -> Option<Outcome> {
        // SAFETY: containers inside the list, which lives as long as this.
        unsafe {
            let result = Value::at(self.0, place)?.container()?;
            let status = match Value::of(result, "status")?.text()? {
                b"completed" => Status::Completed,
                b"failed" => Status::Failed,
                b"cancelled" => Status::Cancelled,
                _ => return None,
            };
            let text = |key| match Value::of(result, key) {
                None => Some(None),
                Some(value) if value.is_null() => Some(None),
                Some(value) => value.text().map(|text| Some(datum_of(text))),
            };
            let nodes_executed = Value::of(result, "nodes_executed").filter(|value| !value.is_null());
            let output = match Value::of(result, "output") {
                Some(output) => Some(output),
                None => match Value::of(result, "output_line").filter(|line| !line.is_null()) {
                    None => None,
                    Some(line) => {
                        let line = Value::at(nodes_executed?.container()?, line.number()?)?;
                        Value::of(line.container()?, "output")
                    }
                },
            };
            let steps = Value::of(result, "steps").filter(|steps| !steps.is_empty());
            Some(Outcome {
                status,
                error: text("error")?,
                error_code: text("error_code")?,
                error_node_id: text("error_node_id")?,
                output: output.and_then(Value::jsonb),
                variables: Value::of(result, "variables").and_then(Value::jsonb),
                nodes_executed: nodes_executed.and_then(Value::jsonb),
                steps: steps.and_then(Value::jsonb),
            })
        }
    }
}

/// Something in a container.
#[derive(Clone, Copy)]
struct Value(*mut pg_sys::JsonbValue);

impl Value {
    unsafe fn of(object: Container, key: &str) -> Option<Value> {
        // SAFETY: a container of the list.
        unsafe {
            if (*object).header & pg_sys::JB_FOBJECT == 0 {
                return None;
            }
            let length = i32::try_from(key.len()).unwrap_or(0);
            let none = std::ptr::null_mut();
            let value = pg_sys::getKeyJsonValueFromContainer(object, key.as_ptr().cast(), length, none);
            (!value.is_null()).then_some(Value(value))
        }
    }

    unsafe fn at(list: Container, place: usize) -> Option<Value> {
        // SAFETY: a container of the list.
        unsafe {
            if (*list).header & pg_sys::JB_FARRAY == 0 {
                return None;
            }
            let value = pg_sys::getIthJsonbValueFromContainer(list, u32::try_from(place).ok()?);
            (!value.is_null()).then_some(Value(value))
        }
    }

    fn kind(self) -> pg_sys::jbvType::Type {
        // SAFETY: a value that was found.
        unsafe { (*self.0).type_ }
    }

    fn is_null(self) -> bool {
        self.kind() == pg_sys::jbvType::jbvNull
    }

    /// Nothing, or a list without anything in it.
    fn is_empty(self) -> bool {
        // SAFETY: the header of a container.
        self.is_null()
            || self.container().is_some_and(|list| unsafe {
                (*list).header & pg_sys::JB_FARRAY != 0 && (*list).header & pg_sys::JB_CMASK == 0
            })
    }

    fn container(self) -> Option<Container> {
        // SAFETY: what is binary points to its container.
        (self.kind() == pg_sys::jbvType::jbvBinary).then(|| unsafe { (*self.0).val.binary.data })
    }

    fn text(self) -> Option<&'static [u8]> {
        // SAFETY: a string points into the list, which outlives its use.
        (self.kind() == pg_sys::jbvType::jbvString).then(|| unsafe {
            let string = (*self.0).val.string;
            std::slice::from_raw_parts(string.val.cast(), usize::try_from(string.len).unwrap_or(0))
        })
    }

    /// The number of a line.
    fn number(self) -> Option<usize> {
        if self.kind() != pg_sys::jbvType::jbvNumeric {
            return None;
        }
        // SAFETY: a numeric; what is no integer is an ERROR, as a cast would be.
        let number = unsafe {
            let numeric = pg_sys::Datum::from((*self.0).val.numeric);
            pgrx::direct_function_call_as_datum(pg_sys::numeric_int4, &[Some(numeric)])?
        };
        usize::try_from(number.value() as i32).ok()
    }

    /// As a jsonb of its own; none for null.
    fn jsonb(self) -> Option<pg_sys::Datum> {
        // SAFETY: a value that was found, which is copied.
        (!self.is_null()).then(|| unsafe { pg_sys::Datum::from(pg_sys::JsonbValueToJsonb(self.0)) })
    }
}

/// A text of the database's encoding, which a string of a jsonb has.
pub fn datum_of(text: &[u8]) -> pg_sys::Datum {
    let length = i32::try_from(text.len()).unwrap_or(0);
    // SAFETY: so many bytes are copied.
    unsafe { pg_sys::Datum::from(pg_sys::cstring_to_text_with_len(text.as_ptr().cast(), length)) }
}
