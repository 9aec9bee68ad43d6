//! One record: a header of 24 bytes and the payload, padded to eight bytes.

use super::limits::{RECORD_HEADER_BYTES, padded};
use super::op::{GroupId, Op};
use bytes::{Buf, BufMut, Bytes};

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Entry,
    TruncateFrom,
    PurgeTo,
    Meta,
    /// The group is gone, with all it had.
    Remove,
    /// In a checkpoint: the group's `base` is the index, its `next` is the payload.
    Bounds,
    /// Ends a checkpoint; the index is its number of records.
    CheckpointEnd,
    /// None of these, although the checksum matches.
    Unknown(u8),
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Entry => 1,
            Self::TruncateFrom => 2,
            Self::PurgeTo => 3,
            Self::Meta => 4,
            Self::Remove => 5,
            Self::Bounds => 6,
            Self::CheckpointEnd => 7,
            Self::Unknown(code) => code,
        }
    }

    pub(super) fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Entry,
            2 => Self::TruncateFrom,
            3 => Self::PurgeTo,
            4 => Self::Meta,
            5 => Self::Remove,
            6 => Self::Bounds,
            7 => Self::CheckpointEnd,
            code => Self::Unknown(code),
        }
    }
}

/// A record, borrowed from wherever its payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) slot: u8,
    pub(super) group: GroupId,
    pub(super) index: u64,
    pub(super) payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record of an op.
    pub(super) fn of(group: GroupId, op: &'a Op) -> Self {
        let (kind, slot, index, payload) = match op {
            Op::Entry { index, data } => (Kind::Entry, 0, *index, &data[..]),
            Op::TruncateFrom { index } => (Kind::TruncateFrom, 0, *index, &[][..]),
            Op::PurgeTo { index } => (Kind::PurgeTo, 0, *index, &[][..]),
            Op::Meta { slot, data } => (Kind::Meta, *slot, 0, &data[..]),
        };
        Self { kind, slot, group, index, payload }
    }

    /// A record without payload.
    pub(super) fn bare(kind: Kind, group: GroupId, index: u64) -> Self {
        Self { kind, slot: 0, group, index, payload: &[] }
    }

    /// The op of the record, with a copy of its payload. `None` for the kinds that are no op of a
    /// group.
    pub(super) fn op(&self) -> Option<Op> {
        let data = || Bytes::copy_from_slice(self.payload);
        match self.kind {
            Kind::Entry => Some(Op::Entry { index: self.index, data: data() }),
            Kind::TruncateFrom => Some(Op::TruncateFrom { index: self.index }),
            Kind::PurgeTo => Some(Op::PurgeTo { index: self.index }),
            Kind::Meta => Some(Op::Meta { slot: self.slot, data: data() }),
            Kind::Remove | Kind::Bounds | Kind::CheckpointEnd | Kind::Unknown(_) => None,
        }
    }

    /// Bytes on disk.
    pub(super) fn disk_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + padded(self.payload.len())
    }

    /// Appends the record to a buffer.
    pub(super) fn encode(&self, seed: u32, buffer: &mut Vec<u8>) {
        let mut fields = [0_u8; RECORD_HEADER_BYTES - 4];
        let mut put = &mut fields[..];
        put.put_u32_le(self.payload.len() as u32);
        put.put_u8(self.kind.code());
        put.put_u8(self.slot);
        put.put_u16_le(0);
        put.put_u32_le(self.group);
        put.put_u64_le(self.index);
        buffer.put_u32_le(crc(seed, &fields, self.payload));
        buffer.put_slice(&fields);
        buffer.put_slice(self.payload);
        buffer.resize(buffer.len() + padded(self.payload.len()) - self.payload.len(), 0);
    }

    /// The record at the start of `bytes`, if one is there whose checksum matches.
    pub(super) fn decode(seed: u32, bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(RECORD_HEADER_BYTES)?;
        let mut fields = header;
        let found_crc = fields.get_u32_le();
        let len = fields.get_u32_le() as usize;
        let kind = Kind::from_code(fields.get_u8());
        let slot = fields.get_u8();
        fields.advance(2);
        let group = fields.get_u32_le();
        let index = fields.get_u64_le();
        let payload = rest.get(..padded(len))?.get(..len)?;
        let record = Self { kind, slot, group, index, payload };
        (found_crc == crc(seed, &header[4..], payload)).then_some(record)
    }
}

fn crc(seed: u32, fields: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(fields);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_by_its_own_segment_only() {
        let op = Op::Entry { index: 9, data: Bytes::from_static(b"seat 14A") };
        let mut buffer = Vec::new();
        Record::of(3, &op).encode(77, &mut buffer);
        assert_eq!(buffer.len(), op.record_bytes());
        let record = Record::decode(77, &buffer).unwrap();
        assert_eq!((record.group, record.op()), (3, Some(op)));
        assert_eq!(Record::decode(78, &buffer), None);
    }

    #[test]
    fn any_flipped_bit_of_header_or_payload_is_noticed() {
        let mut buffer = Vec::new();
        let op = Op::Meta { slot: 2, data: Bytes::from_static(b"12345678") };
        Record::of(3, &op).encode(77, &mut buffer);
        for bit in 0..buffer.len() * 8 {
            let mut bad = buffer.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::decode(77, &bad), None, "bit {bit}");
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_is_no_record() {
        let mut buffer = Vec::new();
        Record::bare(Kind::Remove, 1, 0).encode(0, &mut buffer);
        buffer[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Record::decode(0, &buffer), None);
        assert_eq!(Record::decode(0, &[]), None);
    }
}
