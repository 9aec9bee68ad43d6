//! What submitters, readers and the writer share, behind one short lock that is never held over the
//! disk.

use super::error::{FlushFailed, Refusal, WalError};
use super::index::Index;
use super::limits::{Drive, QUEUED_OP_BYTES, Room};
use super::op::{Done, GroupId, Op};
use super::segment::Segment;
use super::stats::WalStats;
use crate::mutant::{Mutant, planted};
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Runs once when the log stops for ever.
pub(super) type OnFailure = Box<dyn FnOnce(Arc<WalError>) + Send>;

/// Something that waits for its turn with the writer.
pub(super) struct Submission {
    pub(super) group: GroupId,
    pub(super) work: Work,
    /// The serial of the first op.
    pub(super) first_serial: u64,
    /// What it counts in the queue.
    pub(super) bytes: usize,
    pub(super) done: Done,
}

/// What the writer does with it.
pub(super) enum Work {
    Ops(Vec<Op>),
    Remove,
    /// Nothing but to tell, when everything submitted before has been told.
    Fail(FlushFailed),
}

/// The shared part of a log.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Signalled when something is queued or the log closes.
    pub(super) wake: Condvar,
    /// Signalled when something is queued in a log that is driven by hand.
    pub(super) by_hand: Option<Notify>,
    /// Bytes that wait for their flush; written under the lock, read without.
    queued_bytes: AtomicUsize,
    max_queued_bytes: usize,
    pub(super) room: Room,
}

/// The part behind the lock.
pub(super) struct State {
    pub(super) index: Index,
    /// The segments that hold records.
    pub(super) segments: BTreeMap<u64, Arc<Segment>>,
    pub(super) queue: Vec<Submission>,
    /// Why the log has stopped for ever.
    pub(super) failure: Option<Arc<WalError>>,
    pub(super) on_failure: Vec<OnFailure>,
    /// The writer has been asked to finish.
    pub(super) closing: bool,
    pub(super) stats: WalStats,
}

impl Shared {
    pub(super) fn new(
        index: Index,
        segments: &[Arc<Segment>],
        room: Room,
        max_queued_bytes: usize,
        drive: Drive,
    ) -> Self {
        let by_hand = (drive == Drive::ByHand).then(Notify::new);
        let state = State {
            index,
            segments: segments.iter().map(|segment| (segment.sequence, segment.clone())).collect(),
            queue: Vec::new(),
            failure: None,
            on_failure: Vec::new(),
            closing: false,
            stats: WalStats::default(),
        };
        let (wake, queued_bytes) = (Condvar::new(), AtomicUsize::new(0));
        Self { state: Mutex::new(state), wake, by_hand, queued_bytes, max_queued_bytes, room }
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    /// Applies ops to the index and queues them; or queues the news that they are refused.
    pub(super) fn submit(&self, group: GroupId, ops: Vec<Op>, done: Done) {
        let bytes = ops.iter().map(|op| op.data_len() + QUEUED_OP_BYTES).sum();
        self.queue(group, bytes, done, |state| {
            state.index.check(group, &ops, self.room)?;
            let first_serial = state.index.apply(group, &ops);
            Ok((first_serial, Work::Ops(ops)))
        });
    }

    /// Forgets a group and queues its removal.
    pub(super) fn remove_group(&self, group: GroupId, done: Done) {
        self.queue(group, QUEUED_OP_BYTES, done, |state| {
            state.index.remove(group);
            Ok((0, Work::Remove))
        });
    }

    fn queue(
        &self,
        group: GroupId,
        bytes: usize,
        done: Done,
        apply: impl FnOnce(&mut State) -> Result<(u64, Work), FlushFailed>,
    ) {
        let mut state = self.state.lock();
        if state.closing {
            drop(state);
            return done(Err(FlushFailed::Closed));
        }
        let (queued, limit) = (self.queued_bytes(), self.max_queued_bytes);
        let applied = match &state.failure {
            Some(failure) => Err(FlushFailed::Stopped(failure.clone())),
            None if queued + bytes > limit && bytes > 0 => {
                Err(Refusal::Busy { queued, limit }.into())
            }
            None => apply(&mut state),
        };
        let (bytes, (first_serial, work)) = match applied {
            Ok(applied) => (bytes, applied),
            Err(failed) => (0, (0, Work::Fail(failed))),
        };
        self.queued_bytes.store(queued + bytes, Ordering::Relaxed);
        let (done, early): (Done, Option<Done>) = match planted(Mutant::TellsBeforeTheFlush) {
            true => (Box::new(|_| {}), Some(done)),
            false => (done, None),
        };
        state.queue.push(Submission { group, work, first_serial, bytes, done });
        // Only the first of a queue can find the writer asleep.
        let wakes = state.queue.len() == 1;
        drop(state);
        if let Some(done) = early {
            done(Ok(()));
        }
        if wakes {
            match &self.by_hand {
                Some(driver) => driver.notify_one(),
                None => drop(self.wake.notify_one()),
            }
        }
    }

    /// Notes that queued bytes have been flushed or have failed.
    pub(super) fn release(&self, bytes: usize) {
        // Under the lock, since submits add to it under the lock.
        let _state = self.state.lock();
        let queued = self.queued_bytes();
        debug_assert!(queued >= bytes, "released {bytes} of {queued} queued bytes");
        self.queued_bytes.store(queued.saturating_sub(bytes), Ordering::Relaxed);
    }

    /// Stops the log for ever. The first failure counts.
    pub(super) fn fail(&self, error: WalError) -> Arc<WalError> {
        let mut state = self.state.lock();
        if let Some(failure) = &state.failure {
            return failure.clone();
        }
        tracing::error!(%error, hint = error.hint(), "the log stops");
        let failure = Arc::new(error);
        state.failure = Some(failure.clone());
        let callbacks = std::mem::take(&mut state.on_failure);
        drop(state);
        callbacks.into_iter().for_each(|callback| callback(failure.clone()));
        failure
    }
}
