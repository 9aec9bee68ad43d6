//! What readers see: every group's entries in the order of submits, with the newest payloads in
//! memory.

use super::error::Refusal;
use super::ledger::{CHECKPOINT_END_BYTES, CHECKPOINT_GROUP_BYTES, checkpoint_value_bytes};
use super::limits::Room;
use super::op::{Bounds, GroupId, Op};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Stale notes in the queue of evictions that are tolerated beside as many live ones.
const STALE_NOTES: usize = 1024;

/// Where an entry's record is. Segment 0 does not exist: the record is not flushed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u32,
}

/// An entry.
#[derive(Debug)]
struct Slot {
    /// Its payload, until it is evicted.
    data: Option<Bytes>,
    len: u32,
    /// Tells it from an entry of the same index that was truncated.
    serial: u64,
    place: Place,
}

#[derive(Debug, Default)]
struct Group {
    bounds: Bounds,
    /// The entries up to `bounds.next`. While a log is being recovered, those in segments that are
    /// gone are missing in front.
    slots: VecDeque<Slot>,
    metas: BTreeMap<u8, Bytes>,
}

impl Group {
    /// Index of the first slot.
    fn first(&self) -> u64 {
        self.bounds.next - self.slots.len() as u64
    }

    fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(index.checked_sub(self.first())?).ok()?)
    }

    fn slot_mut(&mut self, index: u64) -> Option<&mut Slot> {
        let at = usize::try_from(index.checked_sub(self.first())?).ok()?;
        self.slots.get_mut(at)
    }
}

/// An entry whose record has been flushed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flushed {
    pub(super) group: GroupId,
    pub(super) index: u64,
    pub(super) serial: u64,
    /// Offset of its record in the segment.
    pub(super) offset: u32,
}

/// An entry to read.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Here(u64, Bytes),
    OnDisk { index: u64, len: u32, place: Place },
}

/// All groups as their submitters left them.
#[derive(Debug)]
pub(super) struct Index {
    groups: BTreeMap<GroupId, Group>,
    next_serial: u64,
    cache_limit: usize,
    cached_bytes: usize,
    /// Payloads in memory.
    cached: usize,
    /// Flushed entries with a payload in memory, oldest first; and notes of such that are gone
    /// since.
    evictable: VecDeque<(GroupId, u64, u64)>,
    /// Bytes of a checkpoint of all this.
    checkpoint_bytes: usize,
}

impl Index {
    pub(super) fn new(cache_limit: usize) -> Self {
        Self {
            groups: BTreeMap::new(),
            next_serial: 1,
            cache_limit,
            cached_bytes: 0,
            cached: 0,
            evictable: VecDeque::new(),
            checkpoint_bytes: CHECKPOINT_END_BYTES,
        }
    }

    /// Whether all of `ops` can follow what is there. Changes nothing.
    pub(super) fn check(&self, id: GroupId, ops: &[Op], room: Room) -> Result<(), Refusal> {
        let group = self.groups.get(&id);
        let mut bounds = group.map_or(Bounds::default(), |group| group.bounds);
        let mut checkpoint = self.checkpoint_bytes;
        if group.is_none() && !ops.is_empty() {
            checkpoint += CHECKPOINT_GROUP_BYTES;
        }
        for op in ops {
            let (bytes, limit) = (op.data_len(), room.record_limit());
            if bytes > limit {
                return Err(Refusal::RecordTooLarge { bytes, limit });
            }
            if let Op::Meta { data, .. } = op {
                checkpoint += checkpoint_value_bytes(data);
            }
            bounds = bounds.after(op)?;
        }
        let limit = room.checkpoint_limit();
        if checkpoint > limit && checkpoint > self.checkpoint_bytes {
            // Values that replace others were counted twice: count exactly before refusing.
            let exact = self.checkpoint_after(id, ops);
            if exact > limit {
                return Err(Refusal::MetaTooLarge { bytes: exact, limit });
            }
        }
        Ok(())
    }

    /// The largest checkpoint while `ops` are applied one after the other.
    fn checkpoint_after(&self, id: GroupId, ops: &[Op]) -> usize {
        let group = self.groups.get(&id);
        let mut bytes = self.checkpoint_bytes;
        if group.is_none() {
            bytes += CHECKPOINT_GROUP_BYTES;
        }
        let mut values: BTreeMap<u8, usize> = group
            .map(|group| group.metas.iter().map(|(s, d)| (*s, checkpoint_value_bytes(d))).collect())
            .unwrap_or_default();
        let mut most = bytes;
        for op in ops {
            if let Op::Meta { slot, data } = op {
                let value = checkpoint_value_bytes(data);
                bytes = bytes + value - values.insert(*slot, value).unwrap_or(0);
                most = most.max(bytes);
            }
        }
        most
    }

