//! The one who writes: takes what is queued, writes it as one batch, flushes once, and tells
//! everybody.

use super::batch::{self, BatchBuffer};
use super::error::{Damage, FlushFailed, WalError};
use super::format;
use super::index::Flushed;
use super::ledger::Ledger;
use super::limits::{MAX_BATCH_BYTES, SEGMENT_HEADER_BYTES, whole_sectors};
use super::op::{Done, GroupId, Op};
use super::pool::Preparer;
use super::record::{Kind, Record};
use super::recovery::Opened;
use super::segment::Segment;
use super::shared::{Shared, Submission, Work};
use crate::disk::{Disk, LockGuard};
use crate::mutant::{Mutant, planted};
use std::path::Path;
use std::sync::Arc;

/// The writer's state: where the log ends, and the batch that is being filled.
pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    preparer: Preparer,
    /// All groups after the records put into batches so far.
    ledger: Ledger,
    active: Arc<Segment>,
    /// Where in the active segment the next batch begins.
    end: usize,
    /// The number of the next batch.
    number: u64,
    batch: BatchBuffer,
    /// The entries in the batch.
    entries: Vec<Flushed>,
    /// Who is told when the batch is flushed.
    waiting: Vec<Waiting>,
    /// The batch may have freed old segments.
    frees: bool,
    /// The batch is the first of its segment.
    begins_segment: bool,
    /// A mark follows the last batch.
    marked: bool,
    _lock: LockGuard,
}

/// Someone who is told when the batch is flushed.
struct Waiting {
    done: Done,
    /// What their ops count in the queue.
    bytes: usize,
    /// What they are told if the flush succeeds.
    result: Result<(), FlushFailed>,
}

