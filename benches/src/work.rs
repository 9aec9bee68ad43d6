//! What buyers ask for.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;

/// Most seats that one hold asks for.
pub const MAX_SEATS_PER_HOLD: u16 = 4;

/// Life of a hold, in seconds: longer than any measurement.
pub const TTL_S: u64 = 300;

/// How seats are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Everybody wants one trip: once it is sold out, nearly every answer is a no.
    Hot,
    /// Everybody wants something else: nearly every answer is a yes.
    Spread,
    /// The same on a single trip.
    OneTrip,
}

/// What is on sale, and what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// How seats are asked for.
    pub kind: Kind,
    /// How many trips there are.
    pub trips: u32,
    /// Seats of each.
    pub seats: u16,
    /// Seats of a hold, all or none: 1 to [`MAX_SEATS_PER_HOLD`].
    pub per_hold: u16,
}

impl Workload {
    /// One trip of 500 seats.
    #[must_use]
    pub fn hot(per_hold: u16) -> Self {
        Self { kind: Kind::Hot, trips: 1, seats: 500, per_hold }
    }

    /// Ten thousand trips of 50 seats.
    #[must_use]
    pub fn spread(per_hold: u16) -> Self {
        Self { kind: Kind::Spread, trips: 10_000, seats: 50, per_hold }
    }

    /// One trip of 60,000 seats, each asked for once.
    #[must_use]
    pub fn one_trip(per_hold: u16) -> Self {
        Self { kind: Kind::OneTrip, trips: 1, seats: 60_000, per_hold }
    }

    /// Its name in a table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Hot => "hot",
            Kind::Spread => "spread",
            Kind::OneTrip => "one trip",
        }
    }

    /// Holds that can be granted in all.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        u64::from(self.trips) * u64::from(self.seats / self.per_hold)
    }
}

/// A hold that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The trip, counted from 0.
    pub trip: u32,
    /// The first of its seats, counted from 0; the others follow it.
    pub first: u16,
    /// How many seats.
    pub count: u16,
    /// Who asks: a number that nobody else has.
    pub buyer: u64,
}

impl Ask {
    /// The seats.
    pub fn seats(&self) -> impl Iterator<Item = u16> + use<> {
        self.first..self.first + self.count
    }
}

/// What one of several workers asks for. But in [`Kind::Hot`] no two workers ask for the same seats, and
/// none for the same seats twice.
#[derive(Debug)]
pub struct Asks {
    workload: Workload,
    rng: SmallRng,
    /// Groups of seats that are left, but for [`Kind::Hot`]; the last is asked for next.
    left: Vec<u32>,
    buyer: u64,
    step: u64,
}

impl Asks {
    /// The share of worker `worker` of `workers`.
    #[must_use]
    pub fn new(workload: Workload, (worker, workers): (u32, u32), seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed ^ u64::from(worker) << 32);
        let mut left = Vec::new();
        if workload.kind != Kind::Hot {
            let groups = u32::try_from(workload.capacity()).expect("an inventory is bounded");
            left.extend((0..groups).filter(|group| group % workers == worker));
            for at in (1..left.len()).rev() {
                left.swap(at, rng.random_range(0..=at));
            }
        }
        Self { workload, rng, left, buyer: u64::from(worker), step: u64::from(workers) }
    }
}

impl Iterator for Asks {
    type Item = Ask;

    /// The next; none when everything that is on sale was asked for.
    fn next(&mut self) -> Option<Ask> {
        let Workload { seats, per_hold, .. } = self.workload;
        let (trip, first) = match self.workload.kind {
            Kind::Hot => (0, self.rng.random_range(0..=seats - per_hold)),
            Kind::Spread | Kind::OneTrip => {
                let group = self.left.pop()?;
                let groups = u32::from(seats / per_hold);
                (group / groups, (group % groups) as u16 * per_hold)
            }
        };
        self.buyer += self.step;
        Some(Ask { trip, first, count: per_hold, buyer: self.buyer })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_seat_is_asked_for_once() {
        let workload = Workload { kind: Kind::Spread, trips: 7, seats: 10, per_hold: 3 };
        let mut all: Vec<Ask> = Vec::new();
        for worker in 0..4 {
            all.extend(Asks::new(workload, (worker, 4), 1));
        }
        let seats = |ask: &Ask| ask.seats().map(|seat| (ask.trip, seat)).collect::<Vec<_>>();
        let distinct: BTreeSet<(u32, u16)> = all.iter().flat_map(seats).collect();
        assert_eq!((all.len() as u64, distinct.len()), (workload.capacity(), 63));
        let buyers: BTreeSet<u64> = all.iter().map(|ask| ask.buyer).collect();
        assert_eq!(buyers.len(), all.len());
        assert!(distinct.iter().all(|(trip, seat)| *trip < 7 && *seat < 10));
    }

    #[test]
    fn a_hot_trip_is_asked_for_without_end() {
        let mut asks = Asks::new(Workload::hot(4), (0, 1), 1);
        for _ in 0..10_000 {
            let ask = asks.next().expect("there is no end");
            assert!(ask.trip == 0 && ask.first + ask.count <= 500);
        }
    }
}
