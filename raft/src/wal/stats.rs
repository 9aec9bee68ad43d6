//! What the log has done so far.

use super::op::GroupId;
use std::time::Duration;

/// Steps of the flush time histogram: step `n` counts flushes of less than `2^n` microseconds, the
/// last one the rest.
pub const FLUSH_TIME_STEPS: usize = 24;

/// Counters since the log was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalStats {
    /// Bytes written, with headers and padding.
    pub bytes_appended: u64,
    /// Records written.
    pub records: u64,
    /// Flushes. `records / flushes` says how well commits are grouped.
    pub flushes: u64,
    /// Most records that one flush served.
    pub records_per_flush_max: u64,
    /// Time of all writes with their flushes together.
    pub flush_time_sum: Duration,
    /// The longest write with its flush.
    pub flush_time_max: Duration,
    /// How long they took, in powers of two of microseconds.
    pub flush_time_steps: [u64; FLUSH_TIME_STEPS],
    /// Segments that hold records.
    pub segments: usize,
    /// Segments that have been given back for reuse.
    pub segments_recycled: u64,
    /// Bytes of the payloads in memory.
    pub cached_bytes: usize,
    /// Bytes that wait for their flush.
    pub queued_bytes: usize,
    /// Entries that had to be read back from disk.
    pub entries_read_back: u64,
}

impl WalStats {
    /// Counts one write with its flush.
    pub(super) fn flushed(&mut self, bytes: u64, records: u64, took: Duration) {
        self.bytes_appended += bytes;
        self.records += records;
        self.flushes += 1;
        self.records_per_flush_max = self.records_per_flush_max.max(records);
        self.flush_time_sum += took;
        self.flush_time_max = self.flush_time_max.max(took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = (u64::BITS - micros.leading_zeros()) as usize;
        self.flush_time_steps[step.min(FLUSH_TIME_STEPS - 1)] += 1;
    }
}

/// What opening a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Whether the log was created.
    pub created: bool,
    /// Segments that hold records.
    pub segments: usize,
    /// Records replayed, checkpoints included.
    pub records: u64,
    /// Bytes of a batch that was being written when the process ended, and that were cut. Its
    /// records had not been acknowledged.
    pub torn_bytes: u64,
    /// How long it took.
    pub duration: Duration,
}

/// The entry that keeps the oldest segment in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    /// Its group.
    pub group: GroupId,
    /// Its index.
    pub index: u64,
    /// Segments in use from its own on.
    pub segments: usize,
}
