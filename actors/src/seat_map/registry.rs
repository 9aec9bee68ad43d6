//! Every id that the trip knows: of live holds, and of what is finished but still remembered.
//!
//! A finished hold keeps its record, so that its answer need not be stored a second time. Finished ids
//! stand in one list in order of finishing, oldest first, and are forgotten in that order.

use proto::ids::{CommandId, HoldId, LogPosition, Timestamp};

use super::answer::Answer;
use super::id_table::IdTable;
use super::limits::{MAX_REMEMBERED, REMEMBER_MS};
use super::record::Record;
use super::slab::{NONE, Slab};

/// Marks a number in the table of ids as an entry of the memory instead of a record.
const IS_ENTRY: u32 = 1 << 31;

/// All known ids.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    /// From id to the slot of a record, or of an entry when marked.
    ids: IdTable,
    /// Holds, bookings and blocks.
    records: Slab<Record>,
    /// What is finished.
    memory: Slab<Entry>,
    /// The entry that finished first, or [`NONE`].
    oldest: u32,
    /// The entry that finished last, or [`NONE`].
    newest: u32,
    /// When the oldest entry is forgotten.
    forget_at: Timestamp,
}

/// Something finished.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// When it finished.
    pub(super) at: Timestamp,
    /// What it was.
    pub(super) what: Finished,
    /// The entry that finished before, or [`NONE`].
    older: u32,
    /// The entry that finished after, or [`NONE`].
    newer: u32,
}

/// What is finished.
#[derive(Clone, Debug)]
pub(super) enum Finished {
    /// A hold, booking or block: the slot of its record.
    Record(u32),
    /// A command that made none.
    Command {
        /// Its id.
        id: CommandId,
        /// What it asked for.
        fingerprint: u64,
        /// Where it was decided.
        position: LogPosition,
        /// What it was answered.
        answer: Answer,
    },
}

/// What an id stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    /// A hold, booking or block: the slot of its record.
    Record(u32),
    /// A command that made none: its entry in the memory.
    Entry(u32),
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            ids: IdTable::default(),
            records: Slab::default(),
            memory: Slab::default(),
            oldest: NONE,
            newest: NONE,
            forget_at: Timestamp::MAX,
        }
    }
}

impl Registry {
    /// The record in a slot.
    #[inline]
    pub(super) fn record(&self, slot: u32) -> &Record {
        &self.records[slot]
    }

    /// The record in a slot, to change.
    #[inline]
    pub(super) fn record_mut(&mut self, slot: u32) -> &mut Record {
        &mut self.records[slot]
    }

    /// The entry in a slot.
    pub(super) fn entry(&self, slot: u32) -> &Entry {
        &self.memory[slot]
    }

    /// Every record with its slot. The order says nothing: sort before it shows.
    pub(super) fn records(&self) -> impl Iterator<Item = (u32, &Record)> {
        self.records.iter()
    }

