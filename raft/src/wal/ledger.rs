//! The state of all groups after the records written so far: what a checkpoint says, and which
//! segments still matter.
//!
//! The writer keeps it in the order of the disk, which lags behind the order of submits; recovery
//! builds the same one.

use super::error::{Damage, Refusal};
use super::limits::{MAX_INDEX, RECORD_HEADER_BYTES, padded};
use super::op::{Bounds, GroupId, Op};
use super::record::{Kind, Record};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// Bytes of a group's next index in its `Bounds` record.
const NEXT_BYTES: usize = 8;

/// Bytes that a group takes in a checkpoint, without its values.
pub(super) const CHECKPOINT_GROUP_BYTES: usize = RECORD_HEADER_BYTES + NEXT_BYTES;

/// Bytes that end a checkpoint.
pub(super) const CHECKPOINT_END_BYTES: usize = RECORD_HEADER_BYTES;

/// Bytes that a value takes in a checkpoint.
pub(super) fn checkpoint_value_bytes(data: &[u8]) -> usize {
    RECORD_HEADER_BYTES + padded(data.len())
}

/// A group as the disk has it.
#[derive(Debug, Clone, Default)]
struct Group {
    bounds: Bounds,
    metas: BTreeMap<u8, Bytes>,
    /// Which entries are in which segment: each span reaches to the next one's first entry.
    spans: VecDeque<Span>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    segment: u64,
    first: u64,
}

/// All groups as the disk has them.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    groups: BTreeMap<GroupId, Group>,
}

