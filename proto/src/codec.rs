//! How servers read requests: what is no message of the protocol is the caller's fault, and told so. So is
//! what would take too much memory, before it does.
//!
//! tonic's own codec calls it INTERNAL, which callers take for a defect of ours. Clients keep that codec:
//! for them an unreadable answer is one.

use std::error::Error;
use std::marker::PhantomData;

use prost::Message;
use prost::bytes::{Buf, BufMut as _};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::pb::{PipelineRequest, Problem};
use crate::pipeline::{Commands, Replies};
use crate::shape::Shaped;

/// What prost writes before the path of the field.
const PREAMBLE: &str = "failed to decode Protobuf message: ";

/// What a server reads.
pub trait Readable: Sized + Send + 'static {
    /// Reads a request that is in one piece.
    ///
    /// # Errors
    /// When the bytes are no such request, or one whose lists take more memory than they may.
    fn read(bytes: &mut impl Buf) -> Result<Self, Problem>;
}

/// What a server writes.
pub trait Writable: Send + 'static {
    /// Appends its bytes.
    fn write(&self, into: &mut EncodeBuf<'_>);
}

impl<Request: Message + Default + Shaped + 'static> Readable for Request {
    fn read(bytes: &mut impl Buf) -> Result<Self, Problem> {
        read(bytes)
    }
}

impl<Response: Message + 'static> Writable for Response {
    fn write(&self, into: &mut EncodeBuf<'_>) {
        self.encode(into).expect("a buffer that grows has room");
    }
}

/// What is no command is told when its turn comes.
impl Readable for Commands {
    fn read(bytes: &mut impl Buf) -> Result<Self, Problem> {
        check::<PipelineRequest>(bytes)?;
        Ok(bytes.copy_to_bytes(bytes.remaining()).into())
    }
}

impl Writable for Replies {
    fn write(&self, into: &mut EncodeBuf<'_>) {
        into.put_slice(self.as_bytes());
    }
}

/// The codec of every server: that of tonic, with its own word for unreadable requests.
#[derive(Clone, Debug)]
pub struct ServerCodec<Response, Request>(PhantomData<(Response, Request)>);

/// Reads the requests of a server.
#[derive(Clone, Debug)]
pub struct RequestDecoder<Request>(PhantomData<Request>);

/// Writes the answers of a server.
#[derive(Clone, Debug)]
pub struct ResponseEncoder<Response>(PhantomData<Response>);

impl<Response, Request> Default for ServerCodec<Response, Request> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Response, Request> Codec for ServerCodec<Response, Request>
where
    Response: Writable,
    Request: Readable,
{
    type Encode = Response;
    type Decode = Request;
    type Encoder = ResponseEncoder<Response>;
    type Decoder = RequestDecoder<Request>;

    fn encoder(&mut self) -> Self::Encoder {
        ResponseEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        RequestDecoder(PhantomData)
    }
}

impl<Response: Writable> Encoder for ResponseEncoder<Response> {
    type Item = Response;
    type Error = Status;

    fn encode(&mut self, response: Response, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        response.write(into);
        Ok(())
    }
}

impl<Request: Readable> Decoder for RequestDecoder<Request> {
    type Item = Request;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Request>, Status> {
        Request::read(bytes).map(Some).map_err(Problem::into_status)
    }
}

/// Reads a request.
///
/// # Errors
/// When the bytes are no such request, or one whose lists take more memory than they may.
///
/// # Panics
/// When the bytes are in several pieces.
pub fn read<Request>(bytes: &mut impl Buf) -> Result<Request, Problem>
where
    Request: Message + Default + Shaped,
{
    check::<Request>(bytes)?;
    Request::decode(bytes).map_err(|error| unreadable(&error))
}

fn check<Request: Shaped>(bytes: &impl Buf) -> Result<(), Problem> {
    assert_eq!(bytes.chunk().len(), bytes.remaining(), "tonic gives a message in one piece");
    Request::SHAPE.check(bytes.chunk()).map_err(|error| unreadable(&error))
}

/// The problem of a caller whose request cannot be read.
pub fn unreadable(error: &dyn Error) -> Problem {
    let error = error.to_string();
    let why = error.strip_prefix(PREAMBLE).unwrap_or(&error);
    Problem::invalid(innermost_field(why), format!("the request cannot be read: {why}"))
}

/// The field that `why` begins with, as in `HoldRequest.trip_id: invalid string value`. prost writes the
/// innermost of nested fields first; it has no other way to tell.
fn innermost_field(why: &str) -> &str {
    let path = why.split(": ").next().and_then(|path| path.split_once('.'));
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    path.filter(|(message, field)| is_name(message) && is_name(field)).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{Code, HoldRequest, PipelineRequest};

    /// A field of a message, with a length below 128.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    fn refused<Request: Message + Default + Shaped>(mut bytes: &[u8]) -> Problem {
        read::<Request>(&mut bytes).err().unwrap()
    }

    #[test]
    fn text_that_is_not_utf8_is_the_callers_fault_and_names_the_field() {
        let hold = field(1, b"\xff\xfe");
        let problem = refused::<HoldRequest>(&hold);
        assert_eq!((problem.code(), problem.field.as_str()), (Code::InvalidArgument, "trip_id"));
        assert_eq!(
            problem.message,
            "the request cannot be read: HoldRequest.trip_id: invalid string value: data is not \
             UTF-8 encoded"
        );
        let nested = refused::<PipelineRequest>(&field(1, &field(2, &hold)));
        assert_eq!(nested.field, "trip_id", "{nested:?}");
    }

    #[test]
    fn a_message_that_is_large_enough_to_be_counted_is_unreadable_in_the_same_words() {
        let padding = "x".repeat(crate::shape::UNCOUNTED_BYTES);
        let hold = HoldRequest { buyer_id: padding, ..Default::default() };
        for (garbage, field) in
            [(&b"\x00"[..], ""), (b"\x22\x01\xff", "seats"), (b"\x22\x09", "seats")]
        {
            let large = refused::<HoldRequest>(&[&hold.encode_to_vec(), garbage].concat());
            assert_eq!(large, refused::<HoldRequest>(garbage));
            assert_eq!(large.field, field);
        }
    }

    #[test]
    fn what_is_no_message_at_all_names_no_field() {
        for garbage in [&b"\x00"[..], b"\x07", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"] {
            let problem = refused::<HoldRequest>(garbage);
            assert_eq!((problem.code(), problem.field.as_str()), (Code::InvalidArgument, ""));
        }
    }
}
