//! The stream's messages: requests that are encoded already, replies that are decoded one by one.

use bytes::{Buf, BufMut};
use prost::encoding::{encode_varint, encoded_len_varint};
use proto::pb::pipeline_command::Command;
use proto::pipeline::Replies;
use proto::seat_hold::SeatHold;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Key of `PipelineRequest.commands`: field 1, length-delimited.
const COMMANDS_KEY: u8 = 1 << 3 | 2;

/// Key of `PipelineCommand.tag`: field 1, varint.
const TAG_KEY: u8 = 1 << 3;

/// Key of `PipelineCommand.timeout_ms`: field 16, varint.
const TIMEOUT_KEY: [u8; 2] = [0x80, 0x01];

/// `PipelineCommand.resent`: field 17, varint, true.
const RESENT: [u8; 3] = [0x88, 0x01, 1];

/// Size of the encoder's first buffer, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// A command as its caller has it.
#[derive(Clone, Copy, Debug)]
pub enum Sendable<'a> {
    /// Any command.
    Any(&'a Command),
    /// A hold of seats by their numbers, for which nothing is allocated. Its tag, its timeout and whether it
    /// was sent before are the stream's.
    Seats(&'a SeatHold<'a>),
}

impl<'a> From<&'a Command> for Sendable<'a> {
    fn from(command: &'a Command) -> Self {
        Self::Any(command)
    }
}

impl<'a> From<&'a SeatHold<'a>> for Sendable<'a> {
    fn from(hold: &'a SeatHold<'a>) -> Self {
        Self::Seats(hold)
    }
}

impl Sendable<'_> {
    /// Whether it makes a hold.
    pub(crate) fn is_hold(self) -> bool {
        match self {
            Self::Any(command) => matches!(
                command,
                Command::Hold(_) | Command::HoldBest(_) | Command::HoldQuantity(_)
            ),
            Self::Seats(_) => true,
        }
    }

    /// Appends its encoding without what the stream adds to it.
    pub(crate) fn encode(self, into: &mut Vec<u8>) {
        match self {
            Self::Any(command) => command.encode(into),
            Self::Seats(hold) => hold.write(into),
        }
    }
}

/// What the stream adds to a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addition {
    /// Tells its answer apart.
    pub(crate) tag: u32,
    /// How long that is wanted, in milliseconds.
    pub(crate) timeout_ms: u32,
    /// It has been sent before.
    pub(crate) resent: bool,
}

/// Appends one entry of `PipelineRequest.commands` with a body from [`Sendable::encode`]. Fields are in
/// ascending order: so a node reads the commonest of them in the shortest way.
pub(crate) fn put_command(added: Addition, body: &[u8], into: &mut Vec<u8>) {
    let (tag, timeout_ms) = (u64::from(added.tag), u64::from(added.timeout_ms));
    let resent: &[u8] = if added.resent { &RESENT } else { &[] };
    let added_bytes = 1 + encoded_len_varint(tag) + 2 + encoded_len_varint(timeout_ms);
    let entry_bytes = added_bytes + body.len() + resent.len();
    into.put_u8(COMMANDS_KEY);
    encode_varint(entry_bytes as u64, into);
    into.put_u8(TAG_KEY);
    encode_varint(tag, into);
    into.put_slice(body);
    into.put_slice(&TIMEOUT_KEY);
    encode_varint(timeout_ms, into);
    into.put_slice(resent);
}

/// Requests are bytes that are encoded already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PipelineCodec;

impl Codec for PipelineCodec {
    type Encode = Vec<u8>;
    type Decode = Replies;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for PipelineCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, BUFFER_BYTES)
    }
}

impl Decoder for PipelineCodec {
    type Item = Replies;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Replies>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).into()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, BUFFER_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use prost::Message as _;
    use proto::pb::{HoldRequest, Legs, PipelineCommand, PipelineRequest, ReleaseRequest};
    use proto::pipeline::Commands;

    #[test]
    fn what_is_put_together_by_hand_reads_back_as_the_message() {
        let hold = HoldRequest {
            trip_id: "trip-1".into(),
            hold_id: vec![7; 16].into(),
            seat_numbers: vec![1, 2, 3],
            ttl_ms: 5_000,
            ..Default::default()
        };
        let release = ReleaseRequest { trip_id: "x".repeat(300), ..Default::default() };
        let commands = [(1, Command::Hold(hold)), (0x0fff_ffff, Command::Release(release))];
        let mut message = Vec::new();
        for (tag, command) in &commands {
            let mut body = Vec::new();
            Sendable::from(command).encode(&mut body);
            let added = Addition { tag: *tag, timeout_ms: 300, resent: *tag == 1 };
            put_command(added, &body, &mut message);
        }
        let read = PipelineRequest::decode(message.as_slice()).unwrap();
        let expected = commands.map(|(tag, command)| PipelineCommand {
            tag,
            timeout_ms: 300,
            resent: tag == 1,
            command: Some(command),
        });
        assert_eq!(read.commands, expected);
    }

    /// However it was given to a stream, and whether or not it was sent before.
    #[test]
    fn a_hold_by_numbers_is_read_in_the_short_way() {
        let hold = HoldRequest {
            trip_id: "trip-1".into(),
            hold_id: vec![7; 16].into(),
            buyer_id: "ann".into(),
            seat_numbers: vec![1],
            legs: Some(Legs { from: 0, to: 2 }),
            ttl_ms: 5_000,
            ..Default::default()
        };
        let command = Command::Hold(hold);
        let borrowed = SeatHold {
            trip_id: "trip-1",
            hold_id: [7; 16],
            buyer_id: "ann",
            packed_seats: &[1],
            legs: Some((0, 2)),
            ttl_ms: 5_000,
            ..Default::default()
        };
        for sendable in [Sendable::from(&command), Sendable::from(&borrowed)] {
            for resent in [false, true] {
                let (mut body, mut message) = (Vec::new(), Vec::new());
                sendable.encode(&mut body);
                put_command(Addition { tag: 9, timeout_ms: 300, resent }, &body, &mut message);
                let commands = Commands::from(Bytes::from(message));
                let read = commands.pieces().next().and_then(Result::ok).and_then(SeatHold::read);
                let expected = SeatHold { tag: 9, timeout_ms: 300, resent, ..borrowed };
                assert_eq!(read, Some(expected));
            }
        }
    }
}
