//! JSON, read into pieces of jsonb in one pass.

use std::borrow::Cow;
use std::ffi::CString;

use jiter::{Jiter, JiterError, Peek};
use memchr::memmem;
use pgrx::{IntoDatum, pg_sys};

use super::look_around;
use super::writing::{NULL, Piece, Pieces};
use crate::refusal::Refusal;

/// What a line shows.
#[derive(Clone, Copy, Default)]
struct Line {
    input: Option<Piece>,
    output: Option<Piece>,
}

/// Reads `[{…, "nodes_executed": [{…}, …]}, …]`, or any other list.
///
/// # Errors
/// [`Refusal::Unreadable`] where it is none, or a line refers to what is not there; [`Refusal::ZeroCharacter`],
/// [`Refusal::JsonbTooLarge`] as `jsonb_in` refuses them.
pub fn list(json: &[u8], pieces: &mut Pieces) -> Result<Piece, Refusal> {
    let mut reading = Reading {
        json: Jiter::new(json),
        strings: Strings {
            // SAFETY: reads a variable of this process.
            are_utf8: unsafe { pg_sys::GetDatabaseEncoding() } == pg_sys::pg_enc::PG_UTF8 as i32,
            // a zero may be read only where this is: as itself it is no JSON
            may_have_zero: memmem::find(json, br"\u0000").is_some(),
        },
        digits: [None; 10],
        depth: 0,
        pieces,
    };
    match reading.json.peek()? {
        Peek::Array => {}
        _ => return Err(Refusal::Unreadable("it is no list".to_owned())),
    }
    let list = reading.list(Reading::element)?;
    reading.json.finish()?;
    Ok(list)
}

struct Reading<'j, 'p> {
    json: Jiter<'j>,
    pieces: &'p mut Pieces,
    strings: Strings,
    /// The numbers from 0 to 9, which most of ours are, where they have been read.
    digits: [Option<Piece>; 10],
    depth: u32,
}

impl Reading<'_, '_> {
    /// One of the list: what may have `nodes_executed`.
    fn element(&mut self, peek: Peek) -> Result<Piece, Refusal> {
        if peek != Peek::Object {
            return self.value(peek);
        }
        self.object(|reading, key| {
            let peek = reading.json.peek()?;
            if peek == Peek::Array && reading.pieces.bytes(*key) == b"nodes_executed" {
                let mut lines = Vec::new();
                return reading.list(|reading, peek| reading.line(&mut lines, peek));
            }
            reading.value(peek)
        })
    }

    /// A line of `nodes_executed`.
    fn line(&mut self, lines: &mut Vec<Line>, peek: Peek) -> Result<Piece, Refusal> {
        let mut line = Line::default();
        let piece = if peek == Peek::Object {
            self.object(|reading, key| match reading.pieces.bytes(*key) {
                b"input" => Ok(*line.input.insert(reading.next()?)),
                b"output" => Ok(*line.output.insert(reading.next()?)),
                b"input_of" => {
                    *key = reading.pieces.text(b"input")?;
                    let shown = reading.shown(lines, line)?;
                    Ok(*line.input.insert(shown))
                }
                b"output_of" => {
                    *key = reading.pieces.text(b"output")?;
                    let shown = reading.shown(lines, line)?;
                    Ok(*line.output.insert(shown))
                }
                _ => reading.next(),
            })?
        } else {
            self.value(peek)?
        };
        lines.push(line);
        Ok(piece)
    }

    /// What `[line, "input"]` or `[line, "output"]` shows, of the lines before this one or of this one.
    fn shown(&mut self, lines: &[Line], this: Line) -> Result<Piece, Refusal> {
        let shown = self.reference()?.and_then(|(line, is_input)| {
            let line = lines.get(line).or((line == lines.len()).then_some(&this))?;
            if is_input { line.input } else { line.output }
        });
        shown.ok_or_else(|| {
            let line = lines.len();
            Refusal::Unreadable(format!("line {line} of nodes_executed shows what is not there"))
        })
    }

