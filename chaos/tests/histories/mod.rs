//! Histories of an imagined cluster that keeps every promise: clients with overlapping calls, answers
//! that are lost, requests that are sent again and that take effect late.

use seatgrid_chaos::sim::chance::Chance;
use seatgrid_chaos::verify::History;
use seatgrid_chaos::verify::call::{Kind, Outcome};
use seatgrid_chaos::verify::history::{Line, Seat};

/// When log time began, in Unix milliseconds.
const EPOCH_MS: u64 = 1_800_000_000_000;

/// A call, as it will be a line.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    pub(crate) trip: String,
    pub(crate) hold: String,
    pub(crate) seats: Vec<u32>,
    pub(crate) legs: (u16, u16),
    pub(crate) invoked_us: u64,
    pub(crate) completed_us: u64,
    pub(crate) again: bool,
    pub(crate) reacquired: bool,
    pub(crate) code: &'static str,
    pub(crate) shard: u32,
    pub(crate) ttl_ms: u64,
    pub(crate) position: u64,
    pub(crate) fence: u64,
    pub(crate) expires_at_ms: u64,
}

/// What histories are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) clients: usize,
    pub(crate) trips: u64,
    pub(crate) seats: u64,
    pub(crate) legs: u64,
    pub(crate) calls: usize,
    /// Of a thousand answers so many are lost.
    pub(crate) lost_per_mille: u64,
}