    /// Applies ops that [`Index::check`] let pass. The ops get consecutive serials; returns the
    /// first one.
    pub(super) fn apply(&mut self, id: GroupId, ops: &[Op]) -> u64 {
        let first_serial = self.next_serial;
        self.next_serial += ops.len() as u64;
        if ops.is_empty() {
            return first_serial;
        }
        let group = self.groups.entry(id).or_insert_with(|| {
            self.checkpoint_bytes += CHECKPOINT_GROUP_BYTES;
            Group::default()
        });
        for (serial, op) in (first_serial..).zip(ops) {
            let after = group.bounds.after(op);
            debug_assert!(after.is_ok(), "checked before: {after:?}");
            let Ok(after) = after else { continue };
            let mut gone = 0..0;
            match op {
                Op::Entry { data, .. } => {
                    let (len, place) = (data.len() as u32, Place::default());
                    group.slots.push_back(Slot { data: Some(data.clone()), len, serial, place });
                    self.cached_bytes += data.len();
                    self.cached += 1;
                }
                Op::TruncateFrom { .. } => {
                    let goes = group.bounds.next - after.next;
                    let keep = group.slots.len().saturating_sub(goes as usize);
                    gone = keep..group.slots.len();
                }
                Op::PurgeTo { .. } => {
                    let goes = after.base.saturating_sub(group.first());
                    gone = 0..group.slots.len().min(usize::try_from(goes).unwrap_or(usize::MAX));
                }
                Op::Meta { slot, data } => {
                    self.checkpoint_bytes += checkpoint_value_bytes(data);
                    if let Some(old) = group.metas.insert(*slot, data.clone()) {
                        self.checkpoint_bytes -= checkpoint_value_bytes(&old);
                    }
                }
            }
            for slot in group.slots.drain(gone) {
                self.cached -= usize::from(slot.data.is_some());
                self.cached_bytes -= slot.data.map_or(0, |data| data.len());
            }
            group.bounds = after;
        }
        self.drop_stale_notes();
        first_serial
    }

    /// Removes a group with all it has.
    pub(super) fn remove(&mut self, id: GroupId) {
        let Some(group) = self.groups.remove(&id) else { return };
        self.checkpoint_bytes -= CHECKPOINT_GROUP_BYTES;
        for data in group.metas.values() {
            self.checkpoint_bytes -= checkpoint_value_bytes(data);
        }
        for data in group.slots.iter().filter_map(|slot| slot.data.as_ref()) {
            self.cached -= 1;
            self.cached_bytes -= data.len();
        }
    }

    /// Takes a group over from a checkpoint, when the first segment of a log is read.
    pub(super) fn restore(&mut self, id: GroupId, bounds: Bounds, metas: &BTreeMap<u8, Bytes>) {
        self.remove(id);
        let values: usize = metas.values().map(|data| checkpoint_value_bytes(data)).sum();
        self.checkpoint_bytes += CHECKPOINT_GROUP_BYTES + values;
        let group = Group { bounds, slots: VecDeque::new(), metas: metas.clone() };
        self.groups.insert(id, group);
    }

    /// Notes where entries are on disk, and evicts payloads beyond the limit.
    pub(super) fn flushed(&mut self, segment: u64, flushed: &[Flushed]) {
        for &Flushed { group: id, index, serial, offset } in flushed {
            let slot = self.groups.get_mut(&id).and_then(|group| group.slot_mut(index));
            if let Some(slot) = slot.filter(|slot| slot.serial == serial) {
                slot.place = Place { segment, offset };
                self.evictable.push_back((id, index, serial));
            }
        }
        while self.cached_bytes > self.cache_limit {
            let Some((id, index, serial)) = self.evictable.pop_front() else { break };
            let slot = self.groups.get_mut(&id).and_then(|group| group.slot_mut(index));
            let slot = slot.filter(|slot| slot.serial == serial);
            if let Some(data) = slot.and_then(|slot| slot.data.take()) {
                self.cached -= 1;
                self.cached_bytes -= data.len();
            }
        }
    }

    /// Purged and truncated entries leave notes behind: clears them when they outnumber the live
    /// ones.
    fn drop_stale_notes(&mut self) {
        if self.evictable.len() <= 2 * self.cached + STALE_NOTES {
            return;
        }
        let groups = &self.groups;
        self.evictable.retain(|(id, index, serial)| {
            let slot = groups.get(id).and_then(|group| group.slot(*index));
            slot.is_some_and(|slot| slot.serial == *serial && slot.data.is_some())
        });
    }

    /// The entries of `range` that are there, from its start; as many as fit into `max_bytes`, but
    /// at least one.
    pub(super) fn find(&self, id: GroupId, range: Range<u64>, max_bytes: usize) -> Vec<Found> {
        let Some(group) = self.groups.get(&id) else { return Vec::new() };
        let from = range.start.max(group.first());
        let to = range.end.min(group.bounds.next);
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        for index in from..to {
            let Some(slot) = group.slot(index) else { break };
            bytes = bytes.saturating_add(slot.len as usize);
            if bytes > max_bytes && !found.is_empty() {
                break;
            }
            found.push(match &slot.data {
                Some(data) => Found::Here(index, data.clone()),
                None => Found::OnDisk { index, len: slot.len, place: slot.place },
            });
        }
        found
    }

