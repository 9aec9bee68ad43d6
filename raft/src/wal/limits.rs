//! Every limit of the log, and the options that it is opened with.

use crate::disk::SECTOR_BYTES;

/// Format of the files. A log of another format is refused.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes of one segment unless asked otherwise: rare enough to roll, small enough to read at a
/// start.
pub const DEFAULT_SEGMENT_BYTES: u32 = 64 << 20;

/// Smallest segment: room for a checkpoint and a record beside it. For tests.
pub const MIN_SEGMENT_BYTES: u32 = 4096;

/// Largest segment: it is read into memory as a whole when the log is opened.
pub const MAX_SEGMENT_BYTES: u32 = 1 << 30;

/// Payload bytes of one record. A smaller segment lowers it further: a record takes less than half
/// a segment.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// Bytes that are written with one flush, unless one record alone is larger: bounds the buffer and
/// the wait.
pub const MAX_BATCH_BYTES: usize = 8 << 20;

/// Bytes that may wait for their flush before submits are refused as `Busy`. Admission stops far
/// below it.
pub const MAX_QUEUED_BYTES: usize = 256 << 20;

/// What one op counts in the queue beside its payload, so that empty ops are bounded too.
pub const QUEUED_OP_BYTES: usize = 64;

/// Payload bytes kept in memory unless asked otherwise: what a follower that lags a little asks
/// for.
pub const DEFAULT_CACHE_BYTES: usize = 64 << 20;

/// Spare segments kept for recycling unless asked otherwise.
pub const DEFAULT_SPARE_SEGMENTS: usize = 2;

/// Largest entry index: one more always fits.
pub const MAX_INDEX: u64 = u64::MAX >> 1;

/// Bytes of a segment's header: a sector of its own, so that no later write can tear it.
pub(super) const SEGMENT_HEADER_BYTES: usize = SECTOR_BYTES;

/// Bytes of a batch's header.
pub(super) const BATCH_HEADER_BYTES: usize = 48;

/// Bytes of a record's header.
pub(super) const RECORD_HEADER_BYTES: usize = 24;

const _: () = assert!(BATCH_HEADER_BYTES <= SECTOR_BYTES && BATCH_HEADER_BYTES.is_multiple_of(8));
const _: () = assert!(RECORD_HEADER_BYTES.is_multiple_of(8));
const _: () = assert!(MIN_SEGMENT_BYTES as usize >= 8 * SECTOR_BYTES);
const _: () = assert!(MAX_RECORD_BYTES < MAX_QUEUED_BYTES);

/// A payload's length on disk: records begin at multiples of eight.
pub(super) const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
}

/// A batch's length on disk: batches begin on a sector of their own, so that writing one never
/// rewrites a sector that holds flushed bytes.
pub(super) const fn whole_sectors(bytes: usize) -> usize {
    bytes.next_multiple_of(SECTOR_BYTES)
}

/// Who turns the log's wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drive {
    /// A thread named `wal` writes and flushes, a second one prepares segments.
    #[default]
    Threads,
    /// Nobody: each `Wal::step` does one turn on the caller's thread. For simulators, where the
    /// order of everything must follow from a seed. Dropping such a log is like killing its
    /// process: nothing more is written.
    ByHand,
}

/// How to open a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whose log this is (the node's id). A directory of another owner is refused, so that swapped
    /// disks are noticed.
    pub owner: u64,
    /// Bytes of one segment; a multiple of the sector. Counts when the log is created: later the
    /// log keeps its own.
    pub segment_bytes: u32,
    /// Most payload bytes kept in memory for reading; an entry takes some 60 bytes beside its
    /// payload, evicted or not. Entries that wait for their flush stay in any
    /// case.
    pub cache_bytes: usize,
    /// Most recycled segments kept for reuse. More are removed.
    pub spare_segments: usize,
    /// Bytes that may wait for their flush before submits are refused.
    pub max_queued_bytes: usize,
    /// Who turns the wheel.
    pub drive: Drive,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            owner: 0,
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            cache_bytes: DEFAULT_CACHE_BYTES,
            spare_segments: DEFAULT_SPARE_SEGMENTS,
            max_queued_bytes: MAX_QUEUED_BYTES,
            drive: Drive::Threads,
        }
    }
}

/// What fits into segments of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) segment_bytes: u32,
}

impl Room {
    /// Whether a segment of this size can be used.
    pub(super) fn is_valid(self) -> bool {
        (MIN_SEGMENT_BYTES..=MAX_SEGMENT_BYTES).contains(&self.segment_bytes)
            && (self.segment_bytes as usize).is_multiple_of(SECTOR_BYTES)
    }

    /// Where the last batch of a segment must end: a sector stays free for the mark behind it.
    pub(super) fn end(self) -> usize {
        self.segment_bytes as usize - SECTOR_BYTES
    }

    /// Half of what a fresh segment holds: one half is for the checkpoint, so that any record fits
    /// into the other.
    fn half(self) -> usize {
        (self.end() - SEGMENT_HEADER_BYTES - BATCH_HEADER_BYTES) / 2
    }

    /// Largest payload of a record.
    pub(super) fn record_limit(self) -> usize {
        (self.half() / 8 * 8 - RECORD_HEADER_BYTES).min(MAX_RECORD_BYTES)
    }

    /// Largest checkpoint: the bounds and values of all groups together.
    pub(super) fn checkpoint_limit(self) -> usize {
        self.half()
    }
}
