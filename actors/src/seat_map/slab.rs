//! Numbered storage: a value keeps its number until it is taken out, numbers are used again.
//!
//! The numbers depend on the history of the process, not only on the state, so they never show in an
//! answer, an encoding or a digest.

/// The number that stands for "none".
pub(super) const NONE: u32 = u32::MAX;

/// Cells that are allocated together. Cells never move, so that growing copies nothing and leaves no
/// old storage behind.
const CHUNK: usize = 4;

/// Numbered storage.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
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

    /// Reads where the next value will be stored, or near it.
    #[inline]
    pub(super) fn prefetch(&self) -> u64 {
        let last = self.chunks.last().and_then(|chunk| chunk.last());
        let next = if self.free == NONE { last } else { Some(self.cell(self.free)) };
        u64::from(matches!(next, Some(Cell::Full(_))))
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

    /// Stores a value behind all others.
    #[inline]
    fn push(&mut self, value: T) -> u32 {
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let last = self.chunks.last_mut().expect("a chunk with room was pushed if there was none");
        last.push(Cell::Full(value));
        u32::try_from(before + last.len() - 1).expect("bounded by limits far below")
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
