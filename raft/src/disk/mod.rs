//! The disk as the log sees it: a seam that a simulator can stand behind.
//!
//! [`RealDisk`] is the operating system's. [`MemDisk`] is a disk in memory that keeps what was
//! written apart from what was flushed, so that a test can cut the power at any operation and look
//! at what a real disk might have kept.
//!
//! Only what the write-ahead log needs is here. Reads and writes are exact: they move all the bytes
//! or fail.

mod fault;
mod mem;
mod names;
mod pages;
mod real;

pub use fault::{Fault, SyncGate};
pub use mem::{MemDisk, PowerCut};
pub use real::RealDisk;

use std::any::Any;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that a disk writes whole or not at all. What shares a sector with an unflushed write may
/// tear with it.
pub const SECTOR_BYTES: usize = 512;

/// Zeros are written in pieces of this many bytes, so that a fill needs little memory.
const FILL_BYTES: usize = 256 * 1024;

/// A file system, as far as a log needs one.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file that exists, for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file, or empties the one that is there. Its name is durable after
    /// [`Disk::sync_dir`].
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name in the same directory, replacing what had it. Durable after
    /// [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_dir`].
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Names of the files in a directory, sorted; names that are not UTF-8 are left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Creates a directory and those above it, durably.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Takes the lock of a file, which is created if it is missing. `None`: another holder has it.
    /// The lock is released when the guard is dropped or its process ends.
    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>>;

    /// Time since some fixed moment. For measuring how long the disk takes and for nothing else.
    fn monotonic(&self) -> Duration;
}

/// An open file.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Fills `buffer` from `offset`, or fails; a file that ends earlier is an `UnexpectedEof`.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`. Not durable before a sync. After an error any part may be
    /// written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the written bytes durable, and the length if it grew. After an error nothing is known
    /// about what was written since the last sync, and a second try proves nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// As [`DiskFile::sync_data`], with all that belongs to the file.
    fn sync_all(&self) -> io::Result<()>;

    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Cuts the file, or lengthens it with zeros that take no space yet.
    fn set_size(&self, bytes: u64) -> io::Result<()>;

    /// Writes `bytes` zeros from the start. Written, and not only reserved: the first write into
    /// reserved space makes the file system note that the space is now used, which costs an append
    /// a commit of the file system's journal.
    fn fill_zero(&self, bytes: u64) -> io::Result<()> {
        let zeros = vec![0_u8; FILL_BYTES];
        let mut at = 0;
        while at < bytes {
            let piece = (bytes - at).min(FILL_BYTES as u64);
            self.write_at(&zeros[..piece as usize], at)?;
            at += piece;
        }
        Ok(())
    }
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct LockGuard {
    _held: Box<dyn Any + Send + Sync>,
}

impl LockGuard {
    /// Wraps whatever releases the lock when it is dropped.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self { _held: Box::new(held) }
    }
}