    /// The entries, oldest first.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            if at == NONE {
                return None;
            }
            let entry = &self.memory[at];
            at = entry.newer;
            Some(entry)
        })
    }

    /// How many records there are, finished ones included.
    pub(super) fn record_count(&self) -> usize {
        self.records.len()
    }

    /// How many entries there are.
    pub(super) fn entry_count(&self) -> usize {
        self.memory.len()
    }

    /// When the oldest entry is forgotten, if there is one.
    pub(super) fn forgets_at(&self) -> Option<Timestamp> {
        (self.oldest != NONE).then_some(self.forget_at)
    }

    /// How many ids are known.
    pub(super) fn id_count(&self) -> usize {
        self.ids.len()
    }

    /// What the id stands for at a moment: what has been finished for [`REMEMBER_MS`] is forgotten,
    /// swept or not.
    #[inline]
    pub(super) fn find(&self, id: CommandId, at: Timestamp) -> Option<Known> {
        let tagged = self.ids.find(hash(id), |tagged| self.id_of(tagged) == id)?;
        let (known, entry) = if tagged & IS_ENTRY == 0 {
            (Known::Record(tagged), self.records[tagged].entry)
        } else {
            (Known::Entry(tagged & !IS_ENTRY), tagged & !IS_ENTRY)
        };
        if entry != NONE && is_forgotten(self.memory[entry].at, at) {
            return None;
        }
        Some(known)
    }

    /// The slot of a hold, booking or block.
    #[inline]
    pub(super) fn find_record(&self, id: HoldId, at: Timestamp) -> Option<u32> {
        match self.find(id.into(), at)? {
            Known::Record(slot) => Some(slot),
            Known::Entry(_) => None,
        }
    }

    /// Asks for the place where an id would be found, and for what says where a record would be entered.
    #[inline]
    pub(super) fn prefetch(&self, id: CommandId) {
        self.ids.prefetch(hash(id));
        self.records.prefetch_chunk(None);
    }

    /// Asks for the place where a record would be entered.
    #[inline]
    pub(super) fn prefetch_next(&self) {
        self.records.prefetch(None);
    }

    /// Asks for the record of a hold.
    #[inline]
    pub(super) fn prefetch_record_of(&self, id: HoldId) {
        if let Some(slot) = self.probable_record(id) {
            self.records.prefetch(Some(slot));
        }
    }

    /// The record that is probably that of a hold, found without a look at it.
    #[inline]
    pub(super) fn probable_record(&self, id: HoldId) -> Option<u32> {
        let tagged = self.ids.find(hash(id.into()), |_| true)?;
        (tagged & IS_ENTRY == 0).then_some(tagged)
    }

    /// Asks for the place where something would be remembered.
    #[inline]
    pub(super) fn prefetch_memory(&self) {
        self.memory.prefetch(None);
        if self.newest != NONE {
            self.memory.prefetch(Some(self.newest));
        }
    }

    /// Adds a live hold, booking or block whose id is not known.
    #[inline]
    pub(super) fn insert(&mut self, record: Record) -> u32 {
        let id = record.id.into();
        let slot = self.records.insert(record);
        self.index(id, slot);
        slot
    }

    /// Remembers the answer to a command that made no hold and whose id is not known.
    #[inline]
    pub(super) fn remember(
        &mut self,
        (at, position): (Timestamp, LogPosition),
        id: CommandId,
        fingerprint: u64,
        answer: Answer,
    ) {
        let entry = self.append(at, Finished::Command { id, fingerprint, position, answer });
        self.index(id, entry | IS_ENTRY);
        self.forget_beyond_limit();
    }

    /// Moves a live hold, booking or block to the finished ones.
    pub(super) fn finish(&mut self, slot: u32, at: Timestamp) {
        assert!(!self.records[slot].is_finished(), "a hold finishes once");
        let entry = self.append(at, Finished::Record(slot));
        self.records[slot].entry = entry;
        self.forget_beyond_limit();
    }

    /// Brings a finished hold back to life.
    pub(super) fn revive(&mut self, slot: u32) {
        let entry = std::mem::replace(&mut self.records[slot].entry, NONE);
        self.unlink(entry);
    }

    /// Forgets what has been finished for [`REMEMBER_MS`].
    #[inline]
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        while self.forgets_at().is_some_and(|at| at <= now) {
            self.forget_oldest();
        }
    }

    /// Bytes on the heap, without what records and answers own.
    pub(super) fn heap_bytes(&self) -> usize {
        self.ids.heap_bytes() + self.records.heap_bytes() + self.memory.heap_bytes()
    }

    fn forget_beyond_limit(&mut self) {
        if self.memory.len() > MAX_REMEMBERED {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.oldest;
        let (id, tagged) = match &self.memory[oldest].what {
            Finished::Record(slot) => (self.records[*slot].id.into(), *slot),
            Finished::Command { id, .. } => (*id, oldest | IS_ENTRY),
        };
        self.ids.remove(hash(id), tagged);
        if let Finished::Record(slot) = self.unlink(oldest).what {
            self.records.remove(slot);
        }
    }

    #[inline]
    fn index(&mut self, id: CommandId, tagged: u32) {
        self.ids.insert(hash(id), tagged);
    }

    #[inline]
    fn id_of(&self, tagged: u32) -> CommandId {
        if tagged & IS_ENTRY == 0 {
            return self.records[tagged].id.into();
        }
        match &self.memory[tagged & !IS_ENTRY].what {
            Finished::Command { id, .. } => *id,
            Finished::Record(slot) => self.records[*slot].id.into(),
        }
    }

    #[inline]
    fn append(&mut self, at: Timestamp, what: Finished) -> u32 {
        let entry = self.memory.insert(Entry { at, what, older: self.newest, newer: NONE });
        match self.newest {
            NONE => self.set_oldest(entry),
            newest => self.memory[newest].newer = entry,
        }
        self.newest = entry;
        entry
    }

    fn unlink(&mut self, slot: u32) -> Entry {
        let entry = self.memory.remove(slot);
        match entry.older {
            NONE => self.set_oldest(entry.newer),
            older => self.memory[older].newer = entry.newer,
        }
        match entry.newer {
            NONE => self.newest = entry.older,
            newer => self.memory[newer].older = entry.older,
        }
        entry
    }

    /// Begins the list with another entry.
    fn set_oldest(&mut self, oldest: u32) {
        self.oldest = oldest;
        self.forget_at = match oldest {
            NONE => Timestamp::MAX,
            oldest => self.memory[oldest].at.plus_ms(REMEMBER_MS),
        };
    }
}

/// Whether something that finished at `finished` is forgotten at `now`.
fn is_forgotten(finished: Timestamp, now: Timestamp) -> bool {
    finished.plus_ms(REMEMBER_MS) <= now
}

/// Mixes an id to a hash. Ids are random, but some clients count upwards and some keep low bits equal:
/// each half goes through a folded multiplication, which spreads every bit over all others.
#[inline]
fn hash(id: CommandId) -> u32 {
    let number = id.as_u128();
    let low = fold(number as u64 ^ 0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03);
    fold((number >> 64) as u64 ^ low, 0x8ebc_6af0_9c88_c6e3) as u32
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table takes the place from the low bits, and tells ids apart by all of them.
    #[test]
    fn ids_that_look_alike_spread_over_the_table() {
        for shift in [0, 32, 60, 64, 100] {
            let ids = (1..=1024_u128).map(|n| HoldId::from_u128(n << shift | 1 << 127));
            let hashes = ids.map(|id| hash(id.expect("it is not zero").into()));
            let (mut places, mut tops) = ([0; 64], [0; 128]);
            for hash in hashes {
                places[hash as usize % 64] += 1;
                tops[(hash >> 25) as usize] += 1;
            }
            assert!(places.iter().all(|&n| n < 48), "1,024 ids over 64 places: {places:?}");
            assert!(tops.iter().all(|&n| n < 32), "1,024 ids over 128 highest bits: {tops:?}");
        }
    }
}
