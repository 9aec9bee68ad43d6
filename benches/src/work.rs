//! What buyers ask for.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;

/// Most seats that one hold asks for.
pub const MAX_SEATS_PER_HOLD: u16 = 4;

/// Legs that a hold takes of a trip with several.
pub const LEGS_PER_HOLD: u16 = 2;

/// Life of a hold, in seconds: longer than any measurement without an end.
pub const TTL_S: u32 = 300;

/// Life of a hold in [`Kind::Lapse`], in seconds.
const LAPSE_TTL_S: u32 = 5;

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
    /// As [`Kind::Spread`], and whoever was granted a hold ends it at once: ten of sixteen buy, five give
    /// it back, and one leaves it to expire.
    Life,
    /// As [`Kind::Spread`], and every hold is given back at once and asked for again later: it has no end.
    Turnover,
    /// As [`Kind::Spread`], but holds live for seconds, nobody ends them, and they are asked for again when all
    /// others have been: it has no end. Seats are free by then as long as a round takes longer than a hold lives.
    Lapse,
}

/// What is on sale, and what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// How seats are asked for.
    pub kind: Kind,
    /// How many trips there are.
    pub trips: u32,
    /// Seats of each.
    pub seats: u32,
    /// Seats of a hold, all or none: 1 to [`MAX_SEATS_PER_HOLD`].
    pub per_hold: u16,
    /// Legs of each trip. Of more than one a hold takes [`LEGS_PER_HOLD`] that follow each other.
    pub legs: u16,
    /// So many holds of one trip are asked for behind each other: one batch may have them.
    pub run: u16,
}

impl Workload {
    /// One trip of 500 seats.
    #[must_use]
    pub fn hot(per_hold: u16) -> Self {
        Self { kind: Kind::Hot, trips: 1, seats: 500, per_hold, legs: 1, run: 1 }
    }

    /// Ten thousand trips of 50 seats.
    #[must_use]
    pub fn spread(per_hold: u16) -> Self {
        Self { kind: Kind::Spread, trips: 10_000, seats: 50, per_hold, legs: 1, run: 1 }
    }

    /// One trip of 60,000 seats, each asked for once.
    #[must_use]
    pub fn one_trip(per_hold: u16) -> Self {
        Self { kind: Kind::OneTrip, trips: 1, seats: 60_000, per_hold, legs: 1, run: 1 }
    }

    /// Ten thousand trips of 50 seats, and the ends of the holds.
    #[must_use]
    pub fn life(per_hold: u16) -> Self {
        Self { kind: Kind::Life, ..Self::spread(per_hold) }
    }

    /// Fifty trips of 500 seats, held and given back without end: they soon remember as many answers as a
    /// trip of Seatgrid's does at most.
    #[must_use]
    pub fn turnover(per_hold: u16) -> Self {
        Self { kind: Kind::Turnover, trips: 50, seats: 500, ..Self::spread(per_hold) }
    }

    /// Ten thousand trips of 50 seats, held for seconds without end.
    #[must_use]
    pub fn lapse(per_hold: u16) -> Self {
        Self { kind: Kind::Lapse, ..Self::spread(per_hold) }
    }

    /// Two thousand trips of 50 seats and eight legs: each seat is sold four times.
    #[must_use]
    pub fn legs(per_hold: u16) -> Self {
        Self { trips: 2_000, legs: 8, ..Self::spread(per_hold) }
    }

    /// How long its holds live, in seconds.
    #[must_use]
    pub fn ttl_s(&self) -> u32 {
        if self.kind == Kind::Lapse { LAPSE_TTL_S } else { TTL_S }
    }

    /// Its name in a table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Hot => "hot",
            Kind::Spread => "spread",
            Kind::OneTrip => "one trip",
            Kind::Life => "life",
            Kind::Turnover => "turnover",
            Kind::Lapse => "lapse",
        }
    }

    /// Holds that can be granted in all.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        u64::from(self.trips) * u64::from(self.groups())
    }

    /// Holds that one trip can grant.
    fn groups(&self) -> u32 {
        self.seats / u32::from(self.per_hold) * u32::from(self.sections())
    }

    /// Into how many sections a trip's legs are divided.
    fn sections(&self) -> u16 {
        (self.legs / LEGS_PER_HOLD).max(1)
    }

    /// What the buyer of a hold that was granted asks for next; none where he leaves it as it is.
    #[must_use]
    pub fn follow_up(&self, ask: &Ask) -> Option<Ask> {
        if ask.step != Step::Hold {
            return None;
        }
        let step = match self.kind {
            Kind::Hot | Kind::Spread | Kind::OneTrip | Kind::Lapse => return None,
            Kind::Turnover => Step::Release,
            // Of all buyers, whatever numbers they have: the upper bits of a product with 2^64 over the golden
            // ratio (Knuth, The Art of Computer Programming 3, 6.4).
            Kind::Life => match ask.buyer.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 {
                0..10 => Step::Confirm,
                10..15 => Step::Release,
                _ => return None,
            },
        };
        Some(Ask { step, ..*ask })
    }
}

