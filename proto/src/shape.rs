//! What the lists of a message take in memory, told from its bytes before anything is decoded.
//!
//! Lists are what makes a message grow: an element of two bytes may stand for a struct of hundreds. All
//! else is as large as the type of the message and its bytes.

use std::fmt;

use prost::DecodeError;
use prost::bytes::Buf as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::limits::{MAX_DECODED_LIST_BYTES, PIPELINE_WINDOW};
use crate::pb;
use generated::ELEMENT_BYTES;

/// A message whose lists are known. Every message that a server reads is one.
pub trait Shaped {
    /// Where its lists are.
    const SHAPE: &'static Shape;
}

/// Where a message has lists.
#[derive(Debug)]
pub struct Shape {
    message: &'static str,
    /// Lists, and messages in which there are lists.
    fields: &'static [Field],
}

#[derive(Debug)]
struct Field {
    number: u32,
    name: &'static str,
    /// What an element takes in its list; 0 for what is no list.
    element_bytes: usize,
    /// The elements are numbers without a key of their own, at least a byte each.
    packed: bool,
    /// The lists inside.
    inside: Option<&'static Shape>,
}

/// The lists of a message take more than [`MAX_DECODED_LIST_BYTES`].
#[derive(Debug)]
pub struct TooMany {
    message: &'static str,
    field: &'static Field,
}

impl std::error::Error for TooMany {}

impl fmt::Display for TooMany {
    /// Begins as what prost says of a field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Field { name, element_bytes, .. } = self.field;
        write!(
            f,
            "{}.{name}: too many elements: those of all lists of a message may take \
             {MAX_DECODED_LIST_BYTES} bytes of memory, and each of these takes {element_bytes}",
            self.message
        )
    }
}

/// The depth at which prost stops.
const MAX_DEPTH: u32 = 100;

/// What an element takes on the wire at least, in bytes: its key and its length or value.
const MIN_ELEMENT_WIRE_BYTES: usize = 2;

/// The largest element of any list, in bytes.
const LARGEST_ELEMENT_BYTES: usize = {
    let (mut largest, mut at) = (0, 0);
    while at < ELEMENT_BYTES.len() {
        if ELEMENT_BYTES[at] > largest {
            largest = ELEMENT_BYTES[at];
        }
        at += 1;
    }
    largest
};

/// A message of so many bytes is within the limit whatever it holds. What comes through a pipeline is far
/// smaller, and costs nothing here.
pub const UNCOUNTED_BYTES: usize =
    MAX_DECODED_LIST_BYTES / LARGEST_ELEMENT_BYTES * MIN_ELEMENT_WIRE_BYTES;

const _: () = {
    let command = size_of::<pb::PipelineCommand>();
    // What is beyond the window is answered command by command, not with the end of the stream.
    assert!(4 * PIPELINE_WINDOW * command <= MAX_DECODED_LIST_BYTES);
    assert!(command < 300, "the protocol's documentation says so");
    assert!(size_of::<u64>() <= LARGEST_ELEMENT_BYTES / MIN_ELEMENT_WIRE_BYTES, "packed numbers");
};

impl Shape {
    /// Counts the lists of a message. One that cannot be read is counted as far as prost will read it.
    ///
    /// # Errors
    /// When they take more than [`MAX_DECODED_LIST_BYTES`]: tells the list with which they did.
    pub fn check(&'static self, mut message: &[u8]) -> Result<(), TooMany> {
        if message.len() <= UNCOUNTED_BYTES {
            return Ok(());
        }
        match (Count { bytes: 0 }).message(self, &mut message, 0, MAX_DEPTH) {
            Err(Stop::TooMany(error)) => Err(error),
            Ok(()) | Err(Stop::Unreadable) => Ok(()),
        }
    }
}

/// Why a count ends early.
enum Stop {
    TooMany(TooMany),
    /// prost stops here too, and says why.
    Unreadable,
}

impl From<DecodeError> for Stop {
    fn from(_: DecodeError) -> Self {
        Self::Unreadable
    }
}

struct Count {
    bytes: usize,
}

impl Count {
    /// Counts the message that ends where `end` bytes are left. It is read as prost reads it, which looks
    /// for that end only after each field.
    fn message(
        &mut self,
        shape: &'static Shape,
        rest: &mut &[u8],
        end: usize,
        depth: u32,
    ) -> Result<(), Stop> {
        while rest.len() > end {
            let (number, wire_type) = decode_key(rest)?;
            let Some(field) = shape.fields.iter().find(|field| field.number == number) else {
                skip_field(wire_type, number, rest, DecodeContext::default())?;
                continue;
            };
            if wire_type != WireType::LengthDelimited {
                self.add(shape, field, 1)?;
                skip_field(wire_type, number, rest, DecodeContext::default())?;
                continue;
            }
            let length = usize::try_from(decode_varint(rest)?).map_err(|_| Stop::Unreadable)?;
            let after = rest.len().checked_sub(length).ok_or(Stop::Unreadable)?;
            self.add(shape, field, if field.packed { length } else { 1 })?;
            match field.inside {
                Some(inside) => {
                    let depth = depth.checked_sub(1).ok_or(Stop::Unreadable)?;
                    self.message(inside, rest, after, depth)?;
                }
                None => rest.advance(length),
            }
        }
        if rest.len() == end { Ok(()) } else { Err(Stop::Unreadable) }
    }

    fn add(
        &mut self,
        shape: &'static Shape,
        field: &'static Field,
        elements: usize,
    ) -> Result<(), Stop> {
        self.bytes += elements * field.element_bytes;
        if self.bytes > MAX_DECODED_LIST_BYTES {
            return Err(Stop::TooMany(TooMany { message: shape.message, field }));
        }
        Ok(())
    }
}

#[allow(non_upper_case_globals)]
mod generated {
    use super::{Field, Shape, Shaped};
    use crate::pb;

    include!(concat!(env!("OUT_DIR"), "/shapes.rs"));
}
