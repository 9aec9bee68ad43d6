//! The trips under load, and which of their seats a worker's buyers ask for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use client_sdk::ids::{ShardId, TripId};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt as _};

use super::args::{LegChoice, Pick, Skew};

/// A trip under load.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    pub(crate) id: TripId,
    pub(crate) shard: ShardId,
    pub(crate) seats: u32,
    /// Numbers of the seats that were free when the load began.
    pub(crate) free: Vec<u32>,
    pub(crate) legs: u16,
}

/// A seat of a trip, and where its buyer rides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Place of the trip in the list.
    pub(crate) trip: u32,
    pub(crate) seat: u32,
    /// All the way when absent.
    pub(crate) legs: Option<(u16, u16)>,
}

/// Draws ranks: a few of them often, most of them seldom.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    /// Upper ends of the ranks' shares of 1.
    upper: Vec<f64>,
}

impl Draw {
    /// The rank k, counted from 1, has the weight `1/k^exponent`.
    pub(crate) fn new(ranks: usize, exponent: f64) -> Self {
        let weights = (1..=ranks).map(|rank| (rank as f64).powf(-exponent));
        let mut upper: Vec<f64> = weights
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let sum = upper.last().copied().unwrap_or(1.0);
        upper.iter_mut().for_each(|end| *end /= sum);
        Self { upper }
    }

    /// A rank, counted from 0.
    pub(crate) fn rank(&self, rng: &mut impl Rng) -> usize {
        let at: f64 = rng.random();
        self.upper.partition_point(|end| *end <= at).min(self.upper.len() - 1)
    }
}

/// The seats that one worker's buyers ask for.
#[derive(Debug)]
pub(crate) struct Stock {
    pick: Pick,
    legs: LegChoice,
    draw: Option<Draw>,
    /// For each trip its seats and legs.
    trips: Vec<(u32, u16)>,
    /// For each trip the seats that should be free, with [`Pick::Fresh`]; the last is asked for next.
    free: Vec<VecDeque<u32>>,
    /// Seats that will be free at a time, soonest first.
    parked: VecDeque<(Instant, Place)>,
}

impl Stock {
    /// The share of worker `worker` of `workers`: with [`Pick::Fresh`] no two workers ask for one seat.
    pub(crate) fn new(
        trips: &[Trip],
        (pick, legs, skew): (Pick, LegChoice, Skew),
        (worker, workers): (usize, usize),
        rng: &mut SmallRng,
    ) -> Self {
        let mut free = Vec::new();
        if pick == Pick::Fresh {
            free.extend(trips.iter().enumerate().map(|(n, trip)| {
                // Where a trip has fewer seats than there are workers, the trips take turns.
                let first = (worker + n) % workers;
                let mut seats: Vec<u32> =
                    trip.free.iter().copied().skip(first).step_by(workers).collect();
                shuffle(&mut seats, rng);
                VecDeque::from(seats)
            }));
        }
        Self {
            pick,
            legs,
            draw: (skew == Skew::Zipf).then(|| Draw::new(trips.len(), 1.1)),
            trips: trips.iter().map(|trip| (trip.seats, trip.legs)).collect(),
            free,
            parked: VecDeque::new(),
        }
    }

    /// A seat to ask for; none when all that should be free are taken.
    pub(crate) fn take(&mut self, now: Instant, rng: &mut SmallRng) -> Option<Place> {
        self.unpark(now);
        let first = match &self.draw {
            Some(draw) => draw.rank(rng),
            None => rng.random_range(0..self.trips.len()),
        };
        let (trip, seat) = match self.pick {
            Pick::Random => (first, rng.random_range(0..self.trips[first].0)),
            Pick::Fresh => (first..self.trips.len())
                .chain(0..first)
                .find_map(|trip| self.free[trip].pop_back().map(|seat| (trip, seat)))?,
        };
        Some(Place { trip: trip as u32, seat, legs: self.some_legs(self.trips[trip].1, rng) })
    }

    /// A seat is free again, now or at a time.
    pub(crate) fn put_back(&mut self, place: Place, at: Option<Instant>) {
        if self.pick == Pick::Random {
            return;
        }
        match at {
            Some(at) => self.parked.push_back((at, place)),
            // To the bottom, so that seats take turns.
            None => self.free[place.trip as usize].push_front(place.seat),
        }
    }

    /// Whether no seat will be free before `end`.
    pub(crate) fn is_sold_out_until(&self, end: Instant) -> bool {
        self.pick == Pick::Fresh
            && self.parked.front().is_none_or(|(at, _)| *at >= end)
            && self.free.iter().all(VecDeque::is_empty)
    }