impl Writer {
    /// Continues an opened log, or begins a new one.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        owner: u64,
        opened: Opened,
        (shared, mut preparer): (Arc<Shared>, Preparer),
        lock: LockGuard,
    ) -> Result<Self, WalError> {
        let is_new = opened.segments.is_empty();
        let active = match opened.segments.last() {
            Some(active) => active.clone(),
            None => preparer.take(1)?,
        };
        let mut writer = Self {
            shared,
            disk,
            preparer,
            ledger: opened.ledger,
            active,
            end: opened.end,
            number: opened.next_batch,
            batch: BatchBuffer::default(),
            entries: Vec::new(),
            waiting: Vec::new(),
            frees: true,
            begins_segment: false,
            marked: !is_new,
            _lock: lock,
        };
        if is_new {
            writer.begin_segment();
            writer.write_batch()?;
            format::write(&*writer.disk, dir, owner, writer.shared.room)?;
        }
        writer.preparer.ask(writer.active.sequence + 1);
        writer.recycle();
        Ok(writer)
    }

    /// Does one turn: everything that is queued now. Returns whether there was anything.
    pub(super) fn step(&mut self) -> bool {
        let mut state = self.shared.state.lock();
        let queue = std::mem::take(&mut state.queue);
        let failure = state.failure.clone();
        drop(state);
        if queue.is_empty() {
            return false;
        }
        let mut queue = queue.into_iter();
        if let Some(failure) = failure {
            self.tell_stopped(&failure, queue);
            return true;
        }
        while let Some(submission) = queue.next() {
            if let Err(error) = self.put(submission) {
                self.stop(error, queue);
                return true;
            }
        }
        if let Err(error) = self.flush() {
            self.stop(error, queue);
        }
        true
    }

    /// Writes and tells until the log closes and nothing is queued.
    pub(super) fn run(mut self) {
        loop {
            while self.step() {}
            self.mark();
            let mut state = self.shared.state.lock();
            while state.queue.is_empty() && !state.closing {
                self.shared.wake.wait(&mut state);
            }
            if state.queue.is_empty() {
                break;
            }
        }
        self.finish();
    }

    /// Writes what is still queued, and a mark, so that the next start knows that everything was
    /// flushed.
    pub(super) fn finish(mut self) {
        while self.step() {}
        self.mark();
        if self.shared.state.lock().failure.is_none() {
            let flushed = self.active.file.sync_data();
            if let Err(error) = flushed.map_err(WalError::io("flush", &self.active.path)) {
                self.shared.fail(error);
            }
        }
        self.shared.state.lock().segments.clear();
    }

    /// Puts a submission into the batch, flushing first what does not fit.
    fn put(&mut self, submission: Submission) -> Result<(), WalError> {
        let Submission { group, work, first_serial, bytes, done } = submission;
        let (result, put) = match work {
            Work::Ops(ops) => {
                let mut numbered = (first_serial..).zip(&ops);
                let put = numbered.try_for_each(|(serial, op)| self.put_op(group, op, serial));
                (Ok(()), put)
            }
            Work::Remove => (Ok(()), self.put_removal(group)),
            Work::Fail(failed) => (Err(failed), Ok(())),
        };
        self.waiting.push(Waiting { done, bytes, result });
        put
    }

    fn put_op(&mut self, group: GroupId, op: &Op, serial: u64) -> Result<(), WalError> {
        self.make_room(op.record_bytes())?;
        let at = self.batch.push(self.active.seed, &Record::of(group, op));
        let offset = (self.end + at) as u32;
        match op {
            Op::Entry { index, .. } => {
                self.entries.push(Flushed { group, index: *index, serial, offset });
            }
            Op::TruncateFrom { .. } | Op::PurgeTo { .. } => self.frees = true,
            Op::Meta { .. } => {}
        }
        // The index let it pass in the same order, so the ledger does too.
        self.ledger.apply(group, op, self.active.sequence).map_err(|refusal| {
            self.active.damaged(offset as usize, Damage::OutOfOrder { group, refusal })
        })
    }

    fn put_removal(&mut self, group: GroupId) -> Result<(), WalError> {
        let record = Record::bare(Kind::Remove, group, 0);
        self.make_room(record.disk_bytes())?;
        self.batch.push(self.active.seed, &record);
        self.ledger.remove(group);
        self.frees = true;
        Ok(())
    }

    /// Makes the batch one that has room for a record: flushes it, or goes on to the next segment,
    /// or both.
    fn make_room(&mut self, record_bytes: usize) -> Result<(), WalError> {
        let end = self.shared.room.end();
        let fits = |end_of_batch: usize, batch: &BatchBuffer| {
            end_of_batch + whole_sectors(batch.len() + record_bytes) <= end
        };
        if !self.batch.is_empty()
            && (!fits(self.end, &self.batch) || self.batch.len() + record_bytes > MAX_BATCH_BYTES)
        {
            self.flush()?;
        }
        if !fits(self.end, &self.batch) {
            self.active = self.preparer.take(self.active.sequence + 1)?;
            self.end = SEGMENT_HEADER_BYTES;
            self.marked = false;
            self.begin_segment();
            assert!(fits(self.end, &self.batch), "a record takes less than half a segment");
        }
        Ok(())
    }

    /// Puts the checkpoint in front of the first batch of a segment: nothing but entries is needed
    /// from older ones.
    fn begin_segment(&mut self) {
        let (seed, batch) = (self.active.seed, &mut self.batch);
        debug_assert!(batch.is_empty(), "the checkpoint is the first of its batch");
        self.ledger.checkpoint(|record| {
            batch.push(seed, record);
        });
        self.begins_segment = true;
        let mut state = self.shared.state.lock();
        state.segments.insert(self.active.sequence, self.active.clone());
    }

    /// Writes and flushes the batch and tells those who wait for it.
    fn flush(&mut self) -> Result<(), WalError> {
        if !self.batch.is_empty() {
            self.write_batch()?;
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.shared.release(waiting.iter().map(|waiting| waiting.bytes).sum());
        for Waiting { done, result, .. } in waiting {
            tell(&self.shared, done, result);
        }
        if self.frees {
            self.recycle();
        }
        if std::mem::take(&mut self.begins_segment) {
            // Not earlier: that it exists proves that this segment's first batch was flushed.
            self.preparer.ask(self.active.sequence + 1);
        }
        Ok(())
    }

    /// One write, one flush.
    fn write_batch(&mut self) -> Result<(), WalError> {
        let segment = &self.active;
        let records = u64::from(self.batch.records());
        let bytes = self.batch.seal(segment.seed, segment.sequence, self.number, self.end as u32);
        let written = bytes.len();
        assert!(self.end + written <= self.shared.room.end(), "a batch ends before the mark");
        let began = self.disk.monotonic();
        let result = segment.file.write_at(bytes, self.end as u64);
        result.map_err(WalError::io("write", &segment.path))?;
        if !planted(Mutant::SkipsTheFlush) {
            segment.file.sync_data().map_err(WalError::io("flush", &segment.path))?;
        }
        let took = self.disk.monotonic().saturating_sub(began);
        self.batch.clear();
        self.end += written;
        self.number += 1;
        self.marked = false;
        let mut state = self.shared.state.lock();
        state.index.flushed(segment.sequence, &self.entries);
        state.stats.flushed(written as u64, records, took);
        self.entries.clear();
        Ok(())
    }

    /// Gives the segments back that nothing depends on any more.
    fn recycle(&mut self) {
        self.frees = false;
        let oldest = self.ledger.oldest().map_or(self.active.sequence, |(segment, _)| segment);
        let mut state = self.shared.state.lock();
        let kept = state.segments.split_off(&oldest);
        let free = std::mem::replace(&mut state.segments, kept);
        state.stats.segments_recycled += free.len() as u64;
        drop(state);
        free.into_values().for_each(|segment| self.preparer.recycle(segment));
    }

    /// Writes behind the last batch that it was flushed, when there is nothing else to do. Not
    /// flushed itself: without it the last batch is merely one that might be torn.
    pub(super) fn mark(&mut self) {
        if self.marked || self.shared.state.lock().failure.is_some() {
            return;
        }
        self.marked = true;
        let segment = &self.active;
        let mark = batch::mark(segment.seed, segment.sequence, self.number, self.end as u32);
        let written = segment.file.write_at(&mark, self.end as u64);
        if let Err(error) = written.map_err(WalError::io("write", &segment.path)) {
            self.shared.fail(error);
        }
    }

    /// Stops the log and tells everybody who waits, in order.
    fn stop(&mut self, error: WalError, rest: impl Iterator<Item = Submission>) {
        let failure = self.shared.fail(error);
        self.tell_stopped(&failure, rest);
    }

    fn tell_stopped(&mut self, failure: &Arc<WalError>, rest: impl Iterator<Item = Submission>) {
        self.batch.clear();
        self.entries.clear();
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let waiting = waiting.map(|waiting| (waiting.done, waiting.bytes));
        for (done, bytes) in waiting.chain(rest.map(|rest| (rest.done, rest.bytes))) {
            self.shared.release(bytes);
            tell(&self.shared, done, Err(FlushFailed::Stopped(failure.clone())));
        }
    }
}

/// Runs a callback. One that panics stops the log, not its thread: the others are still told.
fn tell(shared: &Shared, done: Done, result: Result<(), FlushFailed>) {
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| done(result)));
    if told.is_err() {
        shared.fail(WalError::Panicked);
    }
}