/// What is done about a hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// It is asked for.
    #[default]
    Hold,
    /// It becomes a booking.
    Confirm,
    /// Its seats are given back.
    Release,
}

/// A hold that is asked for, or ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// What is done.
    pub step: Step,
    /// The trip, counted from 0.
    pub trip: u32,
    /// The first of its seats, counted from 0; the others follow it.
    pub first: u32,
    /// How many seats.
    pub count: u16,
    /// Of a trip with several legs, the section that is asked for, counted from 0: each has
    /// [`LEGS_PER_HOLD`].
    pub section: Option<u16>,
    /// Who asks: a number that nobody else has.
    pub buyer: u64,
    /// How long the hold lives, in seconds.
    pub ttl_s: u32,
}

impl Ask {
    /// The seats.
    pub fn seats(&self) -> impl Iterator<Item = u32> + use<> {
        self.first..self.first + u32::from(self.count)
    }

    /// The legs, counted from 0; none where a trip has only one.
    #[must_use]
    pub fn legs(&self) -> Option<RangeInclusive<u16>> {
        let from = self.section? * LEGS_PER_HOLD;
        Some(from..=from + LEGS_PER_HOLD - 1)
    }

    /// Seats of single legs.
    #[must_use]
    pub fn places(&self) -> u16 {
        self.count * if self.section.is_some() { LEGS_PER_HOLD } else { 1 }
    }
}

/// What one of several workers asks for. But in [`Kind::Hot`] no two workers ask for the same seats, and but
/// in [`Kind::Turnover`] and [`Kind::Lapse`] none for the same seats twice.
#[derive(Debug)]
pub struct Asks {
    workload: Workload,
    rng: SmallRng,
    /// Groups of seats that are left, but for [`Kind::Hot`]; the last is asked for next.
    left: VecDeque<u32>,
    buyer: u64,
    step: u64,
}

impl Asks {
    /// The share of worker `worker` of `workers`.
    #[must_use]
    pub fn new(workload: Workload, (worker, workers): (u32, u32), seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed ^ u64::from(worker) << 32);
        let mut left = VecDeque::new();
        if workload.kind != Kind::Hot {
            let groups = u32::try_from(workload.capacity()).expect("an inventory is bounded");
            let run = u32::from(workload.run);
            let mut runs: Vec<u32> =
                (0..groups.div_ceil(run)).filter(|number| number % workers == worker).collect();
            runs.shuffle(&mut rng);
            left.extend(runs.iter().flat_map(|n| n * run..groups.min((n + 1) * run)));
        }
        Self { workload, rng, left, buyer: u64::from(worker), step: u64::from(workers) }
    }

    /// What was asked for is answered. Seats that are free again by then, or will be, are asked for again when
    /// all others have been.
    pub fn answered(&mut self, ask: &Ask) {
        let again = matches!(
            (self.workload.kind, ask.step),
            (Kind::Turnover, Step::Release) | (Kind::Lapse, Step::Hold)
        );
        if again {
            let sections = u32::from(self.workload.sections());
            let at =
                ask.first / u32::from(ask.count) * sections + u32::from(ask.section.unwrap_or(0));
            self.left.push_front(ask.trip * self.workload.groups() + at);
        }
    }
}

impl Iterator for Asks {
    type Item = Ask;

