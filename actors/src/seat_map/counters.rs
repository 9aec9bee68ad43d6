//! How many places of each zone are taken on each leg, and for what.

use proto::ids::{Legs, ZoneNo};

use super::refusal::Class;

/// Taken places of one zone on one leg, by [`Class`].
pub(super) type Taken = [u32; 4];

/// Zones times legs.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    leg_count: usize,
    cells: Box<[Taken]>,
}

impl Counters {
    /// Nothing taken anywhere.
    pub(super) fn new(zones: usize, leg_count: u16) -> Self {
        let leg_count = usize::from(leg_count);
        Self { leg_count, cells: vec![[0; 4]; zones * leg_count].into() }
    }

    /// Counts places as taken.
    #[inline]
    pub(super) fn add(&mut self, zone: ZoneNo, legs: Legs, class: Class, count: u32) {
        for cell in self.cells_of(zone, legs) {
            cell[class as usize] += count;
        }
    }

    /// Counts places as free.
    #[inline]
    pub(super) fn subtract(&mut self, zone: ZoneNo, legs: Legs, class: Class, count: u32) {
        for cell in self.cells_of(zone, legs) {
            cell[class as usize] -= count;
        }
    }

    /// What is taken of a zone on one leg.
    pub(super) fn on_leg(&self, zone: ZoneNo, leg: u16) -> Taken {
        self.cells[zone.index() * self.leg_count + usize::from(leg)]
    }

    /// The most places taken on any of the legs.
    pub(super) fn most_taken(&self, zone: ZoneNo, legs: Legs) -> u32 {
        let start = zone.index() * self.leg_count;
        let cells = &self.cells[start + usize::from(legs.from())..start + usize::from(legs.to())];
        cells.iter().map(|cell| cell.iter().sum()).max().expect("legs are never empty")
    }

    /// Every cell, zone by zone.
    pub(super) fn cells(&self) -> &[Taken] {
        &self.cells
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.cells)
    }

    #[inline]
    fn cells_of(&mut self, zone: ZoneNo, legs: Legs) -> &mut [Taken] {
        let start = zone.index() * self.leg_count;
        &mut self.cells[start + usize::from(legs.from())..start + usize::from(legs.to())]
    }
}
