//! What a group writes.

use super::error::{FlushFailed, Refusal};
use super::limits::{MAX_INDEX, RECORD_HEADER_BYTES, padded};
use bytes::Bytes;

/// A Raft group. The log knows it as a number.
pub type GroupId = u32;

/// Runs once: when the ops it was submitted with are durable, or cannot become so.
pub type Done = Box<dyn FnOnce(Result<(), FlushFailed>) + Send>;

/// One change of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Appends an entry behind the last one. The first entry that a group ever has is entry 0 or 1.
    Entry {
        /// Its index: one more than that of the last entry, or than the last purged index.
        index: u64,
        /// Its payload.
        data: Bytes,
    },
    /// Removes the entries from this index on.
    TruncateFrom {
        /// The first index that goes.
        index: u64,
    },
    /// Removes the entries up to this index. It may lie beyond the last entry, as after the install
    /// of a snapshot: then the log is empty and goes on behind it.
    PurgeTo {
        /// The last index that goes.
        index: u64,
    },
    /// Sets a named value (vote, committed index, last purged id): the last one wins.
    Meta {
        /// Which value.
        slot: u8,
        /// The value.
        data: Bytes,
    },
}

impl Op {
    /// The payload's length in bytes.
    pub(super) fn data_len(&self) -> usize {
        match self {
            Self::Entry { data, .. } | Self::Meta { data, .. } => data.len(),
            Self::TruncateFrom { .. } | Self::PurgeTo { .. } => 0,
        }
    }

    /// Bytes of its record on disk.
    pub(super) fn record_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + padded(self.data_len())
    }
}

/// The indices that a group's log spans: `base..next`. Everything below `base` is purged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The first index that is not purged.
    pub(super) base: u64,
    /// The index of the next entry.
    pub(super) next: u64,
}

impl Bounds {
    /// The bounds after `op`, or why it cannot follow.
    pub(super) fn after(mut self, op: &Op) -> Result<Self, Refusal> {
        match *op {
            Op::Entry { index, .. } => {
                let fresh = self == Self::default();
                if index != self.next && !(fresh && index == 1) {
                    return Err(Refusal::Gap { expected: self.next, found: index });
                }
                if index > MAX_INDEX {
                    return Err(Refusal::IndexTooLarge { index });
                }
                if fresh {
                    self.base = index;
                }
                self.next = index + 1;
            }
            Op::TruncateFrom { index } => {
                if index < self.base {
                    return Err(Refusal::TruncatesPurged { first: self.base, index });
                }
                self.next = self.next.min(index);
            }
            Op::PurgeTo { index } => {
                if index > MAX_INDEX {
                    return Err(Refusal::IndexTooLarge { index });
                }
                self.base = self.base.max(index + 1);
                self.next = self.next.max(self.base);
            }
            Op::Meta { .. } => {}
        }
        Ok(self)
    }

    pub(super) fn is_empty(self) -> bool {
        self.base == self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: u64) -> Op {
        Op::Entry { index, data: Bytes::new() }
    }

    #[test]
    fn a_fresh_group_begins_at_zero_or_one_and_leaves_no_gap() {
        let fresh = Bounds::default();
        assert_eq!(fresh.after(&entry(0)), Ok(Bounds { base: 0, next: 1 }));
        assert_eq!(fresh.after(&entry(1)), Ok(Bounds { base: 1, next: 2 }));
        assert_eq!(fresh.after(&entry(2)), Err(Refusal::Gap { expected: 0, found: 2 }));
        let one = Bounds { base: 1, next: 2 };
        assert_eq!(one.after(&entry(3)), Err(Refusal::Gap { expected: 2, found: 3 }));
    }

    #[test]
    fn a_purge_beyond_the_last_entry_moves_the_whole_log() {
        let bounds = Bounds { base: 1, next: 4 };
        assert_eq!(bounds.after(&Op::PurgeTo { index: 9 }), Ok(Bounds { base: 10, next: 10 }));
        assert_eq!(bounds.after(&Op::PurgeTo { index: 0 }), Ok(bounds));
        let too_far = Op::PurgeTo { index: u64::MAX };
        assert_eq!(bounds.after(&too_far), Err(Refusal::IndexTooLarge { index: u64::MAX }));
    }

    #[test]
    fn what_is_purged_cannot_be_truncated() {
        let bounds = Bounds { base: 3, next: 6 };
        assert_eq!(bounds.after(&Op::TruncateFrom { index: 3 }), Ok(Bounds { base: 3, next: 3 }));
        assert_eq!(bounds.after(&Op::TruncateFrom { index: 9 }), Ok(bounds));
        let refused = bounds.after(&Op::TruncateFrom { index: 2 });
        assert_eq!(refused, Err(Refusal::TruncatesPurged { first: 3, index: 2 }));
    }
}
