//! How many places every buyer has, for trips that limit it.

use std::collections::BTreeMap;

use proto::ids::BuyerId;

/// Places in live holds and bookings, by buyer.
#[derive(Clone, Debug, Default)]
pub(super) struct Buyers(BTreeMap<BuyerId, u32>);

impl Buyers {
    /// How many places the buyer has.
    pub(super) fn count(&self, buyer: &BuyerId) -> u32 {
        self.0.get(buyer).copied().unwrap_or(0)
    }

    /// Counts places as the buyer's.
    pub(super) fn add(&mut self, buyer: &BuyerId, places: u32) {
        *self.0.entry(buyer.clone()).or_insert(0) += places;
    }

    /// Counts places as no longer the buyer's.
    ///
    /// # Panics
    /// If the buyer does not have so many.
    pub(super) fn subtract(&mut self, buyer: &BuyerId, places: u32) {
        let count = self.0.get_mut(buyer).expect("a buyer with places is counted");
        *count -= places;
        if *count == 0 {
            self.0.remove(buyer);
        }
    }

    /// How many buyers have places.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes on the heap, without long names and the nodes of the tree.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.len() * size_of::<(BuyerId, u32)>()
    }
}
