//! One batch: what one write puts down and one flush makes durable.

use super::limits::{BATCH_HEADER_BYTES, RECORD_HEADER_BYTES, whole_sectors};
use super::record::Record;
use bytes::{Buf, BufMut};

/// First bytes of a batch.
const MAGIC: [u8; 4] = *b"SGBT";

/// Whether a batch brings records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchKind {
    Records,
    /// An empty batch that says: every batch with a lower number has been flushed. The next batch
    /// takes its place and its number.
    Mark,
}

/// A batch's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) sequence: u64,
    /// Batches of a log are numbered without a gap, across segments.
    pub(super) number: u64,
    /// Where in the segment it begins, so that a misdirected write is noticed.
    pub(super) offset: u32,
    pub(super) body_bytes: u32,
    pub(super) records: u32,
    body_crc: u32,
    pub(super) kind: BatchKind,
}

impl BatchHeader {
    fn encode(&self, seed: u32) -> [u8; BATCH_HEADER_BYTES] {
        let mut header = [0_u8; BATCH_HEADER_BYTES];
        let mut put = &mut header[..];
        put.put_slice(&MAGIC);
        put.put_u32_le(0);
        put.put_u64_le(self.sequence);
        put.put_u64_le(self.number);
        put.put_u32_le(self.offset);
        put.put_u32_le(self.body_bytes);
        put.put_u32_le(self.records);
        put.put_u32_le(self.body_crc);
        put.put_u8(match self.kind {
            BatchKind::Records => 1,
            BatchKind::Mark => 2,
        });
        let crc = crc(seed, &header[8..]);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        header
    }

    /// The header at the start of `bytes`, if it is one of this segment, though perhaps of another
    /// place in it.
    pub(super) fn decode(seed: u32, sequence: u64, bytes: &[u8]) -> Option<Self> {
        Self::read(bytes, |_| seed).filter(|header| header.sequence == sequence)
    }

    /// The header at the start of `bytes`, if there is one. Its checksum begins with the seed of the
    /// segment that it says it is of.
    pub(super) fn read(bytes: &[u8], seed_of: impl FnOnce(u64) -> u32) -> Option<Self> {
        let bytes = bytes.get(..BATCH_HEADER_BYTES)?;
        if !bytes.starts_with(&MAGIC) {
            return None;
        }
        let mut fields = &bytes[MAGIC.len()..];
        let checksum = fields.get_u32_le();
        let sequence = fields.get_u64_le();
        if checksum != crc(seed_of(sequence), &bytes[8..]) {
            return None;
        }
        Some(Self {
            sequence,
            number: fields.get_u64_le(),
            offset: fields.get_u32_le(),
            body_bytes: fields.get_u32_le(),
            records: fields.get_u32_le(),
            body_crc: fields.get_u32_le(),
            kind: match fields.get_u8() {
                1 => BatchKind::Records,
                2 => BatchKind::Mark,
                _ => return None,
            },
        })
    }

    /// Where the batch ends: at a sector.
    pub(super) fn end(&self) -> usize {
        self.offset as usize + whole_sectors(BATCH_HEADER_BYTES + self.body_bytes as usize)
    }

    /// Its records' bytes, or the offset of the first one that is bad.
    pub(super) fn body<'a>(&self, seed: u32, segment: &'a [u8]) -> Result<&'a [u8], usize> {
        let from = self.offset as usize + BATCH_HEADER_BYTES;
        let body = segment.get(from..from + self.body_bytes as usize).ok_or(from)?;
        if crc(seed, body) == self.body_crc {
            return Ok(body);
        }
        let mut at = 0;
        while let Some(record) = Record::decode(seed, &body[at..]) {
            let padding = at + RECORD_HEADER_BYTES + record.payload.len();
            let end = at + record.disk_bytes();
            if body[padding..end].iter().any(|byte| *byte != 0) {
                break;
            }
            at = end;
        }
        Err(if at < body.len() { from + at } else { from })
    }
}

/// A batch while it is filled. Its buffer is used again for the next one.
#[derive(Debug, Default)]
pub(super) struct BatchBuffer {
    bytes: Vec<u8>,
    records: u32,
}

impl BatchBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(super) fn records(&self) -> u32 {
        self.records
    }

    /// Bytes so far, with the header.
    pub(super) fn len(&self) -> usize {
        self.bytes.len().max(BATCH_HEADER_BYTES)
    }

    /// Adds a record and says where in the batch it begins.
    pub(super) fn push(&mut self, seed: u32, record: &Record<'_>) -> usize {
        if self.bytes.is_empty() {
            self.bytes.resize(BATCH_HEADER_BYTES, 0);
        }
        let at = self.bytes.len();
        record.encode(seed, &mut self.bytes);
        self.records += 1;
        at
    }

    /// Completes the batch: fills in its header and pads it to whole sectors.
    pub(super) fn seal(&mut self, seed: u32, sequence: u64, number: u64, offset: u32) -> &[u8] {
        debug_assert!(!self.is_empty(), "a batch has records; a mark is made by `mark`");
        let body = &self.bytes[BATCH_HEADER_BYTES..];
        let header = BatchHeader {
            sequence,
            number,
            offset,
            body_bytes: body.len() as u32,
            records: self.records,
            body_crc: crc(seed, body),
            kind: BatchKind::Records,
        };
        self.bytes[..BATCH_HEADER_BYTES].copy_from_slice(&header.encode(seed));
        self.bytes.resize(whole_sectors(self.bytes.len()), 0);
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
    }
}

/// A mark: one sector.
pub(super) fn mark(seed: u32, sequence: u64, number: u64, offset: u32) -> Vec<u8> {
    let (body_bytes, records) = (0, 0);
    let body_crc = crc(seed, &[]);
    let kind = BatchKind::Mark;
    let header = BatchHeader { sequence, number, offset, body_bytes, records, body_crc, kind };
    let mut sector = header.encode(seed).to_vec();
    sector.resize(whole_sectors(sector.len()), 0);
    sector
}

fn crc(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}
