//! The binary form of jsonb, as `src/include/utils/jsonb.h` and `jsonb_util.c` (`convertToJsonb`) of PostgreSQL have it, the same
//! since 9.4: a container is a header, an entry for each element or for each key and then each value, and their bytes.
//! What is nested or a number begins at a multiple of four. What is read becomes pieces, and is written when all of it is known,
//! so a piece may be shown several times and each byte is copied once.

use pgrx::{AnyElement, FromDatum, pg_sys};

use crate::refusal::Refusal;

/// Bytes of a header, of an entry, and what is aligned to.
const WORD: usize = 4;
/// `JB_FOBJECT` and `JB_FARRAY`.
const OBJECT: u32 = 0x2000_0000;
const ARRAY: u32 = 0x4000_0000;
/// `JENTRY_HAS_OFF`, and `JB_OFFSET_STRIDE`: each so many entries one holds where its bytes end instead of how many they are.
const HAS_OFFSET: u32 = 0x8000_0000;
const STRIDE: usize = 32;
/// `JENTRY_OFFLENMASK`: the most bytes of a value.
const MOST: usize = 0x0FFF_FFFF;
/// `JSONB_MAX_ELEMS` and `JSONB_MAX_PAIRS`: as many as PostgreSQL can allocate while it reads them.
const MOST_ELEMENTS: usize = 0x3FFF_FFFF / 32;
const MOST_PAIRS: usize = 0x3FFF_FFFF / 72;

/// Each has an entry.
const MOST_PIECES: usize = MOST / WORD;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    False,
    True,
    Null,
    Array,
    Object,
}

impl Kind {
    /// What an entry says of its bytes: `JENTRY_ISSTRING` and its like.
    fn entry(self) -> u32 {
        match self {
            Kind::Text => 0,
            Kind::Number => 0x1000_0000,
            Kind::False => 0x2000_0000,
            Kind::True => 0x3000_0000,
            Kind::Null => 0x4000_0000,
            Kind::Array | Kind::Object => 0x5000_0000,
        }
    }
}

/// A value that has been read: a range of bytes, or of the pieces that a container is made of.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    kind: Kind,
    start: u32,
    length: u32,
}

/// `null`.
pub const NULL: Piece = Piece::bare(Kind::Null);

impl Piece {
    const fn bare(kind: Kind) -> Piece {
        Piece {
            kind,
            start: 0,
            length: 0,
        }
    }

    /// `true` or `false`.
    pub const fn boolean(is_true: bool) -> Piece {
        Piece::bare(if is_true { Kind::True } else { Kind::False })
    }

    fn of<T>(list: &mut Vec<T>, kind: Kind, what: &[T]) -> Result<Piece, Refusal>
    where
        T: Copy,
    {
        let (start, length) = (u32::try_from(list.len()), u32::try_from(what.len()));
        let (Ok(start), Ok(length)) = (start, length) else {
            return Err(Refusal::JsonbTooLarge);
        };
        list.try_reserve(what.len()).map_err(|_| Refusal::OutOfMemory)?;
        list.extend_from_slice(what);
        Ok(Piece { kind, start, length })
    }

    fn within<T>(self, list: &[T]) -> &[T] {
        &list[self.start as usize..][..self.length as usize]
    }
}

/// What has been read.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Of strings and numbers.
    bytes: Vec<u8>,
    /// Of containers: elements, or keys and then values.
    parts: Vec<Piece>,
    /// Elements, or keys and values in turns, of the containers that are not at their ends.
    open: Vec<Piece>,
}

/// Where a container begins.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

impl Pieces {
    /// A string, or a key: bytes in the encoding of the database.
    ///
    /// # Errors
    /// [`Refusal::JsonbTooLarge`], [`Refusal::OutOfMemory`].
    pub fn text(&mut self, text: &[u8]) -> Result<Piece, Refusal> {
        if text.len() > MOST {
            return Err(Refusal::JsonbTooLarge);
        }
        Piece::of(&mut self.bytes, Kind::Text, text)
    }

    /// A number: a datum of `numeric` as `numeric_in` makes it.
    ///
    /// # Errors
    /// As [`Pieces::text`].
    pub fn number(&mut self, numeric: &[u8]) -> Result<Piece, Refusal> {
        Piece::of(&mut self.bytes, Kind::Number, numeric)
    }

    /// What a string was made of.
    pub fn bytes(&self, text: Piece) -> &[u8] {
        text.within(&self.bytes)
    }

    /// A container begins.
    pub fn begin(&self) -> Mark {
        Mark(self.open.len())
    }

    /// An element, a key or a value of the container that began last.
    ///
    /// # Errors
    /// As [`Pieces::text`].
    pub fn push(&mut self, piece: Piece) -> Result<(), Refusal> {
        if self.open.len() + self.parts.len() > MOST_PIECES {
            return Err(Refusal::JsonbTooLarge);
        }
        self.open.try_reserve(1).map_err(|_| Refusal::OutOfMemory)?;
        self.open.push(piece);
        Ok(())
    }

    /// A list of what was pushed since it began.
    ///
    /// # Errors
    /// As [`Pieces::text`].
    pub fn array(&mut self, mark: Mark) -> Result<Piece, Refusal> {
        let elements = &self.open[mark.0..];
        if elements.len() > MOST_ELEMENTS {
            return Err(Refusal::JsonbTooLarge);
        }
        let array = Piece::of(&mut self.parts, Kind::Array, elements);
        self.open.truncate(mark.0);
        array
    }

