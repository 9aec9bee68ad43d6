//! Where ids lead: a table in one piece of memory, probed from place to place.
//!
//! Where a lookup begins follows from the hash alone, so the line that it reads can be fetched ahead. Cells
//! hold a hash and a number: whether it is the right one says whoever knows what the number stands for.
//! What is taken out is closed up (Knuth, *The Art of Computer Programming* 3, 6.4, algorithm R), so that
//! nothing is left over from it.

use super::slab::NONE;
use crate::fetch::fetch;

/// Cells of the first table: a cache line.
const FIRST_CELLS: usize = 8;

/// Numbers by the hashes of their ids. At most half of the cells are used: a probe seldom leaves its line.
#[derive(Clone, Debug, Default)]
pub(super) struct IdTable {
    /// Their count is a power of two, or zero.
    cells: Box<[Cell]>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    hash: u32,
    /// [`NONE`] in a free cell.
    number: u32,
}

const FREE: Cell = Cell { hash: 0, number: NONE };

impl IdTable {
    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Asks for the line in which a lookup begins.
    #[inline]
    pub(super) fn prefetch(&self, hash: u32) {
        if let Some(cell) = self.cells.get(self.home(hash)) {
            fetch(cell);
        }
    }

    /// The number under a hash that is the right one.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(hash, is_it).map(|place| self.cells[place].number)
    }

    /// Enters a number, which is not [`NONE`].
    #[inline]
    pub(super) fn insert(&mut self, hash: u32, number: u32) {
        debug_assert!(number != NONE, "the number of a free cell");
        if (self.len + 1) * 2 > self.cells.len() {
            self.grow();
        }
        self.put(Cell { hash, number });
        self.len += 1;
    }

    /// Takes out a number that is there.
    pub(super) fn remove(&mut self, hash: u32, number: u32) {
        let mut gap = self.place(hash, |at| at == number).expect("what is taken out is there");
        self.len -= 1;
        let mut at = gap;
        loop {
            at = self.after(at);
            let cell = self.cells[at];
            if cell.number == NONE {
                break;
            }
            // A cell may move back as far as the place where its probe begins.
            let (from_home, from_gap) =
                (self.distance(self.home(cell.hash), at), self.distance(gap, at));
            if from_home >= from_gap {
                self.cells[gap] = cell;
                gap = at;
            }
        }
        self.cells[gap] = FREE;
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.cells)
    }

    #[inline]
    fn place(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        let mut at = self.home(hash);
        loop {
            let cell = self.cells.get(at)?;
            if cell.number == NONE {
                return None;
            }
            if cell.hash == hash && is_it(cell.number) {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    #[inline]
    fn put(&mut self, cell: Cell) {
        let mut at = self.home(cell.hash);
        while self.cells[at].number != NONE {
            at = self.after(at);
        }
        self.cells[at] = cell;
    }

    #[cold]
    fn grow(&mut self) {
        let cells = vec![FREE; (self.cells.len() * 2).max(FIRST_CELLS)].into_boxed_slice();
        let old = std::mem::replace(&mut self.cells, cells);
        old.iter().filter(|cell| cell.number != NONE).for_each(|cell| self.put(*cell));
    }

    /// Where the probe for a hash begins; 0 in an empty table.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        hash as usize & self.cells.len().saturating_sub(1)
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.cells.len() - 1)
    }

    /// Steps of a probe from one place to another.
    #[inline]
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.cells.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Compared with a map under a fixed, irregular order of insertions and removals, with few hashes: most
    /// probes go on for several cells, and around the end of the table.
    #[test]
    fn it_finds_what_is_there_and_nothing_else() {
        for hashes in [3, 40, 5_000] {
            let (mut table, mut model) = (IdTable::default(), BTreeMap::new());
            let mut state = 7_u64;
            for number in 0..4_000_u32 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let random = (state >> 33) as u32;
                // From the end of the table on.
                let hash = (random % hashes).wrapping_sub(2);
                if !random.is_multiple_of(3) && model.len() < 200 {
                    table.insert(hash, number);
                    model.insert(number, hash);
                } else if let Some((&first, &hash)) =
                    model.range(number.saturating_sub(random % 300)..).next()
                {
                    table.remove(hash, first);
                    model.remove(&first);
                }
                assert_eq!(table.len(), model.len());
                for (&number, &hash) in model.iter().filter(|_| number.is_multiple_of(16)) {
                    assert_eq!(table.find(hash, |at| at == number), Some(number));
                    assert_eq!(table.find(hash.wrapping_add(1 << 20), |at| at == number), None);
                }
            }
            assert_eq!(table.find(0, |_| false), None);
            for (number, hash) in std::mem::take(&mut model) {
                table.remove(hash, number);
            }
            assert!(table.cells.iter().all(|cell| cell.number == NONE), "something is left over");
        }
    }

    #[test]
    fn an_empty_table_has_nothing_and_takes_no_memory() {
        let table = IdTable::default();
        table.prefetch(9);
        assert_eq!((table.find(9, |_| true), table.len(), table.heap_bytes()), (None, 0, 0));
    }
}
