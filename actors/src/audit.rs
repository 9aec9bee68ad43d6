//! What a replica finds when it checks itself at a mark in the log.

use bytes::{Buf, BufMut};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ids::TripId;
use crate::seat_map::SeatMap;

/// Places of a trip, or of many, counted once per leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All there are.
    pub capacity: u64,
    /// Nobody has them.
    pub free: u64,
    /// In holds, paying or not.
    pub held: u64,
    /// In bookings.
    pub sold: u64,
    /// Out of sale.
    pub blocked: u64,
}

impl Tally {
    pub(crate) const BYTES: usize = 40;

    pub(crate) fn of(map: &SeatMap) -> Self {
        let view = map.view();
        let mut tally = Self::default();
        for leg in 0..map.trip().leg_count() {
            let counts = view.leg(leg);
            tally.capacity += u64::from(counts.capacity);
            tally.free += u64::from(counts.free());
            tally.held += u64::from(counts.held + counts.paying);
            tally.sold += u64::from(counts.sold);
            tally.blocked += u64::from(counts.blocked);
        }
        tally
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.capacity += other.capacity;
        self.free += other.free;
        self.held += other.held;
        self.sold += other.sold;
        self.blocked += other.blocked;
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for part in [self.capacity, self.free, self.held, self.sold, self.blocked] {
            out.put_u64_le(part);
        }
    }

    /// # Panics
    /// When fewer than [`Tally::BYTES`] bytes are left.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Self {
        let mut part = || bytes.get_u64_le();
        Self { capacity: part(), free: part(), held: part(), sold: part(), blocked: part() }
    }

    /// Every place is in exactly one state.
    pub(crate) fn is_conserved(&self) -> bool {
        self.free + self.held + self.sold + self.blocked == self.capacity
    }
}

/// What one replica found at one mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Index of the mark.
    pub index: u64,
    /// Digest over every trip: equal on every replica.
    pub digest: u64,
    /// Trips, fenced ones included.
    pub trips: u64,
    /// Trips that are fenced.
    pub fenced: u64,
    /// Places of all trips.
    pub tally: Tally,
    /// Invariants that do not hold, for people.
    pub violations: Vec<String>,
}

/// A trip's share of the digest: a sum of these does not depend on the order of the trips.
pub(crate) fn share(trip: &TripId, digest: u64) -> u64 {
    xxh3_64_with_seed(trip.as_str().as_bytes(), digest)
}
