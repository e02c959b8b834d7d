//! The binary form of jsonb, as `src/include/utils/jsonb.h` and `jsonb_util.c` (`convertToJsonb`) of PostgreSQL have it, the same
//! since 9.4: a container is a header, an entry for each element or for each key and then each value, and their bytes.
//! What is nested or a number begins at a multiple of four. A container is put together when its elements are known, so each
//! piece is a range of bytes that may be used again.

use std::ops::Range;

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
/// `JENTRY_OFFLENMASK`: the most bytes of a container.
const MOST: usize = 0x0FFF_FFFF;

/// What an entry says of its bytes: `JENTRY_ISSTRING` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Text = 0,
    Number = 0x1000_0000,
    False = 0x2000_0000,
    True = 0x3000_0000,
    Null = 0x4000_0000,
    Container = 0x5000_0000,
}

/// A value that has been written.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    kind: Kind,
    start: usize,
    length: usize,
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

    fn range(self) -> Range<usize> {
        self.start..self.start + self.length
    }
}

/// Pieces, and the containers that are put together of them.
#[derive(Debug, Default)]
pub struct Writing {
    bytes: Vec<u8>,
    /// Keys and values of the objects, and elements of the lists, that are being read.
    open: Vec<Piece>,
}

/// Where a container begins: in the bytes, and in what is open.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    bytes: usize,
    open: usize,
}

impl Writing {
    /// A container begins.
    pub fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            open: self.open.len(),
        }
    }

    /// An element, a key or a value of the container that began last.
    pub fn push(&mut self, piece: Piece) {
        self.open.push(piece);
    }

    /// A string, or a key: bytes in the encoding of the database.
    pub fn text(&mut self, text: &[u8]) -> Piece {
        self.piece(Kind::Text, text)
    }

    /// A number: a datum of `numeric` as `numeric_in` makes it.
    pub fn number(&mut self, numeric: &[u8]) -> Piece {
        self.piece(Kind::Number, numeric)
    }

    /// What a piece was made of.
    pub fn bytes(&self, piece: Piece) -> &[u8] {
        &self.bytes[piece.range()]
    }

    fn piece(&mut self, kind: Kind, bytes: &[u8]) -> Piece {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Piece {
            kind,
            start,
            length: bytes.len(),
        }
    }

    /// A list of what was pushed since the mark.
    ///
    /// # Errors
    /// [`Refusal::JsonbTooLarge`].
    pub fn array(&mut self, mark: Mark) -> Result<Piece, Refusal> {
        self.container(ARRAY, mark, self.open.len() - mark.open)
    }

    /// An object of what was pushed since the mark, a key and a value in turns. Of several members with one key the last one
    /// counts, as in any jsonb.
    ///
    /// # Errors
    /// [`Refusal::JsonbTooLarge`].
    pub fn object(&mut self, mark: Mark) -> Result<Piece, Refusal> {
        let members = self.open[mark.open..].as_chunks::<2>().0;
        let key = |[key, _]: &[Piece; 2]| (key.length, &self.bytes[key.range()]);
        let count = if members.is_sorted_by(|one, next| key(one) < key(next)) {
            members.len()
        } else {
            let mut members = members.to_vec();
            members.reverse(); // and sorted stably, so that the last of one key comes first and stays
            members.sort_by(|one, other| key(one).cmp(&key(other)));
            members.dedup_by(|one, kept| key(one) == key(kept));
            self.open.truncate(mark.open);
            self.open.extend_from_slice(members.as_flattened());
            members.len()
        };
        self.container(OBJECT, mark, count)
    }

    /// Puts a container together. The keys of an object come before its values.
    fn container(&mut self, kind: u32, mark: Mark, count: usize) -> Result<Piece, Refusal> {
        align(&mut self.bytes);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&(kind | word(count)?).to_ne_bytes());
        let entries = self.bytes.len();
        let pieces = self.open.len() - mark.open;
        self.bytes.resize(entries + WORD * pieces, 0);
        let base = self.bytes.len();
        for index in 0..pieces {
            let place = match kind {
                OBJECT if index < count => 2 * index,
                OBJECT => 2 * (index - count) + 1,
                _ => index,
            };
            let piece = self.open[mark.open + place];
            let before = self.bytes.len();
            if matches!(piece.kind, Kind::Number | Kind::Container) {
                align(&mut self.bytes);
            }
            self.bytes.extend_from_within(piece.range());
            let end = self.bytes.len();
            let size = match index % STRIDE {
                0 => word(end - base)? | HAS_OFFSET,
                _ => word(end - before)?,
            };
            let entry = entries + WORD * index;
            self.bytes[entry..entry + WORD].copy_from_slice(&(piece.kind as u32 | size).to_ne_bytes());
        }
        word(self.bytes.len() - base)?;
        self.open.truncate(mark.open);
        Ok(Piece {
            kind: Kind::Container,
            start,
            length: self.bytes.len() - start,
        })
    }

    /// Drops what was written since a mark, but for the container that was put together of it.
    pub fn keep_only(&mut self, container: Piece, mark: Mark) -> Piece {
        let start = mark.bytes.next_multiple_of(WORD);
        self.bytes.copy_within(container.range(), start);
        self.bytes[mark.bytes..start].fill(0);
        self.bytes.truncate(start + container.length);
        Piece { start, ..container }
    }

    /// A jsonb in the memory of this call, of a container.
    ///
    /// # Errors
    /// [`Refusal::JsonbTooLarge`].
    pub fn into_jsonb(self, container: Piece) -> Result<AnyElement, Refusal> {
        let bytes = &self.bytes[container.range()];
        let size = bytes.len() + pg_sys::VARHDRSZ;
        if size > MOST {
            return Err(Refusal::JsonbTooLarge);
        }
        // SAFETY: a varlena of this size, filled to its end; a header and entries of jsonb are what its bytes begin with.
        unsafe {
            let varlena = pg_sys::palloc(size);
            pgrx::set_varsize_4b(varlena.cast(), i32::try_from(size).unwrap_or(i32::MAX));
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                varlena.cast::<u8>().add(pg_sys::VARHDRSZ),
                bytes.len(),
            );
            AnyElement::from_polymorphic_datum(pg_sys::Datum::from(varlena), false, pg_sys::JSONBOID)
                .ok_or(Refusal::Null("a result"))
        }
    }
}

fn align(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(WORD), 0);
}

/// A number of elements or bytes as an entry holds it.
fn word(number: usize) -> Result<u32, Refusal> {
    match u32::try_from(number) {
        Ok(word) if number <= MOST => Ok(word),
        _ => Err(Refusal::JsonbTooLarge),
    }
}
