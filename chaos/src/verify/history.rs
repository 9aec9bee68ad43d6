//! All calls of a history, with names told once.

use std::borrow::Cow;
use std::num::NonZeroU64;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::call::{Call, Kind, Legs, Outcome, Reason};

/// Marks the number of a seat that has a name: the number is then the name's place.
const IS_NAMED: u32 = 1 << 31;

/// What the first line may say of all that follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub history: u32,
    /// Nobody else touched the trips: every refusal of a taken seat has its reason in the history.
    #[serde(default)]
    pub complete: bool,
}

/// The version of the format that is read and written.
pub const FORMAT: u32 = 1;

/// A seat as a line names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Seat<'a> {
    /// By its number in the layout.
    Number(u32),
    /// By its name.
    Name(Cow<'a, str>),
}

/// A line of a history: what is asked and answered by one call.
#[derive(Clone, Debug, Serialize)]
pub struct Line<'a> {
    /// What was asked.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// The trip.
    pub trip: &'a str,
    /// The hold.
    pub hold: &'a str,
    /// The seats; none where the hold's are meant.
    pub seats: Vec<Seat<'a>>,
    /// The legs, from and to; the whole trip when absent.
    pub legs: Option<(u16, u16)>,
    /// When it was asked, in microseconds.
    pub invoked_us: u64,
    /// When the answer came, in microseconds.
    pub completed_us: u64,
    /// The same request had been sent before.
    pub again: bool,
    /// A confirm took the seats back after the hold had expired.
    pub reacquired: bool,
    /// The code of an answer that is not OK.
    pub code: &'a str,
    /// The shard that decided.
    pub shard: u32,
    /// The life that was asked for, in milliseconds; 0 when it is not known, as below.
    pub ttl_ms: u64,
    /// Where in the log it was decided.
    pub position: u64,
    /// The fencing number.
    pub fence: u64,
    /// Log time at which a hold ends, in Unix milliseconds.
    pub expires_at_ms: u64,
    /// Log time at which it was decided, in Unix milliseconds.
    pub at_ms: u64,
}

/// A history.
#[derive(Debug, Default)]
pub struct History {
    /// Nobody else touched its trips.
    pub complete: bool,
    calls: Vec<Call>,
    seats: Vec<u32>,
    trips: Names,
    holds: Names,
    seat_names: Names,
}

impl History {
    /// A history without a call.
    #[must_use]
    pub fn new(complete: bool) -> Self {
        Self { complete, ..Self::default() }
    }

    /// Adds a call, which stands on line `number` of its file.
    pub fn add(&mut self, number: u32, line: &Line<'_>) {
        let seats_from = self.seats.len() as u32;
        for seat in &line.seats {
            let number = match seat {
                Seat::Number(number) => *number & !IS_NAMED,
                Seat::Name(name) => self.seat_names.number(name) | IS_NAMED,
            };
            self.seats.push(number);
        }
        self.calls.push(Call {
            line: number,
            kind: line.kind,
            outcome: line.outcome,
            reason: Reason::of(line.code),
            again: line.again,
            reacquired: line.reacquired,
            trip: self.trips.number(line.trip),
            hold: self.holds.number(line.hold),
            seats_from,
            seat_count: line.seats.len() as u16,
            legs: line.legs.map_or(Legs::ALL, |(from, to)| Legs { from, to }),
            shard: line.shard,
            invoked_us: line.invoked_us,
            completed_us: line.completed_us,
            ttl_ms: NonZeroU64::new(line.ttl_ms),
            position: NonZeroU64::new(line.position),
            fence: NonZeroU64::new(line.fence),
            expires_at_ms: NonZeroU64::new(line.expires_at_ms),
            at_ms: NonZeroU64::new(line.at_ms),
        });
    }

    /// All calls, in the order of their lines.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The seats that a call names.
    #[must_use]
    pub fn seats(&self, call: &Call) -> &[u32] {
        let from = call.seats_from as usize;
        &self.seats[from..from + usize::from(call.seat_count)]
    }

    /// How many holds there are.
    #[must_use]
    pub fn hold_count(&self) -> usize {
        self.holds.ends.len()
    }

    /// How many trips there are.
    #[must_use]
    pub fn trip_count(&self) -> usize {
        self.trips.ends.len()
    }

    /// A trip's name.
    #[must_use]
    pub fn trip(&self, number: u32) -> &str {
        self.trips.name(number)
    }

    /// A hold's id.
    #[must_use]
    pub fn hold(&self, number: u32) -> &str {
        self.holds.name(number)
    }

    /// A seat's name, or its number as text.
    #[must_use]
    pub fn seat(&self, number: u32) -> String {
        match number & IS_NAMED {
            0 => number.to_string(),
            _ => self.seat_names.name(number & !IS_NAMED).to_owned(),
        }
    }
}

/// Names, each kept once. The number of a name is its place.
#[derive(Debug, Default)]
struct Names {
    text: String,
    /// Where each name ends in the text.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
}

impl Names {
    fn name(&self, number: u32) -> &str {
        let place = number as usize;
        let from = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[from..self.ends[place]]
    }

    fn number(&mut self, name: &str) -> u32 {
        let hash = xxh3_64(name.as_bytes());
        if let Some(number) = self.numbers.find(hash, |&number| self.name(number) == name) {
            return *number;
        }
        let number = self.ends.len() as u32;
        self.text.push_str(name);
        self.ends.push(self.text.len());
        let (text, ends) = (&self.text, &self.ends);
        let hash_of = |number: &u32| {
            let place = *number as usize;
            let from = place.checked_sub(1).map_or(0, |before| ends[before]);
            xxh3_64(&text.as_bytes()[from..ends[place]])
        };
        self.numbers.insert_unique(hash, number, hash_of);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_for_ever() {
        let mut names = Names::default();
        let numbers: Vec<u32> = (0..1_000).map(|n| names.number(&format!("n{n}"))).collect();
        assert_eq!(numbers, (0..1_000).collect::<Vec<u32>>());
        assert_eq!((names.number("n7"), names.name(999)), (7, "n999"));
    }
}
