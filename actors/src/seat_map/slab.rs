//! Numbered storage: a value keeps its number until it is taken out, numbers are used again.
//!
//! The numbers depend on the history of the process, not only on the state, so they never show in an
//! answer, an encoding or a digest.

use crate::fetch::{fetch, fetch_whole};

/// The number that stands for "none".
pub(super) const NONE: u32 = u32::MAX;

/// Cells that are allocated together. Cells never move, so that growing copies nothing and leaves no
/// old storage behind.
const CHUNK: usize = 4;

/// Numbered storage.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Box<[Cell<T>; CHUNK]>>,
    /// The free cell to use next, the head of a list through all free cells.
    free: u32,
    /// How many values there are.
    len: u32,
}

#[derive(Clone, Debug)]
enum Cell<T> {
    Full(T),
    Free { next: u32 },
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: NONE, len: 0 }
    }
}

impl<T> Slab<T> {
    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Stores a value and says under which number.
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if self.free == NONE {
            self.grow();
        }
        let slot = self.free;
        let cell = self.cell_mut(slot);
        let Cell::Free { next } = *cell else { panic!("the free list names a full cell") };
        *cell = Cell::Full(value);
        self.free = next;
        self.len += 1;
        slot
    }

    /// Takes a value out.
    ///
    /// # Panics
    /// If there is none of this number.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) -> T {
        let cell = Cell::Free { next: self.free };
        let cell = std::mem::replace(self.cell_mut(slot), cell);
        let Cell::Full(value) = cell else { panic!("a cell was emptied twice") };
        self.free = slot;
        self.len -= 1;
        value
    }

    /// Asks for what says where a value is, or where the next one will be stored.
    #[inline]
    pub(super) fn prefetch_chunk(&self, slot: Option<u32>) {
        let slot = slot.unwrap_or(self.free);
        if let Some(chunk) = self.chunks.get(slot as usize / CHUNK) {
            fetch(chunk);
        }
    }

    /// Asks for the value, or for the place of the next one: after [`Slab::prefetch_chunk`].
    #[inline]
    pub(super) fn prefetch(&self, slot: Option<u32>) {
        let slot = slot.unwrap_or(self.free);
        if let Some(chunk) = self.chunks.get(slot as usize / CHUNK) {
            fetch_whole(&chunk[slot as usize % CHUNK]);
        }
    }

    /// The values with their numbers, in order of the numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(self.chunks.iter().flat_map(|chunk| &**chunk)).filter_map(|(slot, cell)| {
            match cell {
                Cell::Full(value) => Some((slot, value)),
                Cell::Free { .. } => None,
            }
        })
    }

    /// Bytes on the heap, without what the values own.
    pub(super) fn heap_bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Cell<T>>()
            + self.chunks.capacity() * size_of::<Box<[Cell<T>; CHUNK]>>()
    }

    /// Adds a chunk of free cells, when there is none left.
    #[cold]
    fn grow(&mut self) {
        let first = u32::try_from(self.chunks.len() * CHUNK).expect("bounded by limits far below");
        let next = |at: usize| if at + 1 == CHUNK { NONE } else { first + at as u32 + 1 };
        self.chunks.push(Box::new(std::array::from_fn(|at| Cell::Free { next: next(at) })));
        self.free = first;
    }

    #[inline]
    fn cell(&self, slot: u32) -> &Cell<T> {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    #[inline]
    fn cell_mut(&mut self, slot: u32) -> &mut Cell<T> {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, slot: u32) -> &T {
        match self.cell(slot) {
            Cell::Full(value) => value,
            Cell::Free { .. } => panic!("an empty cell was read"),
        }
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut T {
        match self.cell_mut(slot) {
            Cell::Full(value) => value,
            Cell::Free { .. } => panic!("an empty cell was written"),
        }
    }
}
