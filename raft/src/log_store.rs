//! openraft's log of one group, on the node's shared write-ahead log.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::codec;
use crate::mutant::{Mutant, planted};
use crate::types::{Entry, LogId, TypeConfig, Vote};
use crate::wal::{GroupId, Op, Wal};

/// Slots of a group's metadata in the write-ahead log.
pub(crate) mod slot {
    /// The vote of the replica.
    pub(crate) const VOTE: u8 = 0;
    /// The last entry known to be committed; may lag.
    pub(crate) const COMMITTED: u8 = 1;
    /// The last purged entry.
    pub(crate) const PURGED: u8 = 2;
    /// Whether the replica remembers all that it acknowledged: see `memory.rs`.
    pub(crate) const MEMORY: u8 = 3;
}

/// Entries read for one replication request, in bytes.
const MAX_READ_BYTES: usize = 8 << 20;

/// Entries at the end of the log among which the last one of an earlier leader is looked for.
const NEWEST: u64 = 64;

/// The log of one group.
#[derive(Clone)]
pub(crate) struct LogStore {
    wal: Wal,
    group: GroupId,
    /// Rides along with the next append: losing it costs nothing but a later replay.
    committed: Arc<Mutex<Option<LogId>>>,
}

impl LogStore {
    pub(crate) fn new(wal: Wal, group: GroupId) -> Self {
        Self { wal, group, committed: Arc::default() }
    }

    /// Drops the entries of a deposed leader that a stored snapshot contradicts. Whoever stops after it
    /// stored a peer's snapshot and before it truncated its log has both, and openraft refuses to start
    /// from that.
    pub(crate) async fn agree_with(&self, snapshot: LogId) -> io::Result<()> {
        let index = snapshot.index;
        let ours = self.read(index, index + 1, usize::MAX)?;
        if ours.first().is_some_and(|entry| entry.log_id != snapshot) {
            return self.durable(vec![Op::TruncateFrom { index }]).await;
        }
        Ok(())
    }

    /// The newest entry of an earlier leader than this one, if it is among the newest [`NEWEST`].
    pub(crate) fn last_before(&self, vote: Vote) -> Option<LogId> {
        let (_, last) = self.wal.first_last(self.group)?;
        let newest = self.read((last + 1).saturating_sub(NEWEST), last + 1, usize::MAX).ok()?;
        let older = newest.iter().rev().find(|entry| entry.log_id.leader_id < vote.leader_id);
        older.map(|entry| entry.log_id)
    }

    fn log_id_slot(&self, slot: u8) -> io::Result<Option<LogId>> {
        let bytes = self.wal.meta(self.group, slot);
        bytes.map(|bytes| codec::decode_log_id(&bytes)).transpose().map_err(io::Error::other)
    }

    /// Submits and waits until it is on the disk.
    async fn durable(&self, ops: Vec<Op>) -> io::Result<()> {
        let (done, flushed) = oneshot::channel();
        self.wal.submit(self.group, ops, Box::new(move |result| drop(done.send(result))));
        match flushed.await {
            Ok(result) => result.map_err(io::Error::other),
            Err(_) => Err(io::Error::other("the write-ahead log has stopped")),
        }
    }

    /// Submits without waiting: what comes later in the log is durable later. A failure stops the log
    /// and with it the node.
    fn queue(&self, ops: Vec<Op>) {
        self.wal.submit(self.group, ops, Box::new(|_| {}));
    }

    fn read(&self, from: u64, to: u64, max_bytes: usize) -> io::Result<Vec<Entry>> {
        let entries =
            self.wal.entries(self.group, from..to, max_bytes).map_err(io::Error::other)?;
        let decode = |(index, bytes)| codec::decode_entry(index, &bytes);
        entries.into_iter().map(decode).collect::<Result<_, _>>().map_err(io::Error::other)
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, io::Error> {
        let from = match range.start_bound() {
            Bound::Included(&from) => from,
            Bound::Excluded(&before) => before + 1,
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(&last) => last + 1,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX,
        };
        self.read(from, to, usize::MAX)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        let bytes = self.wal.meta(self.group, slot::VOTE);
        bytes.map(|bytes| codec::decode_vote(&bytes)).transpose().map_err(io::Error::other)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        self.read(start, end, MAX_READ_BYTES)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let last_purged_log_id = self.log_id_slot(slot::PURGED)?;
        let last_log_id = match self.wal.first_last(self.group) {
            Some((_, last)) => self.read(last, last + 1, usize::MAX)?.first().map(|e| e.log_id),
            None => last_purged_log_id,
        };
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        if planted(Mutant::ForgetsTheVote) {
            return Ok(());
        }
        let data = codec::encode_vote(vote);
        self.durable(vec![Op::Meta { slot: slot::VOTE, data }]).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        *self.committed.lock() = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        let waiting = *self.committed.lock();
        let stored = self.log_id_slot(slot::COMMITTED)?;
        Ok(waiting.max(stored))
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let committed = self.committed.lock().take();
        let mark =
            committed.map(|id| Op::Meta { slot: slot::COMMITTED, data: codec::encode_log_id(id) });
        let mut entries = entries.into_iter().peekable();
        // A log that has never had an entry may begin anywhere: openraft knows what comes before.
        let begins = entries.peek().map_or(0, |e| e.log_id.index);
        let fresh = begins > 1 && self.wal.next_index(self.group).is_none_or(|next| next == 0);
        let begin = fresh.then(|| Op::PurgeTo { index: begins - 1 });
        let entries =
            entries.map(|e| Op::Entry { index: e.log_id.index, data: codec::encode_entry(&e) });
        let ops = begin.into_iter().chain(mark).chain(entries).collect();
        let done = move |result: Result<(), _>| {
            callback.io_completed(result.map_err(io::Error::other));
        };
        self.wal.submit(self.group, ops, Box::new(done));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        self.queue(vec![Op::TruncateFrom { index: last.map_or(0, |id| id.index + 1) }]);
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let mut index = upto.index;
        if planted(Mutant::PurgesTooFar) {
            let last = self.wal.first_last(self.group).map_or(0, |(_, last)| last);
            index = index.max(last.min(index + 5));
        }
        self.queue(vec![
            Op::Meta { slot: slot::PURGED, data: codec::encode_log_id(upto) },
            Op::PurgeTo { index },
        ]);
        Ok(())
    }
}