    /// Which line, and whether its input; none of what is no reference.
    fn reference(&mut self) -> Result<Option<(usize, bool)>, Refusal> {
        if self.json.peek()? != Peek::Array {
            return Ok(None);
        }
        let line = match self.json.known_array()? {
            Some(peek) if peek.is_num() => {
                let digits = std::str::from_utf8(self.json.known_number_bytes(peek)?);
                digits.ok().and_then(|digits| digits.parse().ok())
            }
            _ => return Ok(None),
        };
        let is_input = match self.json.array_step()? {
            Some(Peek::String) => match self.json.known_str()? {
                "input" => true,
                "output" => false,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let is_over = self.json.array_step()?.is_none();
        Ok(line.filter(|_| is_over).map(|line| (line, is_input)))
    }

    fn next(&mut self) -> Result<Piece, Refusal> {
        let peek = self.json.peek()?;
        self.value(peek)
    }

    fn value(&mut self, peek: Peek) -> Result<Piece, Refusal> {
        match peek {
            Peek::Null => {
                self.json.known_null()?;
                Ok(NULL)
            }
            Peek::True | Peek::False => Ok(Piece::boolean(self.json.known_bool(peek)?)),
            Peek::String => {
                let text = self.strings.encoded(self.json.known_str()?)?;
                self.pieces.text(&text)
            }
            Peek::Array | Peek::Object => {
                look_around(self.depth);
                self.depth += 1;
                let container = match peek {
                    Peek::Array => self.list(Reading::value),
                    _ => self.object(|reading, _| reading.next()),
                };
                self.depth -= 1;
                container
            }
            // what is no number either is refused there
            _ => match self.json.known_number_bytes(peek)? {
                digits @ [digit @ b'0'..=b'9'] => {
                    let known = &mut self.digits[usize::from(digit - b'0')];
                    match known {
                        Some(digit) => Ok(*digit),
                        None => Ok(*known.insert(number(digits, self.pieces)?)),
                    }
                }
                digits => number(digits, self.pieces),
            },
        }
    }

    /// A list of which each element is read so.
    fn list(
        &mut self,
        mut element: impl FnMut(&mut Self, Peek) -> Result<Piece, Refusal>,
    ) -> Result<Piece, Refusal> {
        let mark = self.pieces.begin();
        let mut next = self.json.known_array()?;
        while let Some(peek) = next {
            let element = element(self, peek)?;
            self.pieces.push(element)?;
            next = self.json.array_step()?;
        }
        self.pieces.array(mark)
    }

    /// An object of which each value is read so, and which key it belongs to is said.
    fn object(
        &mut self,
        mut value: impl FnMut(&mut Self, &mut Piece) -> Result<Piece, Refusal>,
    ) -> Result<Piece, Refusal> {
        let mark = self.pieces.begin();
        let mut next = self.json.known_object()?;
        while let Some(key) = next {
            let mut key = self.pieces.text(&self.strings.encoded(key)?)?;
            let value = value(self, &mut key)?;
            self.pieces.push(key)?;
            self.pieces.push(value)?;
            next = self.json.next_key()?;
        }
        self.pieces.object(mark)
    }
}

/// What is known of the strings of one list.
#[derive(Clone, Copy)]
struct Strings {
    /// The encoding of the database.
    are_utf8: bool,
    may_have_zero: bool,
}

impl Strings {
    /// One of them in the encoding of the database.
    fn encoded(self, text: &str) -> Result<Cow<'_, [u8]>, Refusal> {
        if self.may_have_zero && text.contains('\0') {
            return Err(Refusal::ZeroCharacter);
        }
        if self.are_utf8 {
            return Ok(Cow::from(text.as_bytes()));
        }
        let text = CString::new(text)?;
        let length = i32::try_from(text.count_bytes()).map_err(|_| Refusal::JsonbTooLarge)?;
        // SAFETY: a C string of that length; the answer is one too.
        let encoded = unsafe {
            let encoded = pg_sys::pg_any_to_server(text.as_ptr(), length, pg_sys::pg_enc::PG_UTF8 as i32);
            std::ffi::CStr::from_ptr(encoded).to_bytes().to_vec()
        };
        Ok(Cow::from(encoded))
    }
}

/// A number as `numeric` has it, with each of its digits. (jiter refuses an integer of more than 4,300 of them, which `numeric`
/// could hold. No daemon writes one.)
fn number(digits: &[u8], pieces: &mut Pieces) -> Result<Piece, Refusal> {
    let text = std::str::from_utf8(digits).unwrap_or_default();
    // SAFETY: int8_numeric takes an int8, numeric_in a C string, an oid and a modifier; both give a varlena.
    unsafe {
        let datum = match text.parse::<i64>() {
            Ok(integer) => pgrx::direct_function_call_as_datum(pg_sys::int8_numeric, &[integer.into_datum()]),
            Err(_) => {
                let text = CString::new(text)?;
                let arguments = [
                    Some(pg_sys::Datum::from(text.as_ptr())),
                    Some(pg_sys::Datum::from(pg_sys::InvalidOid)),
                    Some(pg_sys::Datum::from(-1i32)),
                ];
                pgrx::direct_function_call_as_datum(pg_sys::numeric_in, &arguments)
            }
        };
        let numeric = datum
            .ok_or(Refusal::Null("a number"))?
            .cast_mut_ptr::<pg_sys::varlena>();
        let bytes = std::slice::from_raw_parts(numeric.cast::<u8>(), pgrx::varsize_any(numeric));
        pieces.number(bytes)
    }
}

impl From<JiterError> for Refusal {
    fn from(error: JiterError) -> Refusal {
        Refusal::Unreadable(error.to_string())
    }
}
