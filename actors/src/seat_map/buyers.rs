//! How many places every buyer has, for trips that limit it.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use proto::ids::BuyerId;

/// The seed of the table of buyers: fixed, because a random one would make runs differ.
const SEED: u64 = 0x5ea7_6a1d;

/// Places in live holds and bookings, by buyer. Only looked up, never walked through for an answer.
#[derive(Clone, Debug)]
pub(super) struct Buyers(HashMap<BuyerId, u32, FixedState>);

impl Default for Buyers {
    fn default() -> Self {
        Self(HashMap::with_hasher(FixedState::with_seed(SEED)))
    }
}

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

    /// Bytes on the heap, without the names.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.allocation_size()
    }
}
