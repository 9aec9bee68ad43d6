//! The last changes of many trips, kept for watchers.
//!
//! A shard has one journal for all of its trips: it is bounded however many trips there are, a trip that
//! sells fast has more of it than one that rests, and writing a change costs the next cache line instead
//! of a far one. The changes of one trip are a chain from the newest to older ones.

use std::collections::VecDeque;
use std::fmt;

use super::change::Change;
use super::limits::MAX_CHANGES;

/// The end of a chain.
pub(super) const NOWHERE: u64 = u64::MAX;

/// The last changes of some trips, oldest first. A clone is empty: what a copy of a trip goes through is
/// not what the trip went through.
pub struct Journal {
    ring: VecDeque<Entry>,
    /// The number of the oldest entry. Numbers go up and are never used again.
    oldest: u64,
    /// So many are kept.
    limit: usize,
}

struct Entry {
    change: Change,
    /// The number of the change of the same trip before this one, or [`NOWHERE`].
    before: u64,
}

impl Journal {
    /// A journal of the last `limit` changes.
    ///
    /// # Panics
    /// If `limit` is zero.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        assert!(limit > 0, "a journal keeps at least one change");
        Self { ring: VecDeque::new(), oldest: 0, limit }
    }

    /// Adds a change to the chain that ends at `before`; gives the new end.
    #[inline]
    pub(super) fn push(&mut self, before: u64, change: Change) -> u64 {
        if self.ring.len() == self.limit {
            self.ring.pop_front();
            self.oldest += 1;
        }
        let number = self.next_number();
        self.ring.push_back(Entry { change, before });
        number
    }

    /// The number of the next change.
    pub(super) fn next_number(&self) -> u64 {
        self.oldest + self.ring.len() as u64
    }

    /// Takes back every change from a number on.
    pub(super) fn forget_from(&mut self, number: u64) {
        let kept = number.saturating_sub(self.oldest);
        self.ring.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
    }

    /// The changes of a chain that are still kept, newest first.
    pub(super) fn chain(&self, newest: u64) -> impl Iterator<Item = &Change> {
        let mut next = newest;
        std::iter::from_fn(move || {
            let at = usize::try_from(next.checked_sub(self.oldest)?).ok()?;
            let entry = self.ring.get(at)?;
            next = entry.before;
            Some(&entry.change)
        })
    }

    /// Every change, oldest first.
    pub(super) fn into_iter(self) -> impl Iterator<Item = Change> {
        self.ring.into_iter().map(|entry| entry.change)
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::new(MAX_CHANGES)
    }
}

impl Clone for Journal {
    fn clone(&self) -> Self {
        Self::new(self.limit)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({} changes from {})", self.ring.len(), self.oldest)
    }
}