    /// An object of what was pushed since it began, a key and a value in turns. Of several members with one key the last one
    /// counts, as in any jsonb.
    ///
    /// # Errors
    /// As [`Pieces::text`].
    pub fn object(&mut self, mark: Mark) -> Result<Piece, Refusal> {
        let Pieces { bytes, parts, open } = self;
        let members = open[mark.0..].as_chunks_mut::<2>().0;
        if members.len() > MOST_PAIRS {
            return Err(Refusal::JsonbTooLarge);
        }
        let key = |[key, _]: &[Piece; 2]| (key.length, key.within(bytes));
        let mut count = members.len();
        if !members.is_sorted_by(|one, next| key(one) < key(next)) {
            members.reverse(); // and sorted stably, so that the last of one key comes first and stays
            members.sort_by(|one, other| key(one).cmp(&key(other)));
            count = 0;
            for next in 0..members.len() {
                if count == 0 || key(&members[count - 1]) != key(&members[next]) {
                    members[count] = members[next];
                    count += 1;
                }
            }
        }
        parts.try_reserve(2 * count).map_err(|_| Refusal::OutOfMemory)?;
        let object = Piece::of(parts, Kind::Object, &[])?;
        parts.extend(members[..count].iter().map(|member| member[0]));
        parts.extend(members[..count].iter().map(|member| member[1]));
        open.truncate(mark.0);
        let length = u32::try_from(2 * count).map_err(|_| Refusal::JsonbTooLarge)?;
        Ok(Piece { length, ..object })
    }

    /// A jsonb in the memory of this call, of a container.
    ///
    /// # Errors
    /// As [`Pieces::text`].
    pub fn into_jsonb(self, container: Piece) -> Result<AnyElement, Refusal> {
        let mut jsonb = Vec::new();
        self.write(container, &mut jsonb, 0)?;
        let size = jsonb.len() + pg_sys::VARHDRSZ;
        // SAFETY: a varlena of this size, filled to its end; a header and entries of jsonb are what its bytes begin with.
        unsafe {
            let varlena = pg_sys::palloc(size);
            pgrx::set_varsize_4b(varlena.cast(), i32::try_from(size).unwrap_or(i32::MAX));
            let content = varlena.cast::<u8>().add(pg_sys::VARHDRSZ);
            std::ptr::copy_nonoverlapping(jsonb.as_ptr(), content, jsonb.len());
            AnyElement::from_polymorphic_datum(pg_sys::Datum::from(varlena), false, pg_sys::JSONBOID)
                .ok_or(Refusal::Null("a list"))
        }
    }

    /// Writes a container behind what is written.
    fn write(&self, container: Piece, jsonb: &mut Vec<u8>, depth: u32) -> Result<(), Refusal> {
        super::look_around(depth);
        let parts = container.within(&self.parts);
        let header = match container.kind {
            Kind::Object => OBJECT | word(parts.len() / 2)?,
            _ => ARRAY | word(parts.len())?,
        };
        align(jsonb)?;
        extend(jsonb, &header.to_ne_bytes())?;
        let entries = jsonb.len();
        grow(jsonb, entries + WORD * parts.len())?;
        let base = jsonb.len();
        for (index, part) in parts.iter().enumerate() {
            let before = jsonb.len();
            match part.kind {
                Kind::Null | Kind::True | Kind::False => {}
                Kind::Text => extend(jsonb, self.bytes(*part))?,
                Kind::Number => {
                    align(jsonb)?;
                    extend(jsonb, self.bytes(*part))?;
                }
                Kind::Array | Kind::Object => self.write(*part, jsonb, depth + 1)?,
            }
            let end = jsonb.len();
            let size = match index % STRIDE {
                0 => word(end - base)? | HAS_OFFSET,
                _ => word(end - before)?,
            };
            let entry = entries + WORD * index;
            jsonb[entry..entry + WORD].copy_from_slice(&(part.kind.entry() | size).to_ne_bytes());
        }
        Ok(())
    }
}

fn extend(jsonb: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Refusal> {
    reserve(jsonb, bytes.len())?;
    jsonb.extend_from_slice(bytes);
    Ok(())
}

fn align(jsonb: &mut Vec<u8>) -> Result<(), Refusal> {
    grow(jsonb, jsonb.len().next_multiple_of(WORD))
}

fn grow(jsonb: &mut Vec<u8>, length: usize) -> Result<(), Refusal> {
    reserve(jsonb, length - jsonb.len())?;
    jsonb.resize(length, 0);
    Ok(())
}

/// Makes room for more. Refused before anything is copied: what is shown again may be much larger than what was sent.
fn reserve(jsonb: &mut Vec<u8>, more: usize) -> Result<(), Refusal> {
    if jsonb.len() + more > MOST {
        return Err(Refusal::JsonbTooLarge);
    }
    jsonb.try_reserve(more).map_err(|_| Refusal::OutOfMemory)
}

/// A number of elements or bytes as a header or an entry holds it.
fn word(number: usize) -> Result<u32, Refusal> {
    match u32::try_from(number) {
        Ok(word) if number <= MOST => Ok(word),
        _ => Err(Refusal::JsonbTooLarge),
    }
}
