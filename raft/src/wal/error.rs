//! What can go wrong, sorted by who must act.

use super::op::GroupId;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// The log cannot be opened, read or written: the operator acts. [`WalError::hint`] says how.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WalError {
    /// Another process has the directory.
    #[error("the log in {dir} is open in another process")]
    Locked {
        /// The log's directory.
        dir: PathBuf,
    },
    /// The log was written in another format.
    #[error("{file} has log format {found}, this program reads format {expected}")]
    UnsupportedFormat {
        /// The file that says so.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// The log belongs to another node.
    #[error("{file} belongs to node {found}, this is node {expected}")]
    WrongOwner {
        /// The file that says so.
        file: PathBuf,
        /// Its owner.
        found: u64,
        /// Who opens it.
        expected: u64,
    },
    /// The options cannot be used.
    #[error("a segment of {segment_bytes} bytes is not possible")]
    BadSegmentBytes {
        /// What was asked for.
        segment_bytes: u32,
    },
    /// The disk failed an operation.
    #[error("cannot {action} {file}: {source}")]
    Io {
        /// What was tried, as in "cannot write".
        action: &'static str,
        /// With which file.
        file: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// Bytes that were flushed are not what was written. Nothing was changed on disk.
    #[error("{file} is damaged at offset {offset}: {damage}")]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where the first bad bytes begin.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// The log's own thread died.
    #[error("the log's thread panicked, probably in a callback")]
    Panicked,
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

impl WalError {
    /// What the operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => {
                "stop the other process, or give this node a directory of its own"
            }
            Self::UnsupportedFormat { .. } => "start the version of the program that wrote it",
            Self::WrongOwner { .. } => {
                "check which disk is mounted here: a log never changes its node"
            }
            Self::BadSegmentBytes { .. } => "use a multiple of 512 between 4096 and 1073741824",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free space on the disk and start the node again; nothing acknowledged is lost"
            }
            Self::Io { .. } => "check the disk (kernel log, SMART), then start the node again",
            Self::Damaged { .. } => {
                "flushed records are bad, and are never cut: restore the file; or, while most of \
                 the other nodes run, check the disk, put the node's data directory aside and start \
                 it with an empty directory, which the others fill"
            }
            Self::Panicked => {
                "this is a fault of the program: report it with its output and restart the node"
            }
            Self::Closed => "the node is stopping",
        }
    }

    /// Names the file and the action of a failed disk operation.
    pub(super) fn io(
        action: &'static str,
        file: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io { action, file, source }
    }
}

/// What is wrong with a damaged file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file that names the format is not what was written, or is missing beside a log.
    #[error("expected the log's format description")]
    Format,
    /// The segment's header fails its checksum.
    #[error("expected the header of segment {sequence}")]
    SegmentHeader {
        /// The segment that the file's name says.
        sequence: u64,
    },
    /// The header is of another segment, or of another size.
    #[error("expected the header of segment {expected}, found that of segment {found}")]
    WrongSegment {
        /// The segment that the file's name says.
        expected: u64,
        /// The one that its header says.
        found: u64,
    },
    /// The file has not the length that it was created with.
    #[error("expected a file of {expected} bytes, found {found}")]
    Length {
        /// Bytes of every segment.
        expected: u64,
        /// Bytes of this one.
        found: u64,
    },
    /// A file is missing between others, or all are.
    #[error("expected segment {sequence}, found no such file")]
    MissingSegment {
        /// The missing one.
        sequence: u64,
    },
    /// A flushed batch is missing or has a bad header.
    #[error("expected batch {expected}, which was flushed, since batch {later} follows")]
    MissingBatch {
        /// The missing one.
        expected: u64,
        /// A later one, which is there.
        later: u64,
    },
    /// A batch that was written to another place stands behind the end, perhaps instead of the newest.
    #[error("expected nothing newer, found batch {number} in the wrong place")]
    StrayBatch {
        /// The batch.
        number: u64,
    },
    /// A segment without its first batch, where it must have been flushed.
    #[error("expected the first batch of segment {sequence}")]
    MissingFirstBatch {
        /// The segment.
        sequence: u64,
    },
    /// A record in a flushed batch fails its checksum.
    #[error("expected a record of batch {batch}, which was flushed; its checksum does not match")]
    BadRecord {
        /// The batch that it is part of.
        batch: u64,
    },
    /// An entry that was found good before fails its checksum when it is read back.
    #[error("expected entry {index} of group {group}; its checksum does not match")]
    BadEntry {
        /// The entry's group.
        group: GroupId,
        /// The entry's index.
        index: u64,
    },
    /// A record that cannot follow the one before, although its checksum matches.
    #[error("the record of group {group} cannot follow: {refusal}")]
    OutOfOrder {
        /// The record's group.
        group: GroupId,
        /// Why it cannot follow.
        refusal: Refusal,
    },
    /// A record of an unknown kind, although its checksum matches.
    #[error("expected a known kind of record, found kind {kind}")]
    UnknownKind {
        /// The unknown kind.
        kind: u8,
    },
    /// The checkpoint of a segment contradicts the records before it.
    #[error("the checkpoint contradicts the records before it in group {group}")]
    Checkpoint {
        /// The first group that differs.
        group: GroupId,
    },
    /// The first batch of a segment is whole and does not end the checkpoint.
    #[error("expected the end of the checkpoint in the first batch")]
    UnendedCheckpoint,
    /// Entries that were neither purged nor truncated are in no segment.
    #[error("expected entries {from} to {to} of group {group} in an earlier segment")]
    MissingEntries {
        /// Their group.
        group: GroupId,
        /// The first missing index.
        from: u64,
        /// The last missing index.
        to: u64,
    },
}

/// A submit that the log did not take; it changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Too much waits for its flush. Submit less, or later; admission should have noticed before.
    #[error("{queued} bytes wait for their flush, the limit is {limit}")]
    Busy {
        /// Bytes that wait.
        queued: usize,
        /// Most bytes that may wait.
        limit: usize,
    },
    /// A payload does not fit.
    #[error("a record of {bytes} bytes is too large, the limit is {limit}")]
    RecordTooLarge {
        /// Its bytes.
        bytes: usize,
        /// Most bytes of a record in this log.
        limit: usize,
    },
    /// The values of all groups would not fit into a checkpoint any more.
    #[error("the values of all groups would take {bytes} bytes, the limit is {limit}")]
    MetaTooLarge {
        /// Bytes that the checkpoint would have.
        bytes: usize,
        /// Most bytes of a checkpoint in this log.
        limit: usize,
    },
    /// An entry does not follow the last one: a fault of the caller.
    #[error("expected entry {expected}, found entry {found}")]
    Gap {
        /// The index that follows.
        expected: u64,
        /// The index that was given.
        found: u64,
    },
    /// A truncation reaches into what is purged: a fault of the caller.
    #[error("cannot truncate from {index}: entries below {first} are purged")]
    TruncatesPurged {
        /// The first index that is not purged.
        first: u64,
        /// The index that was given.
        index: u64,
    },
    /// An index that no log reaches.
    #[error("index {index} is beyond the largest possible one")]
    IndexTooLarge {
        /// The index that was given.
        index: u64,
    },
}

/// Why ops did not become durable.
#[derive(Debug, Clone, Error)]
pub enum FlushFailed {
    /// The log has stopped for ever. Whether the ops reached the disk is unknown: never treat them
    /// as absent.
    #[error("the log has stopped: {0}")]
    Stopped(Arc<WalError>),
    /// The ops were refused; nothing changed.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The log was closed before; nothing changed.
    #[error("the log is closed")]
    Closed,
}
