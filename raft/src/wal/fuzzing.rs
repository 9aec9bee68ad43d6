//! Doors to how a log's files look: files whose checksums are right, whatever their records say.

use super::batch::BatchBuffer;
use super::format;
use super::limits::{Room, SEGMENT_HEADER_BYTES};
use super::op::GroupId;
use super::record::{Kind, Record};
use super::segment::{Segment, encode_header};

/// A record, whether or not a log would ever hold it.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// The number of its kind.
    pub kind: u8,
    /// Its slot.
    pub slot: u8,
    /// Its group.
    pub group: GroupId,
    /// Its index.
    pub index: u64,
    /// Its payload.
    pub payload: &'a [u8],
}

/// The text of `FORMAT`.
#[must_use]
pub fn format(owner: u64, segment_bytes: u32) -> Vec<u8> {
    format::text(super::FORMAT_VERSION, owner, Room { segment_bytes }).into_bytes()
}

/// The bytes of a segment with these batches, numbered from `first`. What does not fit is left out.
#[must_use]
pub fn segment(
    owner: u64,
    sequence: u64,
    segment_bytes: u32,
    first: u64,
    batches: &[Vec<RawRecord<'_>>],
) -> Vec<u8> {
    let seed = Segment::seed_of(owner, sequence);
    let mut out = encode_header(owner, sequence, segment_bytes);
    out.resize(segment_bytes as usize, 0);
    let mut at = SEGMENT_HEADER_BYTES;
    for (number, records) in (first..).zip(batches.iter().filter(|records| !records.is_empty())) {
        let mut buffer = BatchBuffer::default();
        for raw in records {
            let RawRecord { slot, group, index, payload, .. } = *raw;
            buffer.push(
                seed,
                &Record { kind: Kind::from_code(raw.kind), slot, group, index, payload },
            );
        }
        let bytes = buffer.seal(seed, sequence, number, at as u32);
        let Some(place) = out.get_mut(at..at + bytes.len()) else { break };
        place.copy_from_slice(bytes);
        at += bytes.len();
    }
    out
}
