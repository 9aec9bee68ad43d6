//! The commonest command of a pipeline, a hold of seats by their numbers, read and written in place: nothing
//! is allocated for it. It is a `PipelineCommand` like any other; what this does not read, prost does.

use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};

use crate::fields::{number_bytes, put_bytes, put_number};

/// A `HoldRequest` for seats by their numbers, with the fields of its `PipelineCommand`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeatHold<'a> {
    /// `PipelineCommand.tag`
    pub tag: u32,
    /// `PipelineCommand.timeout_ms`
    pub timeout_ms: u32,
    /// `PipelineCommand.resent`
    pub resent: bool,
    /// The trip's name.
    pub trip_id: &'a str,
    /// The hold's id.
    pub hold_id: [u8; 16],
    /// The buyer's name.
    pub buyer_id: &'a str,
    /// The seats' numbers, packed: see [`SeatHold::seats`].
    pub packed_seats: &'a [u8],
    /// The first and the last stop, where not all legs are meant.
    pub legs: Option<(u32, u32)>,
    /// Life of the hold in milliseconds; 0: the trip's default.
    pub ttl_ms: u64,
}

/// Keys on the wire: the number of a field and the kind of what follows.
mod key {
    const VARINT: u64 = 0;
    const BYTES: u64 = 2;
    pub(super) const TAG: u64 = 1 << 3 | VARINT;
    pub(super) const HOLD: u64 = 2 << 3 | BYTES;
    pub(super) const TIMEOUT_MS: u64 = 16 << 3 | VARINT;
    pub(super) const RESENT: u64 = 17 << 3 | VARINT;
    pub(super) const TRIP_ID: u64 = 1 << 3 | BYTES;
    pub(super) const HOLD_ID: u64 = 2 << 3 | BYTES;
    pub(super) const BUYER_ID: u64 = 3 << 3 | BYTES;
    pub(super) const SEAT_NUMBERS: u64 = 5 << 3 | BYTES;
    pub(super) const LEGS: u64 = 6 << 3 | BYTES;
    pub(super) const TTL_MS: u64 = 7 << 3 | VARINT;
    pub(super) const FROM: u64 = 1 << 3 | VARINT;
    pub(super) const TO: u64 = 2 << 3 | VARINT;
}

impl<'a> SeatHold<'a> {
    /// Reads a `PipelineCommand`. `None` where it is another command, or written in a way that encoders do not
    /// write: fields twice, out of order or unknown, or nothing that can be read at all.
    #[must_use]
    pub fn read(command: &'a [u8]) -> Option<Self> {
        let mut hold = Self::default();
        let mut fields = Fields { rest: command, last: 0 };
        let mut found = false;
        while let Some(key) = fields.next()? {
            match key {
                key::TAG => hold.tag = fields.varint()? as u32,
                key::HOLD => {
                    hold.read_hold(fields.bytes()?)?;
                    found = true;
                }
                key::TIMEOUT_MS => hold.timeout_ms = fields.varint()? as u32,
                key::RESENT => hold.resent = fields.varint()? != 0,
                _ => return None,
            }
        }
        found.then_some(hold)
    }

    fn read_hold(&mut self, hold: &'a [u8]) -> Option<()> {
        let mut fields = Fields { rest: hold, last: 0 };
        while let Some(key) = fields.next()? {
            match key {
                key::TRIP_ID => self.trip_id = fields.text()?,
                key::HOLD_ID => self.hold_id = fields.bytes()?.try_into().ok()?,
                key::BUYER_ID => self.buyer_id = fields.text()?,
                key::SEAT_NUMBERS => {
                    self.packed_seats = fields.bytes()?;
                    let mut seats = self.packed_seats;
                    while !seats.is_empty() {
                        decode_varint(&mut seats).ok()?;
                    }
                }
                key::LEGS => self.legs = Some(read_legs(fields.bytes()?)?),
                key::TTL_MS => self.ttl_ms = fields.varint()?,
                _ => return None,
            }
        }
        Some(())
    }

    /// The seats' numbers.
    pub fn seats(&self) -> impl Iterator<Item = u32> + use<'a> {
        let mut rest = self.packed_seats;
        std::iter::from_fn(move || {
            // What does not decode was not read.
            (!rest.is_empty()).then(|| decode_varint(&mut rest).ok())?.map(|seat| seat as u32)
        })
    }

    /// Appends the `PipelineCommand`'s fields but for those that the stream adds: tag, timeout and whether it
    /// was sent before.
    pub fn write(&self, into: &mut Vec<u8>) {
        let legs = self.legs.map(|(from, to)| number_bytes(from.into()) + number_bytes(to.into()));
        let text_bytes = |bytes: usize| match bytes {
            0 => 0,
            bytes => 1 + encoded_len_varint(bytes as u64) + bytes,
        };
        let bytes = text_bytes(self.trip_id.len())
            + text_bytes(self.hold_id.len())
            + text_bytes(self.buyer_id.len())
            + text_bytes(self.packed_seats.len())
            + legs.map_or(0, |bytes| 2 + bytes)
            + number_bytes(self.ttl_ms);
        encode_varint(key::HOLD, into);
        encode_varint(bytes as u64, into);
        put_bytes(key::TRIP_ID, self.trip_id.as_bytes(), into);
        put_bytes(key::HOLD_ID, &self.hold_id, into);
        put_bytes(key::BUYER_ID, self.buyer_id.as_bytes(), into);
        put_bytes(key::SEAT_NUMBERS, self.packed_seats, into);
        if let (Some((from, to)), Some(bytes)) = (self.legs, legs) {
            encode_varint(key::LEGS, into);
            encode_varint(bytes as u64, into);
            put_number(key::FROM, from.into(), into);
            put_number(key::TO, to.into(), into);
        }
        put_number(key::TTL_MS, self.ttl_ms, into);
    }
}

