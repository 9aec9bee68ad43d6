//! Snapshots in sled: the state of every shard as checked records, two generations deep.
//!
//! Each shard has a tree of records. A record is a version of one key, written in one generation; only
//! keys that changed are written anew. A generation counts once its manifest is in: records first,
//! flushed and synced, then the manifest, flushed and synced. The state at generation g is, for every
//! key, its newest version not newer than g. Versions that neither of the two newest generations needs
//! are removed after a commit; what an attempt leaves that was given up, before the next one.
//!
//! One writes at a time. A peer's snapshot is only staged until the replica installs it: what it has may be
//! older than the state here, and then it is given up. Nobody else writes until it is installed: records of
//! the state from before would come over its own.
//!
//! sled 0.34 does not sync its file when it flushes, so [`SnapshotStore`] does. Every record and
//! manifest carries our own checksum, and a manifest says what its records add up to: of a damaged file
//! sled may drop a part without a word. A generation that does not check is never used: the one before it
//! is, or the replica is rebuilt from its peers. What sled holds can always be rebuilt from the log and
//! the peers, so a store that does not open is moved aside.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod mem;
mod record;
mod store;
mod tree;
mod view;
mod writer;

pub use mem::MemSnapshots;
pub use record::Manifest;
pub use store::{Opened, ShardSnapshots, SnapshotStore};
pub use view::{SnapshotView, ViewIter};
pub use writer::SnapshotWriter;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Bytes of sled's page cache. Records are read once, at a restart or an activation.
const SLED_CACHE_BYTES: u64 = 32 << 20;

/// Longest key of a record, in bytes.
pub const MAX_KEY_BYTES: usize = 1 << 10;

/// Why a snapshot could not be read or written.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// sled failed.
    #[error("the snapshot store at {path} failed: {source}")]
    Store {
        /// Directory of the store.
        path: PathBuf,
        /// What sled said.
        source: sled::Error,
    },
    /// The file system failed.
    #[error("the snapshot store at {path} could not be synced: {source}")]
    Sync {
        /// Directory of the store.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record does not match its checksum.
    #[error("snapshot record {key:?} of shard {group}, generation {generation}, is damaged")]
    Damaged {
        /// The shard.
        group: u32,
        /// The record's key, as far as it is text.
        key: String,
        /// The generation in which it was written.
        generation: u64,
    },
    /// Records have vanished, or older versions of them have come to light.
    #[error(
        "snapshot generation {generation} of shard {group} is not complete: expected {expected} \
         records, found {found}, or others"
    )]
    Incomplete {
        /// The shard.
        group: u32,
        /// The generation.
        generation: u64,
        /// Keys that the manifest says.
        expected: u64,
        /// Keys that are there.
        found: u64,
    },
    /// A key is longer than [`MAX_KEY_BYTES`].
    #[error("a snapshot key of {0} bytes is longer than {MAX_KEY_BYTES}")]
    KeyTooLong(usize),
}

impl SnapshotError {
    /// Whether the operating system refused something: what is on the disk may be sound.
    pub(super) fn is_from_the_system(&self) -> bool {
        match self {
            Self::Store { source: sled::Error::Io(source), .. } | Self::Sync { source, .. } => {
                source.raw_os_error().is_some()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod every_bit;
#[cfg(test)]
mod tests;