    /// The next; none when everything that is on sale was asked for.
    fn next(&mut self) -> Option<Ask> {
        let Workload { seats, per_hold, .. } = self.workload;
        let sections = self.workload.sections();
        let (trip, first, section) = match self.workload.kind {
            Kind::Hot => {
                let first = self.rng.random_range(0..=seats - u32::from(per_hold));
                (0, first, self.rng.random_range(0..sections))
            }
            Kind::Spread | Kind::OneTrip | Kind::Life | Kind::Turnover | Kind::Lapse => {
                let (group, groups) = (self.left.pop_back()?, self.workload.groups());
                let (at, sections) = (group % groups, u32::from(sections));
                (group / groups, at / sections * u32::from(per_hold), (at % sections) as u16)
            }
        };
        self.buyer += self.step;
        let section = (self.workload.legs > 1).then_some(section);
        let (count, buyer) = (per_hold, self.buyer);
        let ttl_s = self.workload.ttl_s();
        Some(Ask { step: Step::Hold, trip, first, count, section, buyer, ttl_s })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_seat_is_asked_for_once() {
        let workload = Workload { trips: 7, seats: 10, ..Workload::spread(3) };
        let mut all: Vec<Ask> = Vec::new();
        for worker in 0..4 {
            all.extend(Asks::new(workload, (worker, 4), 1));
        }
        let seats = |ask: &Ask| ask.seats().map(|seat| (ask.trip, seat)).collect::<Vec<_>>();
        let distinct: BTreeSet<(u32, u32)> = all.iter().flat_map(seats).collect();
        assert_eq!((all.len() as u64, distinct.len()), (workload.capacity(), 63));
        let buyers: BTreeSet<u64> = all.iter().map(|ask| ask.buyer).collect();
        assert_eq!(buyers.len(), all.len());
        assert!(distinct.iter().all(|(trip, seat)| *trip < 7 && *seat < 10));
    }

    #[test]
    fn every_section_of_every_seat_is_asked_for_once() {
        let workload = Workload { trips: 3, seats: 5, ..Workload::legs(2) };
        let all: Vec<Ask> = Asks::new(workload, (0, 1), 1).collect();
        let places = |ask: &Ask| {
            let (trip, legs) = (ask.trip, ask.legs().into_iter().flatten());
            let seats: Vec<u32> = ask.seats().collect();
            legs.flat_map(move |leg| seats.clone().into_iter().map(move |seat| (trip, seat, leg)))
                .collect::<Vec<_>>()
        };
        let distinct: BTreeSet<(u32, u32, u16)> = all.iter().flat_map(places).collect();
        assert_eq!((all.len() as u64, distinct.len()), (workload.capacity(), 3 * 4 * 8));
        assert!(distinct.iter().all(|(_, seat, leg)| *seat < 4 && *leg < 8));
        assert_eq!(all.iter().map(|ask| usize::from(ask.places())).sum::<usize>(), distinct.len());
    }

    #[test]
    fn of_sixteen_holds_about_ten_are_bought_and_five_given_back() {
        let workload = Workload { trips: 320, ..Workload::life(1) };
        let holds: Vec<Ask> = Asks::new(workload, (1, 4), 1).collect();
        let steps = |step| {
            let next = holds.iter().filter_map(|hold| workload.follow_up(hold));
            next.filter(|next| next.step == step).count() as f64 / holds.len() as f64
        };
        let (bought, given_back) = (steps(Step::Confirm), steps(Step::Release));
        assert!((0.6..0.65).contains(&bought), "{bought}");
        assert!((0.29..0.335).contains(&given_back), "{given_back}");
        let next = holds.iter().find_map(|hold| workload.follow_up(hold)).expect("there are some");
        assert_eq!(workload.follow_up(&next), None, "a hold ends once");
        assert_eq!(Workload::spread(1).follow_up(&holds[0]), None);
    }

    #[test]
    fn a_hot_trip_is_asked_for_without_end() {
        let mut asks = Asks::new(Workload::hot(4), (0, 1), 1);
        for _ in 0..10_000 {
            let ask = asks.next().expect("there is no end");
            assert!(ask.trip == 0 && ask.seats().all(|seat| seat < 500));
        }
    }

    #[test]
    fn what_is_given_back_is_asked_for_again_behind_all_others() {
        let workload = Workload { trips: 2, seats: 6, legs: 4, ..Workload::turnover(3) };
        let mut asks = Asks::new(workload, (0, 1), 1);
        let all: Vec<Ask> = asks.by_ref().collect();
        assert_eq!(all.len(), 8);
        for ask in &all {
            asks.answered(&workload.follow_up(ask).expect("each is given back"));
        }
        let again: Vec<Ask> = asks.collect();
        let place = |ask: &Ask| (ask.trip, ask.first, ask.section);
        assert!(all.iter().map(place).eq(again.iter().map(place)));
        assert!(all.iter().zip(&again).all(|(one, other)| one.buyer < other.buyer));
    }

    #[test]
    fn what_lapses_is_asked_for_again_behind_all_others() {
        let workload = Workload { trips: 3, ..Workload::lapse(1) };
        let mut asks = Asks::new(workload, (0, 1), 1);
        let first: Vec<Ask> = asks.by_ref().take(100).collect();
        first.iter().for_each(|ask| asks.answered(ask));
        let next: Vec<Ask> = asks.by_ref().take(50).collect();
        let seats = |asks: &[Ask]| asks.iter().map(|a| (a.trip, a.first)).collect::<BTreeSet<_>>();
        assert!(seats(&first).is_disjoint(&seats(&next)));
        assert_eq!(seats(&asks.collect::<Vec<_>>()), seats(&first));
        assert!(first.iter().all(|ask| ask.ttl_s < 10 && workload.follow_up(ask).is_none()));
    }

    #[test]
    fn holds_of_a_trip_follow_each_other_where_batches_are_asked_for() {
        let workload = Workload { trips: 40, run: 5, ..Workload::spread(1) };
        for worker in 0..3 {
            let all: Vec<Ask> = Asks::new(workload, (worker, 3), 1).collect();
            let trips =
                all.chunks(5).map(|run| run.iter().map(|ask| ask.trip).collect::<BTreeSet<_>>());
            assert!(trips.clone().all(|trips| trips.len() == 1));
            assert!(trips.collect::<Vec<_>>().windows(2).any(|two| two[0] != two[1]));
        }
    }
}
