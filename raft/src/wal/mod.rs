//! The write-ahead log: one per node, shared by all of its Raft groups, so that one flush serves
//! them all.
//!
//! It carries opaque entries. Of groups it knows as much as replay and recycling need: which
//! entries a group has ([`Op::Entry`], [`Op::TruncateFrom`], [`Op::PurgeTo`]) and a few named
//! values ([`Op::Meta`]: vote, committed index, last purged id).
//!
//! # How it works
//!
//! A submit checks the ops against the group's state, applies them to the index in memory, and
//! queues them: it takes a short lock and never waits for the disk. The log's thread takes all that
//! is queued, writes it as **one batch** with one write, flushes **once**, and then runs the
//! callbacks in the order of submits. Meanwhile the next batch gathers.
//!
//! The files are segments of one fixed size, filled with zeros before their first use, so that an
//! append changes neither a length nor the file system's map of the file. A second thread prepares
//! the next segment ahead and gives old ones back: a segment is recycled when no group has an entry
//! in it that is neither purged nor truncated. Nothing else holds a segment, since each begins with
//! a **checkpoint** of every group's bounds and values. Segments go in order, oldest first;
//! [`Wal::pinned`] names the group that holds the oldest one.
//!
//! A write or flush that fails **stops the log for ever**: after a failed flush nobody knows what
//! is on the disk, and a second one that succeeds proves nothing. Every later submit is told the
//! same error.
//!
//! # Files
//!
//! | name | what it is |
//! |---|---|
//! | `FORMAT` | the format, the owner and the segment size, as text with a checksum; written when segment 1 is flushed |
//! | `LOCK` | locked while a process has the log open |
//! | `seg-<sequence>.wal` | a segment; 16 hexadecimal digits. A file of this name has a good header, always |
//! | `spare-<number>.wal` | a file of a segment's length that waits for its next life; its bytes mean nothing |
//!
//! # Bytes of a segment
//!
//! Integers are little-endian. `seed` is the CRC-32 of owner and sequence; checksums of batches and
//! records start from it, so that nothing from another log or from an earlier life of a recycled
//! file ever matches.
//!
//! The header fills the first sector (512 bytes); the rest of it is zero and covered by the
//! checksum:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | `SEATGWAL` |
//! | 8 | 4 | format version |
//! | 12 | 4 | CRC-32 of the sector without this field |
//! | 16 | 8 | sequence: the segment's place in the log and the generation of its bytes |
//! | 24 | 8 | owner |
//! | 32 | 4 | segment size |
//!
//! Batches follow. Each begins on a sector of its own, so that writing one never touches a sector
//! that holds flushed bytes. The last sector of a segment is kept free for a mark.
//!
//! | offset | bytes | field of a batch's header |
//! |---|---|---|
//! | 0 | 4 | `SGBT` |
//! | 4 | 4 | CRC-32 of bytes 8..48, from `seed` |
//! | 8 | 8 | sequence of the segment |
//! | 16 | 8 | number: batches are numbered without a gap, across segments |
//! | 24 | 4 | offset of the batch in the segment |
//! | 28 | 4 | bytes of the body |
//! | 32 | 4 | records |
//! | 36 | 4 | CRC-32 of the body, from `seed` |
//! | 40 | 1 | 1 records, 2 mark |
//! | 41 | 7 | zero |
//!
//! The body is its records, each padded with zeros to a multiple of eight:
//!
//! | offset | bytes | field of a record |
//! |---|---|---|
//! | 0 | 4 | CRC-32 of the rest of the header and of the payload, from `seed` |
//! | 4 | 4 | bytes of the payload |
//! | 8 | 1 | kind: 1 entry, 2 truncate, 3 purge, 4 value, 5 remove group, 6 bounds, 7 end of checkpoint |
//! | 9 | 1 | slot of a value |
//! | 10 | 2 | zero |
//! | 12 | 4 | group |
//! | 16 | 8 | index |
//! | 24 | | payload; of bounds: the group's next index |
//!
//! The first batch of a segment begins with the checkpoint: for each group its bounds (kind 6, the
//! index is the first one that is not purged) and its values (kind 4), then kind 7.
//!
//! # A torn tail is not damage
//!
//! After a crash the end of the log may be bad for two reasons. A batch that was being written when
//! the power went may have reached the disk in part: any subset of its sectors. It was never
//! acknowledged and must be cut. Or a batch that was flushed has decayed since: it may have been
//! acknowledged and must not be cut, since a replica that forgets what it acknowledged can lose a
//! committed entry. A checksum alone cannot tell the two apart. The order of writes can:
//!
//! 1. *Batch n+1 is not written before the flush of batch n has succeeded.* So if any piece of
//!    batch n+1 is found, batch n was whole on disk. If batch n is bad now, it is damaged.
//! 2. Therefore only the last batch can be torn, and "last" must be decided without trusting the
//!    bad bytes. Headers lie on sectors, carry sequence, number and offset, and have a checksum of
//!    their own. Behind the last good batch **all sectors** of the segment are searched for a good
//!    header, and the next segment for a first batch. One that is found proves that what is bad
//!    before it was flushed: the log is refused with the file and the offset of the first bad
//!    record. If none is found, nothing after the bad batch was ever written, and it is cut as a
//!    whole.
//! 3. Across segments: the first batch of a segment continues the numbering, so batches that are
//!    missing at the end of the segment before are noticed. A segment is prepared only after the
//!    first batch of the one before has been flushed. So at most the last segment has no good
//!    batch; if an earlier one has none, it is damaged.
//! 4. The last batch, when it was flushed, has no successor to prove it. So whenever the queue is
//!    empty a **mark** follows: a header without a body in the place and with the number of the
//!    next batch, which overwrites it. It is not flushed by itself (that would cost as much as the
//!    batch did), but it is on disk soon after, and at once after a clean close or an open. What
//!    remains undecidable: a log whose power was cut before the mark arrived **and** whose last
//!    batch has decayed since. To lose an entry by it, the same must happen on a majority at once.
//! 5. What was cut must never come back. A batch is good only if the checksum over its whole body
//!    matches, so sectors of a torn batch never mix with those of its successor in the same place.
//!    Opening the log overwrites the header of the torn batch, with a mark or with zeros, and
//!    flushes that before anything is appended.
//! 6. What was found must stay. A batch that is read after a restart may exist in the cache of the
//!    operating system only: its flush may have failed, which stopped the process before. So
//!    opening the log writes the last batch again and flushes it (and the directory) before it
//!    shows anything, unless a mark proves that its flush succeeded.
//!
//! Beyond the order of writes, replay checks what the records say: entries follow without a gap,
//! each checkpoint agrees with the records before it, segments are numbered without a gap, and
//! every entry that the bounds promise is there. Whatever fails is [`WalError::Damaged`] with file,
//! offset and what was expected, and changes nothing on disk.

mod batch;
mod error;
mod format;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod handle;
mod index;
mod ledger;
mod limits;
mod op;
mod pool;
mod record;
mod recovery;
mod replay;
mod segment;
mod shared;
mod stats;
mod writer;

pub use error::{Damage, FlushFailed, Refusal, WalError};
pub use handle::Wal;
pub use limits::{
    DEFAULT_CACHE_BYTES, DEFAULT_SEGMENT_BYTES, DEFAULT_SPARE_SEGMENTS, Drive, FORMAT_VERSION,
    MAX_BATCH_BYTES, MAX_INDEX, MAX_QUEUED_BYTES, MAX_RECORD_BYTES, MAX_SEGMENT_BYTES,
    MIN_SEGMENT_BYTES, Options, QUEUED_OP_BYTES,
};
pub use op::{Done, GroupId, Op};
pub use stats::{FLUSH_TIME_STEPS, Pinned, Recovery, WalStats};
