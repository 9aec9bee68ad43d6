//! Numbered storage: a value keeps its number until it is taken out, numbers are used again.
//!
//! The numbers depend on the history of the process, not only on the state, so they never show in an
//! answer, an encoding or a digest.

/// The number that stands for "none".
pub(super) const NONE: u32 = u32::MAX;

/// Cells of a chunk: growing never moves more than these, so that a trip in the rush of its sale does not
/// copy all its holds again and again.
const CHUNK: usize = 32;

/// Numbered storage.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    /// Chunks of [`CHUNK`] cells; all but the last are full.
    chunks: Vec<Vec<Cell<T>>>,
    /// The free cell to use next, the head of a list through the free cells.
    free: u32,
    /// How many values there are.
    len: usize,
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
        self.len
    }

    /// Stores a value and says under which number.
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> u32 {
        self.len += 1;
        if self.free == NONE {
            return self.push(value);
        }
        let slot = self.free;
        let cell = std::mem::replace(self.cell_mut(slot), Cell::Full(value));
        let Cell::Free { next } = cell else { panic!("the free list names a full cell") };
        self.free = next;
        slot
    }

    fn push(&mut self, value: T) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows with the trip; a trip that needs a second one will need it whole.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let chunk = self.chunks.last_mut().expect("one was pushed if there was none");
        chunk.push(Cell::Full(value));
        u32::try_from(before + chunk.len() - 1).expect("bounded by limits far below")
    }

    #[inline]
    fn cell(&self, slot: u32) -> &Cell<T> {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    #[inline]
    fn cell_mut(&mut self, slot: u32) -> &mut Cell<T> {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
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

    /// The values with their numbers, in order of the numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(self.chunks.iter().flatten()).filter_map(|(slot, cell)| match cell {
            Cell::Full(value) => Some((slot, value)),
            Cell::Free { .. } => None,
        })
    }

    /// Bytes on the heap, without what the values own.
    pub(super) fn heap_bytes(&self) -> usize {
        let cells: usize = self.chunks.iter().map(Vec::capacity).sum();
        cells * size_of::<Cell<T>>() + self.chunks.capacity() * size_of::<Vec<Cell<T>>>()
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