/// Packs seats' numbers as [`SeatHold::packed_seats`] has them.
pub fn pack_seats(seats: impl IntoIterator<Item = u32>, into: &mut Vec<u8>) {
    seats.into_iter().for_each(|seat| encode_varint(seat.into(), into));
}

fn read_legs(legs: &[u8]) -> Option<(u32, u32)> {
    let (mut from, mut to) = (0, 0);
    let mut fields = Fields { rest: legs, last: 0 };
    while let Some(key) = fields.next()? {
        match key {
            key::FROM => from = fields.varint()? as u32,
            key::TO => to = fields.varint()? as u32,
            _ => return None,
        }
    }
    Some((from, to))
}

/// The fields of a message, in ascending order and each once.
struct Fields<'a> {
    rest: &'a [u8],
    /// The key of the last one.
    last: u64,
}

impl<'a> Fields<'a> {
    /// The key of the next field, `Some(None)` at the end, `None` where it does not come in order.
    fn next(&mut self) -> Option<Option<u64>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        let key = self.varint()?;
        let follows = key > self.last;
        self.last = key;
        follows.then_some(Some(key))
    }

    fn varint(&mut self) -> Option<u64> {
        decode_varint(&mut self.rest).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::pb::{HoldRequest, Legs, PipelineCommand, pipeline_command::Command};

    fn command(seats: Vec<u32>, legs: Option<Legs>, ttl_ms: u64, buyer: &str) -> PipelineCommand {
        let hold = HoldRequest {
            trip_id: "coach-101".into(),
            hold_id: vec![9; 16].into(),
            buyer_id: buyer.into(),
            seat_numbers: seats,
            legs,
            ttl_ms,
            ..Default::default()
        };
        let command = Some(Command::Hold(hold));
        PipelineCommand { tag: 300, timeout_ms: 5_000, resent: ttl_ms == 0, command }
    }

    fn commands() -> Vec<PipelineCommand> {
        let legs = |from, to| Some(Legs { from, to });
        vec![
            command(vec![1], None, 60_000, "ann"),
            command(vec![0, 127, 128, u32::MAX], legs(3, 4), 0, ""),
            command(vec![7; 200], legs(0, 0), 1, "bo"),
            command(vec![], legs(0, 70_000), u64::MAX, "é"),
        ]
    }

    /// The message that prost makes of what was read.
    fn as_message(hold: &SeatHold<'_>) -> PipelineCommand {
        let request = HoldRequest {
            trip_id: hold.trip_id.into(),
            hold_id: hold.hold_id.to_vec().into(),
            buyer_id: hold.buyer_id.into(),
            seat_numbers: hold.seats().collect(),
            legs: hold.legs.map(|(from, to)| Legs { from, to }),
            ttl_ms: hold.ttl_ms,
            ..Default::default()
        };
        let (tag, timeout_ms, resent) = (hold.tag, hold.timeout_ms, hold.resent);
        PipelineCommand { tag, timeout_ms, resent, command: Some(Command::Hold(request)) }
    }

    #[test]
    fn it_reads_and_writes_what_prost_does() {
        for message in commands() {
            let bytes = message.encode_to_vec();
            let hold = SeatHold::read(&bytes).expect("it is a hold by numbers");
            assert_eq!(as_message(&hold), message);
            let mut written = Vec::new();
            hold.write(&mut written);
            let bare = PipelineCommand { command: message.command, ..Default::default() };
            assert_eq!(written, bare.encode_to_vec());
        }
    }

    /// Whatever it reads, prost reads the same.
    #[test]
    fn damaged_in_any_byte_it_reads_the_same_or_nothing() {
        for message in commands() {
            let bytes = message.encode_to_vec();
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= 1 << bit;
                    if let Some(hold) = SeatHold::read(&damaged) {
                        let whole = PipelineCommand::decode(damaged.as_slice());
                        // An id that is left out is not 16 zeroes, and one of zeroes is no id.
                        if hold.hold_id != [0; 16] {
                            assert_eq!(whole.as_ref(), Ok(&as_message(&hold)), "byte {at}");
                        }
                    }
                }
            }
            for end in 0..bytes.len() {
                if let Some(hold) = SeatHold::read(&bytes[..end]) {
                    let whole = PipelineCommand::decode(&bytes[..end]);
                    assert!(
                        hold.hold_id == [0; 16] || whole == Ok(as_message(&hold)),
                        "{end} bytes"
                    );
                }
            }
        }
    }

    #[test]
    fn other_commands_are_left_to_prost() {
        let mut by_name = command(vec![], None, 1, "");
        if let Some(Command::Hold(hold)) = &mut by_name.command {
            hold.seats = vec!["1A".into()];
        }
        let confirm = Some(Command::Confirm(Default::default()));
        for other in [by_name, PipelineCommand { command: confirm, ..Default::default() }] {
            assert_eq!(SeatHold::read(&other.encode_to_vec()), None);
        }
        let twice = command(vec![1], None, 1, "").encode_to_vec().repeat(2);
        assert_eq!(SeatHold::read(&twice), None);
        assert_eq!(SeatHold::read(&[]), None);
    }
}