impl Ledger {
    /// Notes an op whose record is in `segment`.
    pub(super) fn apply(&mut self, id: GroupId, op: &Op, segment: u64) -> Result<(), Refusal> {
        let group = self.groups.entry(id).or_default();
        group.bounds = group.bounds.after(op)?;
        match op {
            Op::Entry { index, .. } => {
                if group.spans.back().is_none_or(|last| last.segment != segment) {
                    group.spans.push_back(Span { segment, first: *index });
                }
            }
            Op::TruncateFrom { index } => {
                while group.spans.back().is_some_and(|last| last.first >= *index) {
                    group.spans.pop_back();
                }
            }
            Op::PurgeTo { .. } => {
                let base = group.bounds.base;
                while group.spans.get(1).is_some_and(|second| second.first <= base) {
                    group.spans.pop_front();
                }
                if group.bounds.is_empty() {
                    group.spans.clear();
                }
            }
            Op::Meta { slot, data } => {
                group.metas.insert(*slot, data.clone());
            }
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, id: GroupId) {
        self.groups.remove(&id);
    }

    /// The oldest segment with an entry that is neither purged nor truncated, and the group that
    /// holds it.
    pub(super) fn oldest(&self) -> Option<(u64, GroupId)> {
        let first = |(id, group): (&GroupId, &Group)| Some((group.spans.front()?.segment, *id));
        self.groups.iter().filter_map(first).min()
    }

    /// Calls `write` with each record of a checkpoint. Read again, they make this ledger but for
    /// the entries' places.
    pub(super) fn checkpoint(&self, mut write: impl FnMut(&Record<'_>)) {
        let mut records = 0;
        for (id, group) in &self.groups {
            let next = group.bounds.next.to_le_bytes();
            let bare = Record::bare(Kind::Bounds, *id, group.bounds.base);
            write(&Record { payload: &next, ..bare });
            for (slot, data) in &group.metas {
                let bare = Record::bare(Kind::Meta, *id, 0);
                write(&Record { slot: *slot, payload: data, ..bare });
            }
            records += 1 + group.metas.len() as u64;
        }
        write(&Record::bare(Kind::CheckpointEnd, 0, records));
    }

    /// Notes a record of a checkpoint that is being read. Other kinds are not part of one.
    pub(super) fn read_checkpoint(&mut self, record: &Record<'_>) -> Result<(), Damage> {
        let group = self.groups.entry(record.group).or_default();
        match (record.kind, <[u8; NEXT_BYTES]>::try_from(record.payload)) {
            (Kind::Bounds, Ok(next)) => {
                let bounds = Bounds { base: record.index, next: u64::from_le_bytes(next) };
                if bounds.base > bounds.next || bounds.next > MAX_INDEX + 1 {
                    return Err(Damage::Checkpoint { group: record.group });
                }
                group.bounds = bounds;
            }
            (Kind::Meta, _) => {
                group.metas.insert(record.slot, Bytes::copy_from_slice(record.payload));
            }
            _ => return Err(Damage::Checkpoint { group: record.group }),
        }
        Ok(())
    }

    /// The first group whose bounds or values differ.
    pub(super) fn difference(&self, other: &Self) -> Option<GroupId> {
        let same = |id: &&GroupId| match (self.groups.get(id), other.groups.get(id)) {
            (Some(ours), Some(theirs)) => {
                ours.bounds == theirs.bounds && ours.metas == theirs.metas
            }
            _ => false,
        };
        self.groups.keys().chain(other.groups.keys()).find(|id| !same(id)).copied()
    }

    /// Groups with their bounds and values.
    pub(super) fn groups(
        &self,
    ) -> impl Iterator<Item = (GroupId, Bounds, &BTreeMap<u8, Bytes>)> + '_ {
        self.groups.iter().map(|(id, group)| (*id, group.bounds, &group.metas))
    }

    /// Entries that the bounds promise and no segment has.
    pub(super) fn missing(&self) -> Option<Damage> {
        self.groups.iter().find_map(|(id, group)| {
            let Bounds { base, next } = group.bounds;
            let found = group.spans.front().map_or(next, |span| span.first);
            (found > base).then(|| Damage::MissingEntries { group: *id, from: base, to: found - 1 })
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(index: u64) -> Op {
        Op::Entry { index, data: Bytes::from_static(b"x") }
    }

    fn ledger(ops: &[(GroupId, Op, u64)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (group, op, segment) in ops {
            ledger.apply(*group, op, *segment).unwrap();
        }
        ledger
    }

    #[test]
    fn the_oldest_segment_is_that_of_the_first_entry_left() {
        let ops = [(1, entry(0), 1), (2, entry(0), 1), (1, entry(1), 2), (2, entry(1), 3)];
        let mut ledger = ledger(&ops);
        assert_eq!(ledger.oldest(), Some((1, 1)));
        ledger.apply(1, &Op::PurgeTo { index: 0 }, 3).unwrap();
        assert_eq!(ledger.oldest(), Some((1, 2)), "group 2 still holds segment 1");
        ledger.apply(2, &Op::TruncateFrom { index: 0 }, 3).unwrap();
        assert_eq!(ledger.oldest(), Some((2, 1)));
        ledger.remove(1);
        assert_eq!(ledger.oldest(), None);
    }

    #[test]
    fn a_truncation_inside_a_span_keeps_its_beginning() {
        let mut ledger = ledger(&[(1, entry(0), 1), (1, entry(1), 1), (1, entry(2), 2)]);
        ledger.apply(1, &Op::TruncateFrom { index: 1 }, 2).unwrap();
        ledger.apply(1, &entry(1), 3).unwrap();
        assert_eq!(ledger.oldest(), Some((1, 1)));
        ledger.apply(1, &Op::PurgeTo { index: 0 }, 3).unwrap();
        assert_eq!(ledger.oldest(), Some((3, 1)));
    }

    #[test]
    fn a_checkpoint_makes_the_same_ledger() {
        let meta = Op::Meta { slot: 3, data: Bytes::from_static(b"vote") };
        let ops = [(1, entry(1), 1), (1, meta, 1), (9, Op::PurgeTo { index: 5 }, 1)];
        let ledger = ledger(&ops);
        let mut read = Ledger::default();
        let mut bytes = 0;
        ledger.checkpoint(|record| {
            bytes += record.disk_bytes();
            if record.kind != Kind::CheckpointEnd {
                read.read_checkpoint(record).unwrap();
            }
        });
        assert_eq!(ledger.difference(&read), None);
        let expected = 2 * CHECKPOINT_GROUP_BYTES + checkpoint_value_bytes(b"vote");
        assert_eq!(bytes, expected + CHECKPOINT_END_BYTES);
        let missing = Damage::MissingEntries { group: 1, from: 1, to: 1 };
        assert_eq!(read.missing(), Some(missing), "a checkpoint has no entries");
        assert_eq!(ledger.missing(), None);
    }
}