/// A hold as the imagined cluster knows it.
#[derive(Clone, Debug)]
struct Hold {
    request: Told,
    fence: u64,
    /// Answered first.
    first_ends_ms: u64,
    ends_ms: u64,
    state: State,
    /// What a confirm was answered.
    confirmed: Option<(u64, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Held,
    Booked,
    Released,
    Cancelled,
}

struct Cluster {
    holds: Vec<Hold>,
    /// The newest position of each shard.
    log: [u64; 2],
    /// The newest position of each trip.
    trips: Vec<u64>,
    clock_ms: u64,
}

/// A call under way.
struct Flight {
    effect_us: u64,
    told: Told,
    /// Its answer does not come.
    lost: bool,
}

/// A history that breaks no rule, in the order of answers.
pub(crate) fn valid(seed: u64, shape: Shape) -> Vec<Told> {
    let mut chance = Chance::new(seed);
    let trips = vec![0; shape.trips as usize];
    let mut cluster = Cluster { holds: Vec::new(), log: [0; 2], trips, clock_ms: EPOCH_MS };
    let (mut flights, mut history) = (Vec::new(), Vec::new());
    for _ in 0..shape.clients {
        begin(&mut chance, shape, (0, None), &mut flights, &mut history);
    }
    while history.len() < shape.calls && !flights.is_empty() {
        let next = (0..flights.len()).min_by_key(|&at| flights[at].effect_us).unwrap();
        let Flight { effect_us, mut told, lost } = flights.swap_remove(next);
        cluster.clock_ms = cluster.clock_ms.max(EPOCH_MS + effect_us / 1_000);
        cluster.decide(&mut told, &mut chance);
        if !lost {
            told.completed_us = told.completed_us.max(effect_us + chance.below(800));
            history.push(told.clone());
            begin(&mut chance, shape, (told.completed_us, Some(&told)), &mut flights, &mut history);
        }
    }
    history.sort_by_key(|told| told.completed_us);
    history
}

/// A client asks next, until it waits for an answer: one that is lost it does not wait for.
fn begin(
    chance: &mut Chance,
    shape: Shape,
    (mut free_us, last): (u64, Option<&Told>),
    flights: &mut Vec<Flight>,
    history: &mut Vec<Told>,
) {
    let mut last = last.cloned();
    loop {
        let mut told = next(chance, shape, last.as_ref());
        told.invoked_us = free_us + chance.below(40_000);
        told.completed_us = told.invoked_us + 1_000 + chance.below(3_000);
        let effect_us = told.invoked_us + 1 + chance.below(2_000);
        if !chance.per_mille(shape.lost_per_mille) {
            flights.push(Flight { effect_us, told, lost: false });
            return;
        }
        let late_us = if chance.per_mille(300) { chance.below(200_000) } else { 0 };
        if chance.per_mille(600) {
            flights.push(Flight { effect_us: effect_us + late_us, told: told.clone(), lost: true });
        }
        told.outcome = Outcome::Unknown;
        history.push(told.clone());
        (free_us, last) = (told.completed_us, Some(told));
    }
}

fn next(chance: &mut Chance, shape: Shape, last: Option<&Told>) -> Told {
    if let Some(last) = last {
        let same = || {
            blank(last.kind, last.trip.clone(), last.hold.clone(), last.seats.clone(), last.legs)
        };
        let again = matches!(last.outcome, Outcome::Unknown) && chance.per_mille(600);
        if again || last.outcome == Outcome::Ok && chance.per_mille(60) && last.kind != Kind::Extend
        {
            return Told { again: true, ttl_ms: last.ttl_ms, ..same() };
        }
        let kind = match (last.kind, last.outcome, chance.below(100)) {
            (Kind::Hold | Kind::Extend, Outcome::Ok, 0..40) => Some(Kind::Confirm),
            (Kind::Hold | Kind::Extend, Outcome::Ok, 40..70) => Some(Kind::Release),
            (Kind::Hold, Outcome::Ok, 70..80) => Some(Kind::Extend),
            (Kind::Confirm, Outcome::Ok, 0..50) => Some(Kind::Cancel),
            _ => None,
        };
        if let Some(kind) = kind {
            return Told { kind, ttl_ms: 60, ..same() };
        }
    }
    let first = chance.below(shape.seats) as u32;
    let mut seats = vec![first];
    if chance.per_mille(250) && u64::from(first) + 1 < shape.seats {
        seats.push(first + 1);
    }
    let from = chance.below(shape.legs) as u16;
    let to = chance.between(u64::from(from) + 1, shape.legs) as u16;
    let (trip, hold) = (chance.below(shape.trips), format!("h{:x}", chance.draw()));
    let ttl_ms = chance.between(20, 200);
    Told { ttl_ms, ..blank(Kind::Hold, trip.to_string(), hold, seats, (from, to)) }
}

fn blank(kind: Kind, trip: String, hold: String, seats: Vec<u32>, legs: (u16, u16)) -> Told {
    let shard = trip.parse::<u32>().unwrap_or(0) % 2;
    Told {
        kind,
        outcome: Outcome::Refused,
        trip,
        hold,
        seats,
        legs,
        invoked_us: 0,
        completed_us: 0,
        again: false,
        reacquired: false,
        code: "",
        shard,
        ttl_ms: 0,
        position: 0,
        fence: 0,
        expires_at_ms: 0,
    }
}

impl Cluster {
    /// A call takes effect, or is answered from what the cluster knows.
    fn decide(&mut self, told: &mut Told, chance: &mut Chance) {
        let (shard, trip) = (told.shard as usize, told.trip.parse::<usize>().unwrap());
        let position = self.log[shard] + 1;
        let known = self.holds.iter().position(|hold| hold.request.hold == told.hold);
        let wrote = match (told.kind, known) {
            (Kind::Hold, Some(known)) => {
                let hold = &self.holds[known];
                (told.outcome, told.fence) = (Outcome::Ok, hold.fence);
                told.expires_at_ms = hold.first_ends_ms;
                false
            }
            (Kind::Hold, None) => self.hold(told, position),
            (_, Some(known)) => self.change(told, known, position),
            (_, None) => {
                told.code = "UNKNOWN_HOLD";
                false
            }
        };
        // What changes nothing may be answered from the state alone, or have an entry of its own.
        if wrote || chance.per_mille(300) {
            self.log[shard] = position;
            self.trips[trip] = position;
        }
        told.position = self.trips[trip];
    }

    fn hold(&mut self, told: &mut Told, position: u64) -> bool {
        let now_ms = self.clock_ms;
        let taken = self.holds.iter().any(|other| other.has(now_ms) && other.overlaps(told));
        if taken {
            told.code = "SEAT_TAKEN";
            return false;
        }
        let ends_ms = now_ms + told.ttl_ms;
        (told.outcome, told.fence, told.expires_at_ms) = (Outcome::Ok, position, ends_ms);
        self.holds.push(Hold {
            request: told.clone(),
            fence: position,
            first_ends_ms: ends_ms,
            ends_ms,
            state: State::Held,
            confirmed: None,
        });
        true
    }

