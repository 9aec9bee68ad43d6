//! Which hold expires next: a heap of four children a node, in which every hold knows its place.
//!
//! Holds that live equally long come in order, so an insertion is nearly always one write at the end.
//! The order of holds with equal deadlines depends on history: whoever takes several out sorts them.

use proto::ids::Timestamp;

use super::slab::NONE;
use crate::fetch::fetch;

/// Children of a node: four share a cache line.
const CHILDREN: usize = 4;

/// The deadlines of all live holds, by slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    /// Deadline and slot: no node is later than its children.
    heap: Vec<(Timestamp, u32)>,
    /// The place in `heap` of every slot, [`NONE`] for slots without a deadline.
    places: Vec<u32>,
    /// The earliest deadline, if there is any.
    earliest: Timestamp,
    /// No deadline is later.
    latest: Timestamp,
}

impl Deadlines {
    /// The earliest deadline.
    #[inline]
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        if self.heap.is_empty() { None } else { Some(self.earliest) }
    }

    /// Asks for the place where the next deadline will be entered.
    #[inline]
    pub(super) fn prefetch(&self) {
        self.heap.last().into_iter().for_each(fetch);
        self.places.last().into_iter().for_each(fetch);
    }

    /// How many deadlines there are.
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Every slot that has a deadline, in no order.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.heap.iter().map(|&(_, slot)| slot)
    }

    /// Sets the deadline of a slot that has none.
    #[inline]
    pub(super) fn insert(&mut self, slot: u32, at: Timestamp) {
        let index = slot as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, NONE);
        }
        assert!(self.places[index] == NONE, "slot {slot} has a deadline already");
        let place = self.heap.len();
        if place == 0 || at < self.earliest {
            self.earliest = at;
        }
        self.heap.push((at, slot));
        if at >= self.latest {
            // It stands behind its parent, which need not be looked at.
            self.latest = at;
            self.places[index] = u32::try_from(place).expect("as many as holds");
            return;
        }
        self.rise(place);
    }

    /// Removes the deadline of a slot.
    ///
    /// # Panics
    /// If it has none.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) {
        let place = std::mem::replace(&mut self.places[slot as usize], NONE) as usize;
        assert!(self.heap[place].1 == slot, "slot {slot} has no deadline");
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            let risen = self.rise(place);
            self.sink(risen);
        }
        match self.heap.first() {
            Some(&(at, _)) => self.earliest = at,
            None => self.latest = Timestamp::default(),
        }
    }

    /// Takes out a slot that is due at `at`.
    pub(super) fn pop_due(&mut self, at: Timestamp) -> Option<u32> {
        let &(_, slot) = self.heap.first().filter(|&&(deadline, _)| deadline <= at)?;
        self.remove(slot);
        Some(slot)
    }

    /// The deadline of a slot.
    pub(super) fn get(&self, slot: u32) -> Option<Timestamp> {
        let place = *self.places.get(slot as usize)?;
        self.heap.get(place as usize).map(|&(at, _)| at)
    }

    /// Whether the heap is in order and every place is right.
    pub(super) fn is_sound(&self) -> bool {
        let ordered = (1..self.heap.len())
            .all(|place| self.heap[(place - 1) / CHILDREN].0 <= self.heap[place].0);
        let placed = (0..self.heap.len()).all(|place| {
            self.places.get(self.heap[place].1 as usize).is_some_and(|&p| p as usize == place)
        });
        let listed = self.places.iter().filter(|&&place| place != NONE).count();
        let first = self.heap.first().map(|&(at, _)| at);
        let bounded =
            first == self.earliest() && self.heap.iter().all(|&(at, _)| at <= self.latest);
        ordered && placed && bounded && listed == self.heap.len()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.heap.capacity() * size_of::<(Timestamp, u32)>() + self.places.capacity() * 4
    }

    /// Moves the node up until its parent is not later; says where it came to rest.
    #[inline]
    fn rise(&mut self, mut place: usize) -> usize {
        let node = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.heap[parent].0 <= node.0 {
                break;
            }
            self.set(place, self.heap[parent]);
            place = parent;
        }
        self.set(place, node);
        place
    }

    /// Moves the node down until no child is earlier.
    fn sink(&mut self, mut place: usize) {
        let node = self.heap[place];
        loop {
            let children = place * CHILDREN + 1..self.heap.len().min(place * CHILDREN + 5);
            let Some(child) = children.min_by_key(|&child| self.heap[child].0) else { break };
            if self.heap[child].0 >= node.0 {
                break;
            }
            self.set(place, self.heap[child]);
            place = child;
        }
        self.set(place, node);
    }

    /// Writes a node and remembers its place.
    #[inline]
    fn set(&mut self, place: usize, node: (Timestamp, u32)) {
        self.heap[place] = node;
        self.places[node.1 as usize] = u32::try_from(place).expect("as many as holds");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compared with a sorted list under a fixed, irregular order of insertions and removals.
    #[test]
    fn the_earliest_deadline_is_always_first() {
        let mut deadlines = Deadlines::default();
        let mut model: Vec<(u64, u32)> = Vec::new();
        let mut state = 1_u64;
        for step in 0..20_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = state >> 33;
            if random.is_multiple_of(3) && !model.is_empty() {
                let (_, slot) = model.swap_remove(random as usize % model.len());
                deadlines.remove(slot);
            } else if random % 3 == 1 && !model.is_empty() {
                model.sort_unstable();
                let due = model[0].0;
                let slot = deadlines.pop_due(Timestamp::from_unix_ms(due)).expect("one is due");
                let at = model.iter().position(|&(at, s)| at == due && s == slot);
                model.remove(at.expect("what is taken out is due"));
            } else {
                deadlines.insert(step, Timestamp::from_unix_ms(random % 500));
                model.push((random % 500, step));
            }
            let earliest = model.iter().map(|&(at, _)| Timestamp::from_unix_ms(at)).min();
            assert_eq!(deadlines.earliest(), earliest);
            assert!(step % 100 != 0 || deadlines.is_sound());
        }
    }
}
