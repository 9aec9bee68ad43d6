//! A ledger, sorted by hold and by seat.

use std::collections::HashMap;
use std::path::Path;

use client_sdk::ids::HoldId;

use crate::failure::Failure;
use crate::load::ledger::{self, Line, Op};

/// Contradictions that are shown; all are counted.
pub(crate) const MAX_SHOWN: usize = 20;

/// What became of a hold, as far as it was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Held, and perhaps expired since.
    Held,
    Confirmed,
    Released,
    /// The answer to what came last was lost.
    Unknown,
}

/// One hold.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) trip: u32,
    pub(crate) hold: HoldId,
    pub(crate) seats: Vec<u32>,
    pub(crate) legs: Option<(u16, u16)>,
    pub(crate) fate: Fate,
    /// Where the hold was granted; 0 when its answer was lost.
    pub(crate) held_at: u64,
    /// It had expired before it was confirmed, and its seats were taken back.
    pub(crate) reacquired: bool,
}

/// A whole ledger.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) trips: Vec<String>,
    pub(crate) holds: Vec<Entry>,
    trip_numbers: HashMap<String, u32>,
    hold_numbers: HashMap<HoldId, usize>,
}

impl Book {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let (mut book, mut bad) = (Self::default(), 0_u64);
        ledger::read(path, |line| bad += u64::from(!book.add(line)))?;
        if bad > 0 {
            let message = format!("{}: {bad} lines have no valid hold id", path.display());
            return Err(Failure::new(message));
        }
        Ok(book)
    }

    /// Adds a line; false when its hold id is none.
    fn add(&mut self, line: Line) -> bool {
        let Ok(hold) = line.hold.parse::<HoldId>() else { return false };
        let trips = &mut self.trips;
        let trip = *self.trip_numbers.entry(line.trip).or_insert_with_key(|name| {
            trips.push(name.clone());
            trips.len() as u32 - 1
        });
        let fresh = self.holds.len();
        let number = *self.hold_numbers.entry(hold).or_insert(fresh);
        if number == fresh {
            self.holds.push(Entry {
                trip,
                hold,
                seats: line.seats,
                legs: line.legs,
                fate: Fate::Unknown,
                held_at: 0,
                reacquired: false,
            });
        }
        let entry = &mut self.holds[number];
        entry.fate = match line.op {
            Op::Held => Fate::Held,
            Op::Confirmed => Fate::Confirmed,
            Op::Released => Fate::Released,
            Op::HoldUnknown | Op::ConfirmUnknown | Op::ReleaseUnknown => Fate::Unknown,
        };
        if line.op == Op::Held {
            entry.held_at = line.position;
        }
        entry.reacquired |= line.reacquired;
        true
    }

    /// How many holds ended so.
    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.holds.iter().filter(|hold| hold.fate == fate).count()
    }

    /// Seats that were sold and granted again afterwards, or sold twice: pairs of holds.
    pub(crate) fn double_sales(&self) -> Vec<(usize, usize)> {
        let mut by_seat: HashMap<(u32, u32), Vec<usize>> = HashMap::new();
        for (number, hold) in self.holds.iter().enumerate() {
            for &seat in &hold.seats {
                by_seat.entry((hold.trip, seat)).or_default().push(number);
            }
        }
        let mut pairs = Vec::new();
        for mut holds in by_seat.into_values() {
            if !holds.iter().any(|&hold| self.holds[hold].fate == Fate::Confirmed) {
                continue;
            }
            holds.sort_by_key(|&hold| self.holds[hold].held_at);
            for (place, &sold) in holds.iter().enumerate() {
                if self.holds[sold].fate == Fate::Confirmed {
                    let later = holds[place + 1..].iter();
                    pairs.extend(
                        later.filter(|&&other| self.clash(sold, other)).map(|&other| (sold, other)),
                    );
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Whether `later`, which was granted after `sold`, should have been refused.
    fn clash(&self, sold: usize, later: usize) -> bool {
        let (sold, later) = (&self.holds[sold], &self.holds[later]);
        if !overlap(sold.legs, later.legs) || later.held_at == 0 {
            return false;
        }
        // A reacquired booking had lost its seats in between; only another sale contradicts it.
        !sold.reacquired || later.fate == Fate::Confirmed
    }
}

/// Whether two runs of legs share one; absent stands for all.
fn overlap(a: Option<(u16, u16)>, b: Option<(u16, u16)>) -> bool {
    match (a, b) {
        (Some((a_from, a_to)), Some((b_from, b_to))) => a_from < b_to && b_from < a_to,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(op: Op, hold: u8, seat: u32, legs: Option<(u16, u16)>, position: u64) -> Line {
        Line {
            op,
            trip: "t1".into(),
            hold: format!("{hold:032x}"),
            seats: vec![seat],
            legs,
            fence: position,
            shard: 0,
            position,
            ttl_ms: 60_000,
            reacquired: false,
        }
    }

    /// What was done, the hold, the seat, its legs, and the position.
    type Short = (Op, u8, u32, Option<(u16, u16)>, u64);

    fn book(lines: &[Short]) -> Book {
        let mut book = Book::default();
        for &(op, hold, seat, legs, position) in lines {
            assert!(book.add(line(op, hold, seat, legs, position)));
        }
        book
    }

    #[test]
    fn the_last_acknowledged_line_is_a_holds_fate() {
        let book = book(&[
            (Op::Held, 1, 4, None, 10),
            (Op::Held, 2, 5, None, 11),
            (Op::Confirmed, 1, 4, None, 12),
            (Op::ReleaseUnknown, 2, 5, None, 0),
        ]);
        assert_eq!((book.count(Fate::Confirmed), book.count(Fate::Unknown)), (1, 1));
        assert_eq!(book.double_sales(), []);
    }

    #[test]
    fn a_seat_that_is_granted_again_after_its_sale_is_found() {
        let book = book(&[
            (Op::Held, 1, 4, None, 10),
            (Op::Confirmed, 1, 4, None, 12),
            (Op::Held, 2, 4, None, 15),
        ]);
        assert_eq!(book.double_sales(), [(0, 1)]);
    }

    #[test]
    fn a_seat_may_be_sold_after_it_was_given_back_and_on_other_legs() {
        let book = book(&[
            (Op::Held, 1, 4, None, 10),
            (Op::Released, 1, 4, None, 11),
            (Op::Held, 2, 4, Some((0, 2)), 12),
            (Op::Confirmed, 2, 4, Some((0, 2)), 13),
            (Op::Held, 3, 4, Some((2, 3)), 14),
            (Op::Confirmed, 3, 4, Some((2, 3)), 15),
        ]);
        assert_eq!(book.double_sales(), []);
    }
}