    fn change(&mut self, told: &mut Told, known: usize, position: u64) -> bool {
        let now_ms = self.clock_ms;
        let others_have = self.holds.iter().enumerate().any(|(place, other)| {
            place != known && other.has(now_ms) && other.overlaps(&self.holds[known].request)
        });
        let hold = &mut self.holds[known];
        let alive = hold.ends_ms > now_ms;
        match (told.kind, hold.state) {
            (Kind::Confirm, _) if told.again && hold.confirmed.is_some() => {
                let (fence, reacquired) = hold.confirmed.unwrap();
                (told.outcome, told.fence, told.reacquired) = (Outcome::Ok, fence, reacquired);
                return false;
            }
            (Kind::Release, State::Released) | (Kind::Cancel, State::Cancelled) if told.again => {
                told.outcome = Outcome::Ok;
                return false;
            }
            (Kind::Confirm, State::Held) if alive => {
                hold.state = State::Booked;
                (told.fence, hold.confirmed) = (hold.fence, Some((hold.fence, false)));
            }
            (Kind::Confirm, State::Held) if !others_have => {
                hold.state = State::Booked;
                (told.fence, told.reacquired) = (position, true);
                hold.confirmed = Some((position, true));
            }
            (Kind::Confirm, State::Held) => told.code = "HOLD_LOST",
            (Kind::Release, State::Held) if alive => hold.state = State::Released,
            (Kind::Extend, State::Held) if alive => {
                hold.ends_ms = hold.ends_ms.max(now_ms + told.ttl_ms);
                told.expires_at_ms = hold.ends_ms;
            }
            (Kind::Cancel, State::Booked) => hold.state = State::Cancelled,
            (_, State::Held) => told.code = "HOLD_EXPIRED",
            (_, State::Booked) => told.code = "HOLD_CONFIRMED",
            (_, State::Released) => told.code = "HOLD_RELEASED",
            (_, State::Cancelled) => told.code = "HOLD_CANCELLED",
        }
        if told.code.is_empty() {
            told.outcome = Outcome::Ok;
        }
        told.code.is_empty()
    }
}

impl Hold {
    fn has(&self, now_ms: u64) -> bool {
        match self.state {
            State::Held => self.ends_ms > now_ms,
            State::Booked => true,
            State::Released | State::Cancelled => false,
        }
    }

    fn overlaps(&self, told: &Told) -> bool {
        let own = &self.request;
        own.trip == told.trip
            && own.legs.0 < told.legs.1
            && told.legs.0 < own.legs.1
            && own.seats.iter().any(|seat| told.seats.contains(seat))
    }
}

/// What is left of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// Everything that the cluster says.
    Positions,
    /// Log times, and no position or fence.
    Times,
    /// Neither.
    Answers,
}

/// The history of some calls.
pub(crate) fn history(calls: &[Told], with: With) -> History {
    let mut history = History::new(true);
    for (number, told) in (1..).zip(calls) {
        let only = |wanted: bool, value: u64| if wanted { value } else { 0 };
        let (positions, times) = (with == With::Positions, with != With::Answers);
        history.add(
            number,
            &Line {
                kind: told.kind,
                outcome: told.outcome,
                trip: &told.trip,
                hold: &told.hold,
                seats: told.seats.iter().map(|&seat| Seat::Number(seat)).collect(),
                legs: Some(told.legs),
                invoked_us: told.invoked_us,
                completed_us: told.completed_us,
                again: told.again,
                reacquired: told.reacquired,
                code: told.code,
                shard: told.shard,
                ttl_ms: only(times, told.ttl_ms),
                position: only(positions, told.position),
                fence: only(positions, told.fence),
                expires_at_ms: only(times, told.expires_at_ms),
                at_ms: 0,
            },
        );
    }
    history
}
