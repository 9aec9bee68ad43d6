//! The last changes of many trips, kept for watchers.
//!
//! A shard has one journal for all of its trips: it is bounded however many trips there are, a trip that
//! sells fast has more of it than one that rests, and writing a change costs the next cache line instead
//! of a far one. The changes of one trip are a chain from the newest to older ones.

use std::fmt;

use super::change::Change;
use super::limits::MAX_CHANGES;

/// The end of a chain.
pub(super) const NOWHERE: u64 = u64::MAX;

/// The last changes of some trips. A pointer, so that lending it moves little; a journal without a
/// place of its own gets one at its first change. A clone is empty: what a copy of a trip goes through
/// is not what the trip went through.
#[derive(Default)]
pub struct Journal(Option<Box<Ring>>);

/// The changes with numbers from `oldest` to below `next`, each in the place that its number has when
/// counted modulo the limit. Numbers go up.
struct Ring {
    entries: Vec<Entry>,
    oldest: u64,
    next: u64,
    /// The place of `next`.
    at: usize,
    /// So many are kept.
    limit: u64,
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
        Self(Some(Box::new(Ring::new(limit))))
    }

    /// Adds a change to the chain that ends at `before`; gives the new end.
    #[inline]
    pub(super) fn push(&mut self, before: u64, change: Change) -> u64 {
        self.0.get_or_insert_with(|| Box::new(Ring::new(MAX_CHANGES))).push(before, change)
    }

    /// The number of the next change.
    pub(super) fn next_number(&self) -> u64 {
        self.0.as_ref().map_or(0, |ring| ring.next)
    }

    /// Takes back every change from a number on. What they have pushed out stays forgotten.
    pub(super) fn forget_from(&mut self, number: u64) {
        if let Some(ring) = &mut self.0 {
            let next = ring.next.min(number.max(ring.oldest));
            ring.go_to(next, (next % ring.limit) as usize);
        }
    }

    /// The changes of a chain that are still kept, newest first.
    pub(super) fn chain(&self, newest: u64) -> impl Iterator<Item = &Change> {
        let mut at = newest;
        std::iter::from_fn(move || {
            let entry = self.0.as_ref()?.get(at)?;
            at = entry.before;
            Some(&entry.change)
        })
    }

    /// Every change, oldest first.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        let ring = self.0.iter();
        ring.flat_map(|ring| (ring.oldest..ring.next).filter_map(|number| ring.get(number)))
            .map(|entry| &entry.change)
    }
}

impl Ring {
    fn new(limit: usize) -> Self {
        assert!(limit > 0, "a journal keeps at least one change");
        Self { entries: Vec::new(), oldest: 0, next: 0, at: 0, limit: limit as u64 }
    }

    #[inline]
    fn push(&mut self, before: u64, change: Change) -> u64 {
        let (number, entry) = (self.next, Entry { change, before });
        match self.entries.get_mut(self.at) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        self.go_to(number + 1, self.at + 1);
        self.oldest = self.oldest.max(self.next.saturating_sub(self.limit));
        number
    }

    /// Goes on with a number, whose place is `at` or the first one behind the last.
    #[inline]
    fn go_to(&mut self, next: u64, at: usize) {
        self.next = next;
        self.at = if at as u64 == self.limit { 0 } else { at };
    }

    fn get(&self, number: u64) -> Option<&Entry> {
        let kept = (self.oldest..self.next).contains(&number);
        kept.then(|| &self.entries[(number % self.limit) as usize])
    }
}

impl Clone for Journal {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (oldest, next) = self.0.as_ref().map_or((0, 0), |ring| (ring.oldest, ring.next));
        write!(f, "Journal({} changes from {oldest})", next - oldest)
    }
}