    /// When the next parked seat is free.
    pub(crate) fn next_unpark(&self) -> Option<Duration> {
        self.parked.front().map(|(at, _)| at.saturating_duration_since(Instant::now()))
    }

    fn unpark(&mut self, now: Instant) {
        while self.parked.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, place)) = self.parked.pop_front() {
                self.free[place.trip as usize].push_front(place.seat);
            }
        }
    }

    fn some_legs(&self, legs: u16, rng: &mut impl Rng) -> Option<(u16, u16)> {
        if self.legs == LegChoice::All || legs < 2 {
            return None;
        }
        let from = rng.random_range(0..legs);
        Some((from, rng.random_range(from + 1..=legs)))
    }
}

fn shuffle(seats: &mut [u32], rng: &mut impl Rng) {
    for last in (1..seats.len()).rev() {
        seats.swap(last, rng.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    fn trips(seats: &[u32]) -> Vec<Trip> {
        let trip = |(n, &seats): (usize, &u32)| Trip {
            id: TripId::new(&format!("t{n}")).unwrap(),
            shard: ShardId::new(0),
            seats,
            free: (0..seats).collect(),
            legs: 4,
        };
        seats.iter().enumerate().map(trip).collect()
    }

    #[test]
    fn workers_share_the_seats_without_overlap() {
        let trips = trips(&[5, 3, 1]);
        let mut all = Vec::new();
        for worker in 0..2 {
            let mut rng = SmallRng::seed_from_u64(7);
            let choice = (Pick::Fresh, LegChoice::All, Skew::Uniform);
            let mut stock = Stock::new(&trips, choice, (worker, 2), &mut rng);
            while let Some(place) = stock.take(Instant::now(), &mut rng) {
                all.push((place.trip, place.seat));
            }
        }
        all.sort_unstable();
        let every: Vec<(u32, u32)> = (0..3)
            .flat_map(|trip| (0..trips[trip as usize].seats).map(move |s| (trip, s)))
            .collect();
        assert_eq!(all, every);
    }

    #[test]
    fn a_parked_seat_comes_back_when_its_time_has_come() {
        let (trips, now) = (trips(&[1]), Instant::now());
        let mut rng = SmallRng::seed_from_u64(7);
        let choice = (Pick::Fresh, LegChoice::All, Skew::Uniform);
        let mut stock = Stock::new(&trips, choice, (0, 1), &mut rng);
        let place = stock.take(now, &mut rng).unwrap();
        stock.put_back(place, Some(now + Duration::from_secs(5)));
        assert_eq!(stock.take(now, &mut rng), None);
        assert_eq!(stock.take(now + Duration::from_secs(5), &mut rng), Some(place));
    }

    #[test]
    fn sold_out_is_when_nothing_comes_back_in_time() {
        let (trips, now) = (trips(&[1]), Instant::now());
        let mut rng = SmallRng::seed_from_u64(7);
        let choice = (Pick::Fresh, LegChoice::All, Skew::Uniform);
        let mut stock = Stock::new(&trips, choice, (0, 1), &mut rng);
        let end = now + Duration::from_secs(10);
        assert!(!stock.is_sold_out_until(end));
        let place = stock.take(now, &mut rng).unwrap();
        assert!(stock.is_sold_out_until(end));
        stock.put_back(place, Some(now + Duration::from_secs(5)));
        assert!(!stock.is_sold_out_until(end));
    }

    #[test]
    fn legs_are_never_empty_nor_beyond_the_trip() {
        let trips = trips(&[10]);
        let mut rng = SmallRng::seed_from_u64(7);
        let choice = (Pick::Random, LegChoice::Random, Skew::Uniform);
        let mut stock = Stock::new(&trips, choice, (0, 1), &mut rng);
        for _ in 0..1_000 {
            let (from, to) = stock.take(Instant::now(), &mut rng).unwrap().legs.unwrap();
            assert!(from < to && to <= 4);
        }
    }

    #[test]
    fn a_few_trips_draw_most_buyers() {
        let (draw, mut rng) = (Draw::new(1_000, 1.1), SmallRng::seed_from_u64(7));
        let ranks: Vec<usize> = (0..10_000).map(|_| draw.rank(&mut rng)).collect();
        let top = ranks.iter().filter(|&&rank| rank < 10).count();
        assert!((3_500..6_500).contains(&top), "{top}");
        assert!(ranks.iter().all(|&rank| rank < 1_000));
    }
}