    /// Whether an entry is still where it was found.
    pub(super) fn is_at(&self, id: GroupId, index: u64, place: Place) -> bool {
        let slot = self.groups.get(&id).and_then(|group| group.slot(index));
        slot.is_some_and(|slot| slot.place == place)
    }

    /// The oldest segment with an entry, and the group and index of the first one there.
    pub(super) fn oldest(&self) -> Option<(u64, GroupId, u64)> {
        let first = |(id, group): (&GroupId, &Group)| {
            let segment = group.slots.front()?.place.segment;
            (segment > 0).then(|| (segment, *id, group.first()))
        };
        self.groups.iter().filter_map(first).min()
    }

    pub(super) fn groups(&self) -> Vec<GroupId> {
        self.groups.keys().copied().collect()
    }

    pub(super) fn bounds(&self, id: GroupId) -> Option<Bounds> {
        self.groups.get(&id).map(|group| group.bounds)
    }

    pub(super) fn meta(&self, id: GroupId, slot: u8) -> Option<Bytes> {
        self.groups.get(&id)?.metas.get(&slot).cloned()
    }

    pub(super) fn cached_bytes(&self) -> usize {
        self.cached_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { segment_bytes: 4096 };

    fn entry(index: u64, bytes: usize) -> Op {
        Op::Entry { index, data: Bytes::from(vec![index as u8; bytes]) }
    }

    fn flush(index: &mut Index, group: GroupId, entries: Range<u64>, first_serial: u64) {
        let list: Vec<_> = entries
            .zip(first_serial..)
            .map(|(index, serial)| Flushed { group, index, serial, offset: 560 })
            .collect();
        index.flushed(1, &list);
    }

    #[test]
    fn the_oldest_flushed_payloads_leave_first_and_unflushed_ones_stay() {
        let mut index = Index::new(100);
        let first = index.apply(1, &[entry(0, 60), entry(1, 60), entry(2, 60)]);
        assert_eq!(index.cached_bytes(), 180, "nothing is flushed yet");
        flush(&mut index, 1, 0..2, first);
        assert_eq!(index.cached_bytes(), 60);
        let found = index.find(1, 0..9, usize::MAX);
        assert!(matches!(found[0], Found::OnDisk { index: 0, len: 60, .. }));
        assert!(matches!(found[2], Found::Here(2, _)));
    }

    #[test]
    fn a_flush_of_a_truncated_entry_says_nothing_about_its_successor() {
        let mut index = Index::new(0);
        let first = index.apply(1, &[entry(0, 8), Op::TruncateFrom { index: 0 }, entry(0, 8)]);
        flush(&mut index, 1, 0..1, first);
        assert!(matches!(index.find(1, 0..1, 99)[..], [Found::Here(0, _)]));
    }

    #[test]
    fn notes_of_purged_entries_do_not_pile_up() {
        let mut index = Index::new(1 << 20);
        for i in 0..20_000 {
            let first = index.apply(1, &[entry(i, 8)]);
            flush(&mut index, 1, i..i + 1, first);
            index.apply(1, &[Op::PurgeTo { index: i }]);
        }
        assert!(index.evictable.len() <= STALE_NOTES + 2);
        assert_eq!((index.cached, index.cached_bytes), (0, 0));
    }

    #[test]
    fn values_of_all_groups_must_fit_into_a_checkpoint() {
        let mut index = Index::new(0);
        let meta = |slot| Op::Meta { slot, data: Bytes::from(vec![0; 480]) };
        index.apply(1, &[meta(0), meta(1)]);
        assert_eq!(index.check(1, &[meta(0), meta(0)], ROOM), Ok(()), "replaces, does not grow");
        let refused = index.check(2, &[meta(0)], ROOM);
        assert!(matches!(refused, Err(Refusal::MetaTooLarge { .. })), "{refused:?}");
        index.remove(1);
        assert_eq!(index.checkpoint_bytes, CHECKPOINT_END_BYTES);
    }

    #[test]
    fn a_reader_gets_at_least_one_entry_and_no_more_than_it_asked_for() {
        let mut index = Index::new(1000);
        index.apply(1, &[entry(1, 50), entry(2, 50), entry(3, 50)]);
        assert_eq!(index.find(1, 1..4, 10).len(), 1);
        assert_eq!(index.find(1, 1..4, 100).len(), 2);
        assert_eq!(index.find(1, 0..3, 1000).len(), 2);
        assert!(index.find(2, 0..3, 1000).is_empty());
    }
}
