//! The messages of a pipeline, read and written one command or reply at a time.
//!
//! A message has up to some thousand of them. Decoded as a whole it is a list of large structs, which goes to
//! memory and comes back from there; taken one by one they stay in the cache.

use std::marker::PhantomData;

use prost::bytes::Bytes;
use prost::encoding::{
    DecodeContext, WireType, check_wire_type, decode_key, decode_varint, message, skip_field,
};
use prost::{DecodeError, Message};

use crate::pb::{PipelineCommand, PipelineReply};

/// The number of `PipelineRequest.commands` and of `PipelineResponse.replies`.
pub(crate) const NUMBER: u32 = 1;

/// Room for an element in a new list: a command or a reply has seldom more, in bytes.
pub(crate) const USUAL_BYTES: usize = 64;

/// A `PipelineRequest`, not decoded.
pub type Commands = Elements<PipelineCommand>;

/// A `PipelineResponse`, not decoded.
pub type Replies = Elements<PipelineReply>;

/// A message whose only field is a list, as its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elements<T> {
    bytes: Bytes,
    of: PhantomData<fn() -> T>,
}

impl<T> Elements<T> {
    /// As they are on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// About how many there are.
    #[must_use]
    pub fn usual_count(&self) -> usize {
        self.bytes.len() / USUAL_BYTES + 1
    }

    /// The bytes of each element. Ends with the first that cannot be read.
    #[must_use]
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces { rest: &self.bytes }
    }
}

impl<T: Message + Default> Elements<T> {
    /// Each element, decoded when its turn comes. Ends with the first whose bytes cannot be told.
    pub fn decoded(&self) -> impl Iterator<Item = Result<T, DecodeError>> {
        self.pieces().map(|piece| T::decode(piece?))
    }
}

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl<T> From<Bytes> for Elements<T> {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, of: PhantomData }
    }
}

impl<T: Message> FromIterator<T> for Elements<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let all = all.into_iter();
        let mut bytes = Vec::with_capacity(all.size_hint().0 * USUAL_BYTES);
        all.for_each(|one| message::encode(NUMBER, &one, &mut bytes));
        Bytes::from(bytes).into()
    }
}

/// The bytes of a list's elements, one after the other.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<&'a [u8], DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let read = self.field();
            if read.is_err() {
                self.rest = &[];
            }
            if let Some(piece) = read.transpose() {
                return Some(piece);
            }
        }
        None
    }
}

impl<'a> Pieces<'a> {
    /// Reads the next field; none where it is one that this version does not know.
    fn field(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let (number, wire_type) = decode_key(&mut self.rest)?;
        let mut content = self.rest;
        skip_field(wire_type, number, &mut self.rest, DecodeContext::default())?;
        if number != NUMBER {
            return Ok(None);
        }
        check_wire_type(WireType::LengthDelimited, wire_type)?;
        decode_varint(&mut content)?;
        Ok(Some(&content[..content.len() - self.rest.len()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{
        ConfirmRequest, HoldResponse, PipelineRequest, PipelineResponse, Problem,
        pipeline_command::Command, pipeline_reply::Reply,
    };

    fn all<T: Message + Default>(bytes: &[u8]) -> Result<Vec<T>, DecodeError> {
        Elements::from(Bytes::copy_from_slice(bytes)).decoded().collect()
    }

    fn request() -> PipelineRequest {
        let confirm = |n: u32| ConfirmRequest {
            trip_id: format!("trip-{n}"),
            hold_id: vec![n as u8; 16].into(),
            ..Default::default()
        };
        let command = |n| PipelineCommand {
            tag: n,
            command: Some(Command::Confirm(confirm(n))),
            ..Default::default()
        };
        PipelineRequest { commands: (0..300).map(command).collect() }
    }

    #[test]
    fn what_is_written_one_by_one_is_the_whole_message() {
        let held = HoldResponse { fence: 7, ..Default::default() };
        let problem = Problem { message: "no".into(), ..Default::default() };
        let replies = vec![
            PipelineReply { tag: 1, reply: Some(Reply::Held(held)) },
            PipelineReply { tag: 1 << 27, reply: Some(Reply::Problem(problem.into())) },
            PipelineReply::default(),
        ];
        let written: Replies = replies.iter().cloned().collect();
        let whole = PipelineResponse { replies: replies.clone() };
        assert_eq!(written.as_bytes(), whole.encode_to_vec());
        assert_eq!(all::<PipelineReply>(written.as_bytes()), Ok(replies));
    }

    /// Damaged in any byte, a message reads the same as a whole and one by one.
    #[test]
    fn what_is_read_one_by_one_is_the_whole_message() {
        let mut bytes = request().encode_to_vec();
        assert_eq!(all(&bytes), Ok(request().commands));
        // A field of a later version.
        bytes.extend_from_slice(&[3 << 3, 9]);
        assert_eq!(all(&bytes), Ok(request().commands));
        for at in 0..600 {
            for bit in [1, 2, 4, 0x80] {
                let mut damaged = bytes.clone();
                damaged[at] ^= bit;
                let whole = PipelineRequest::decode(damaged.as_slice()).map(|whole| whole.commands);
                let one_by_one = all::<PipelineCommand>(&damaged);
                assert_eq!(one_by_one.is_ok(), whole.is_ok(), "byte {at}, bit {bit}");
                assert!(whole.is_err() || whole == one_by_one, "byte {at}, bit {bit}");
            }
        }
        for end in 0..300 {
            let whole = PipelineRequest::decode(&bytes[..end]).map(|whole| whole.commands);
            assert_eq!(all::<PipelineCommand>(&bytes[..end]).is_ok(), whole.is_ok(), "{end} bytes");
        }
    }
}
