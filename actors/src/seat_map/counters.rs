//! How many places of each zone are taken on each leg, and for what.

use proto::ids::{Legs, ZoneNo};

use super::refusal::Class;
use crate::fetch::fetch;

/// Taken places of one zone on one leg, by [`Class`].
pub(super) type Taken = [u32; CLASSES];

/// How many classes there are.
const CLASSES: usize = 4;

/// Classes times zones times legs. A hold counts on all its legs in one class, so these stand together.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    leg_count: usize,
    /// Cells of one class.
    stride: usize,
    cells: Box<[u32]>,
}

impl Counters {
    /// Nothing taken anywhere.
    pub(super) fn new(zones: usize, leg_count: u16) -> Self {
        let leg_count = usize::from(leg_count);
        let stride = zones * leg_count;
        Self { leg_count, stride, cells: vec![0; stride * CLASSES].into() }
    }

    /// Counts places as taken.
    #[inline]
    pub(super) fn add(&mut self, zone: ZoneNo, legs: Legs, class: Class, count: u32) {
        for cell in self.cells_of(zone, legs, class) {
            *cell += count;
        }
    }

    /// Counts places as free.
    #[inline]
    pub(super) fn subtract(&mut self, zone: ZoneNo, legs: Legs, class: Class, count: u32) {
        for cell in self.cells_of(zone, legs, class) {
            *cell -= count;
        }
    }

    /// Asks for the counters that a hold changes, at both ends.
    #[inline]
    pub(super) fn prefetch(&self, zone: ZoneNo, legs: Legs) {
        let cells = &self.cells[zone.index() * self.leg_count..];
        fetch(&cells[usize::from(legs.from())]);
        fetch(&cells[usize::from(legs.to() - 1)]);
    }

    /// What is taken of a zone on one leg.
    pub(super) fn on_leg(&self, zone: ZoneNo, leg: u16) -> Taken {
        let at = zone.index() * self.leg_count + usize::from(leg);
        std::array::from_fn(|class| self.cells[class * self.stride + at])
    }

    /// The most places taken on any of the legs.
    pub(super) fn most_taken(&self, zone: ZoneNo, legs: Legs) -> u32 {
        let legs = legs.from()..legs.to();
        let taken = legs.map(|leg| self.on_leg(zone, leg).iter().sum());
        taken.max().expect("legs are never empty")
    }

    /// Every counter, to compare.
    pub(super) fn cells(&self) -> &[u32] {
        &self.cells
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.cells)
    }

    #[inline]
    fn cells_of(&mut self, zone: ZoneNo, legs: Legs, class: Class) -> &mut [u32] {
        let start = class as usize * self.stride + zone.index() * self.leg_count;
        &mut self.cells[start + usize::from(legs.from())..start + usize::from(legs.to())]
    }
}
