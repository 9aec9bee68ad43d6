//! The handle that everybody holds.

use super::error::{Damage, FlushFailed, WalError};
use super::index::{Found, Index, Place};
use super::limits::{Drive, Options, RECORD_HEADER_BYTES, padded};
use super::op::{Done, GroupId, Op};
use super::pool::Preparer;
use super::record::{Kind, Record};
use super::recovery;
use super::segment::Segment;
use super::shared::Shared;
use super::stats::{Pinned, Recovery, WalStats};
use super::writer::Writer;
use crate::disk::Disk;
use bytes::Bytes;
use parking_lot::Mutex;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

/// A write-ahead log that many groups share. Clones are handles of one log; the last one that goes
/// closes it.
#[derive(Clone)]
pub struct Wal {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    runner: Mutex<Runner>,
}

/// Who has the writer.
enum Runner {
    Thread(JoinHandle<()>),
    /// `None` while it does a turn.
    ByHand(Option<Box<Writer>>),
    Closed,
}

impl fmt::Debug for Wal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wal").field("queued_bytes", &self.queued_bytes()).finish_non_exhaustive()
    }
}

impl Wal {
    /// Opens the log of a directory, or creates it. Says what it found.
    ///
    /// Everything that was acknowledged is there afterwards, and everything that is there is
    /// durable. If anything acknowledged is damaged or missing, the log is refused with
    /// [`WalError::Damaged`] and nothing is changed.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
    ) -> Result<(Self, Recovery), WalError> {
        let began = disk.monotonic();
        disk.create_dir_all(dir).map_err(WalError::io("create", dir))?;
        let lock_path = dir.join("LOCK");
        let lock = disk.lock(&lock_path).map_err(WalError::io("lock", &lock_path))?;
        let lock = lock.ok_or_else(|| WalError::Locked { dir: dir.to_path_buf() })?;

        let mut opened = recovery::open(&*disk, dir, &options)?;
        let created = opened.segments.is_empty();
        let pool = recovery::pool(disk.clone(), dir, &options, opened.room)?;
        let prepared = opened.prepared.take();
        let preparer = match options.drive {
            Drive::ByHand => Preparer::here(pool, prepared),
            Drive::Threads => {
                Preparer::there(pool, prepared).map_err(WalError::io("start a thread for", dir))?
            }
        };
        let mut recovery = Recovery {
            created,
            segments: opened.segments.len(),
            records: opened.records,
            torn_bytes: opened.torn_bytes,
            ..Recovery::default()
        };
        let index = std::mem::replace(&mut opened.index, Index::new(0));
        let limit = options.max_queued_bytes;
        let shared =
            Arc::new(Shared::new(index, &opened.segments, opened.room, limit, options.drive));
        let parts = (shared.clone(), preparer);
        let writer = Writer::new(disk.clone(), dir, options.owner, opened, parts, lock)?;
        let runner = match options.drive {
            Drive::ByHand => Runner::ByHand(Some(Box::new(writer))),
            Drive::Threads => {
                let builder = std::thread::Builder::new().name("wal".to_owned());
                let thread = builder.spawn(move || writer.run());
                Runner::Thread(thread.map_err(WalError::io("start a thread for", dir))?)
            }
        };
        recovery.duration = disk.monotonic().saturating_sub(began);
        Ok((Self { inner: Arc::new(Inner { shared, runner: Mutex::new(runner) }) }, recovery))
    }

    /// The groups that have ever written and were not removed.
    pub fn groups(&self) -> Vec<GroupId> {
        self.inner.shared.state.lock().index.groups()
    }

    /// Queues ops of one group, in order; never waits. They are readable at return.
    ///
    /// `done` runs once, on the log's thread, in the order of submits: with `Ok` when the ops are
    /// durable. All of the ops are refused if one of them is. A refusal changes nothing, and is
    /// told through `done` too. No ops at all are a barrier: `done` runs when everything submitted
    /// before is durable.
    ///
    /// Of a log that is closed, `done` is told so at once, on the caller's thread.
    ///
    /// `done` must be short and must neither wait for the log nor panic.
    pub fn submit(&self, group: GroupId, ops: Vec<Op>, done: Done) {
        self.inner.shared.submit(group, ops, done);
    }

    /// Queues ops of one group and waits until they are durable. Not for async callers and not for
    /// callbacks.
    pub fn submit_wait(&self, group: GroupId, ops: Vec<Op>) -> Result<(), FlushFailed> {
        let (send, told) = mpsc::sync_channel(1);
        let done = move |result| {
            let _ = send.send(result);
        };
        self.submit(group, ops, Box::new(done));
        while self.step() {}
        told.recv().unwrap_or(Err(FlushFailed::Closed))
    }

    /// Removes a group with all its entries and values; `done` runs when that is durable. A group
    /// that was removed begins anew with its next op.
    pub fn remove_group(&self, group: GroupId, done: Done) {
        self.inner.shared.remove_group(group, done);
    }

    /// Does one turn of a log that is driven by hand: writes, flushes and tells what is queued.
    /// Returns whether there was anything. Does nothing for a log with threads.
    pub fn step(&self) -> bool {
        let taken = match &mut *self.inner.runner.lock() {
            Runner::ByHand(writer) => writer.take(),
            Runner::Thread(_) | Runner::Closed => None,
        };
        // `None` also inside a callback: the turn that runs it goes on after.
        let Some(mut writer) = taken else { return false };
        let worked = writer.step();
        if !worked {
            writer.mark();
        }
        if let Runner::ByHand(place) = &mut *self.inner.runner.lock() {
            *place = Some(writer);
        }
        worked
    }

    /// Completes when something waits for its turn in a log that is driven by hand; may complete
    /// once too often. For a log with threads it never does.
    pub async fn queued(&self) {
        let shared = &self.inner.shared;
        match &shared.by_hand {
            Some(_) if !shared.state.lock().queue.is_empty() => {}
            Some(driver) => driver.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Index of the first and of the last entry, flushed or not. `None`: the group has no entries.
    pub fn first_last(&self, group: GroupId) -> Option<(u64, u64)> {
        let bounds = self.inner.shared.state.lock().index.bounds(group)?;
        if bounds.is_empty() { None } else { Some((bounds.base, bounds.next - 1)) }
    }

    /// The index that the group's next entry must have. `None`: the group has never written.
    pub fn next_index(&self, group: GroupId) -> Option<u64> {
        Some(self.inner.shared.state.lock().index.bounds(group)?.next)
    }

    /// A group's value, flushed or not.
    pub fn meta(&self, group: GroupId, slot: u8) -> Option<Bytes> {
        self.inner.shared.state.lock().index.meta(group, slot)
    }

    /// The entries of `range` that the group has, flushed or not, as many as fit into `max_bytes`
    /// and at least one. What is not in memory is read from disk, which takes a read per entry.
    pub fn entries(
        &self,
        group: GroupId,
        range: Range<u64>,
        max_bytes: usize,
    ) -> Result<Vec<(u64, Bytes)>, WalError> {
        loop {
            let state = self.inner.shared.state.lock();
            let found = state.index.find(group, range.clone(), max_bytes);
            let on_disk = |found: &&Found| matches!(found, Found::OnDisk { .. });
            let read_back = found.iter().filter(on_disk).count() as u64;
            let segments = if read_back == 0 { None } else { Some(state.segments.clone()) };
            drop(state);
            let mut entries = Vec::with_capacity(found.len());
            let mut moved = false;
            for found in found {
                let (index, len, place) = match found {
                    Found::Here(index, data) => {
                        entries.push((index, data));
                        continue;
                    }
                    Found::OnDisk { index, len, place } => (index, len, place),
                };
                let segment = segments.as_ref().and_then(|all| all.get(&place.segment));
                match segment.map(|segment| read_back_entry(segment, group, index, len, place)) {
                    Some(Ok(data)) => entries.push((index, data)),
                    // Its segment may have been given back meanwhile: only then is that no error.
                    Some(Err(error)) if self.is_at(group, index, place) => return Err(error),
                    // A segment leaves after its entries, unless the log is closed.
                    None => return Err(WalError::Closed),
                    Some(Err(_)) => {
                        moved = true;
                        break;
                    }
                }
            }
            if !moved {
                self.inner.shared.state.lock().stats.entries_read_back += read_back;
                return Ok(entries);
            }
        }
    }

    fn is_at(&self, group: GroupId, index: u64, place: Place) -> bool {
        self.inner.shared.state.lock().index.is_at(group, index, place)
    }

    /// Who keeps the oldest segment from being recycled. While many segments are in use, its group
    /// is the one to make a snapshot of and to purge, however idle it is.
    pub fn pinned(&self) -> Option<Pinned> {
        let state = self.inner.shared.state.lock();
        let (segment, group, index) = state.index.oldest()?;
        let segments = state.segments.range(segment..).count();
        Some(Pinned { group, index, segments })
    }

    /// Bytes that wait for their flush. Admission refuses new work while they are many: beyond
    /// [`Options::max_queued_bytes`] submits are refused as
    /// [`Refusal::Busy`](super::Refusal::Busy).
    pub fn queued_bytes(&self) -> usize {
        self.inner.shared.queued_bytes()
    }

    /// Largest payload of an entry or value in this log.
    pub fn record_limit(&self) -> usize {
        self.inner.shared.room.record_limit()
    }

    /// What the log has done so far.
    pub fn stats(&self) -> WalStats {
        let state = self.inner.shared.state.lock();
        WalStats {
            segments: state.segments.len(),
            cached_bytes: state.index.cached_bytes(),
            queued_bytes: self.queued_bytes(),
            ..state.stats.clone()
        }
    }

    /// Why the log has stopped for ever, if it has.
    pub fn failed(&self) -> Option<Arc<WalError>> {
        self.inner.shared.state.lock().failure.clone()
    }

    /// Runs a callback when the log stops for ever; at once if it has.
    pub fn on_failure(&self, callback: impl FnOnce(Arc<WalError>) + Send + 'static) {
        let mut state = self.inner.shared.state.lock();
        match state.failure.clone() {
            Some(failure) => {
                drop(state);
                callback(failure);
            }
            None => state.on_failure.push(Box::new(callback)),
        }
    }

    /// Writes and flushes what is queued, tells everybody, and ends the log's threads. Submits
    /// through other handles fail from now on. Not for callbacks.
    pub fn close(self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        self.shared.state.lock().closing = true;
        self.shared.wake.notify_all();
        match std::mem::replace(&mut *self.runner.lock(), Runner::Closed) {
            Runner::Thread(thread) => {
                // The last handle may go in a callback: the thread ends by itself then.
                if thread.thread().id() != std::thread::current().id() {
                    // A panic there was reported where it happened.
                    let _ = thread.join();
                }
            }
            Runner::ByHand(Some(writer)) => writer.finish(),
            Runner::ByHand(None) | Runner::Closed => {}
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A log that is driven by hand and not closed ends like a killed process.
        if matches!(*self.runner.lock(), Runner::Thread(_)) {
            self.close();
        }
    }
}

/// Reads an entry's record and checks that it is the one.
fn read_back_entry(
    segment: &Segment,
    group: GroupId,
    index: u64,
    len: u32,
    place: Place,
) -> Result<Bytes, WalError> {
    let payload = RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + len as usize;
    let mut bytes = vec![0; RECORD_HEADER_BYTES + padded(len as usize)];
    let read = segment.file.read_at(&mut bytes, u64::from(place.offset));
    read.map_err(WalError::io("read", &segment.path))?;
    let is_it = Record::decode(segment.seed, &bytes).is_some_and(|record| {
        record.kind == Kind::Entry
            && (record.group, record.index, record.payload.len()) == (group, index, len as usize)
    });
    if !is_it {
        return Err(segment.damaged(place.offset as usize, Damage::BadEntry { group, index }));
    }
    Ok(Bytes::from(bytes).slice(payload))
}
