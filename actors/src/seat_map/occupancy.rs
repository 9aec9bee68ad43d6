//! Who has which seat on which leg: one bit a seat and leg, and a list of claims a seat.
//!
//! The bits answer "is it free?" in a nanosecond; the claims answer "who has it?" when it is not. A seat
//! that one alone has, as on a trip of one leg, has its claim beside its bits; only more claims on one
//! seat make a list.

use std::ops::Range;

use proto::ids::{Legs, SeatNo};
use raft::mutant::{Mutant, planted};

use super::slab::NONE;
use crate::fetch::fetch;

/// Marks a number beside the bits as the first cell of a list of claims instead of an owner.
const IS_LIST: u32 = 1 << 31;

/// Seats times legs.
#[derive(Clone, Debug)]
pub(super) struct Occupancy {
    /// Words of 64 legs for each seat: at least 1.
    words_per_seat: u16,
    /// Legs of the trip.
    leg_count: u16,
    /// The first free cell of `lists`, or [`NONE`].
    free: u32,
    /// For each seat its bits, set where someone has it, and then its [`Claims`], packed.
    seats: Box<[u64]>,
    /// The claims on seats that have more than one: lists in order of legs, and one list of free cells.
    lists: Vec<Cell>,
}

/// Someone has a seat on some legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// The slot of the hold, booking or block.
    pub(super) owner: u32,
    /// On which legs.
    pub(super) legs: Legs,
}

/// A claim in a list.
#[derive(Clone, Copy, Debug)]
struct Cell {
    claim: Claim,
    /// The next claim on the same seat, or [`NONE`].
    next: u32,
}

/// The claims on one seat, as they stand beside its bits.
#[derive(Clone, Copy, Debug)]
enum Claims {
    /// Nobody has the seat.
    None,
    /// One has it.
    One(Claim),
    /// More than one have it: the first cell of their list.
    List(u32),
}

impl Claims {
    /// Reads the packed form: an owner or a marked cell, then the legs.
    #[inline]
    fn unpack(packed: u64) -> Self {
        let number = (packed >> 32) as u32;
        match Legs::new((packed >> 16) as u16, packed as u16) {
            Ok(legs) => Self::One(Claim { owner: number, legs }),
            Err(_) if number & IS_LIST != 0 => Self::List(number & !IS_LIST),
            Err(_) => Self::None,
        }
    }

    #[inline]
    fn pack(self) -> u64 {
        match self {
            Self::None => 0,
            Self::One(Claim { owner, legs }) => {
                u64::from(owner) << 32 | u64::from(legs.from()) << 16 | u64::from(legs.to())
            }
            Self::List(first) => u64::from(first | IS_LIST) << 32,
        }
    }
}

impl Occupancy {
    /// All seats free on all legs.
    pub(super) fn new(seats: usize, leg_count: u16) -> Self {
        let words_per_seat = leg_count.div_ceil(64);
        let seats = vec![0; seats * (usize::from(words_per_seat) + 1)].into();
        Self { words_per_seat, leg_count, free: NONE, seats, lists: Vec::new() }
    }

    /// Whether the seat is free on all of the legs.
    #[inline]
    pub(super) fn is_free(&self, seat: SeatNo, legs: Legs) -> bool {
        if self.words_per_seat == 1 {
            return self.seats[seat.index() * 2] & short_mask(legs) == 0;
        }
        let words = self.words_of(seat);
        let touched = usize::from(legs.from()) / 64..=usize::from(legs.to() - 1) / 64;
        touched.into_iter().all(|word| words[word] & mask(legs, word) == 0)
    }

    /// How many of these seats are free on all of the legs.
    pub(super) fn count_free(&self, seats: Range<u32>, legs: Legs) -> u32 {
        if self.words_per_seat == 1 {
            let mask = short_mask(legs);
            let (pairs, _) = self.seats.as_chunks::<2>();
            let pairs = &pairs[seats.start as usize..seats.end as usize];
            return pairs.iter().map(|[word, _]| u32::from(word & mask == 0)).sum();
        }
        seats.map(|seat| u32::from(self.is_free(SeatNo::new(seat), legs))).sum()
    }

    /// The words of a seat.
    pub(super) fn words_of(&self, seat: SeatNo) -> &[u64] {
        &self.seats[self.start_of(seat)..][..usize::from(self.words_per_seat)]
    }

    /// Whether the seat is free on one leg.
    fn is_leg_free(&self, seat: SeatNo, leg: u16) -> bool {
        self.words_of(seat)[usize::from(leg) / 64] >> (leg % 64) & 1 == 0
    }

    /// How many legs in a row around `legs` the seat is free on, `legs` included, given that it is
    /// free on them.
    pub(super) fn free_run(&self, seat: SeatNo, legs: Legs) -> u16 {
        if self.words_per_seat == 1 {
            let word = self.seats[seat.index() * 2];
            let before = word << (63 - legs.from()) << 1;
            let before = (before.leading_zeros() as u16).min(legs.from());
            let after = if legs.to() == 64 { 0 } else { word >> legs.to() };
            let after = (after.trailing_zeros() as u16).min(self.leg_count - legs.to());
            return before + legs.count() + after;
        }
        let before = (0..legs.from()).rev().take_while(|&leg| self.is_leg_free(seat, leg)).count();
        let after =
            (legs.to()..self.leg_count).take_while(|&leg| self.is_leg_free(seat, leg)).count();
        legs.count() + u16::try_from(before + after).expect("legs are counted in 16 bits")
    }

    /// Asks for what taking a seat reads.
    #[inline]
    pub(super) fn prefetch(&self, seat: SeatNo) {
        fetch(&self.seats[self.start_of(seat)]);
    }

    /// The claims on a seat, in order of legs.
    pub(super) fn claims_on(&self, seat: SeatNo) -> impl Iterator<Item = Claim> {
        let (one, mut at) = match self.claims(seat) {
            Claims::None => (None, NONE),
            Claims::One(claim) => (Some(claim), NONE),
            Claims::List(first) => (None, first),
        };
        let list = std::iter::from_fn(move || {
            let cell = *self.lists.get(at as usize)?;
            at = cell.next;
            Some(cell.claim)
        });
        one.into_iter().chain(list)
    }

    /// Gives a free seat to an owner.
    ///
    /// # Panics
    /// If it is not free on all of the legs: a double sale is never written down.
    #[inline]
    pub(super) fn take(&mut self, seat: SeatNo, legs: Legs, owner: u32) {
        assert!(self.is_free(seat, legs), "seat {seat} is taken on {legs}");
        self.flip(seat, legs);
        let claim = Claim { owner, legs };
        let claims = match self.claims(seat) {
            Claims::None => Claims::One(claim),
            Claims::One(other) => {
                let (first, last) =
                    if other.legs.from() < legs.from() { (other, claim) } else { (claim, other) };
                let last = self.cell(last, NONE);
                Claims::List(self.cell(first, last))
            }
            Claims::List(first) => Claims::List(self.enlist(first, claim)),
        };
        self.set_claims(seat, claims);
    }

    /// Takes a seat back from its owner.
    ///
    /// # Panics
    /// If the owner does not have it on exactly these legs.
    pub(super) fn give_back(&mut self, seat: SeatNo, legs: Legs, owner: u32) {
        let claim = Claim { owner, legs };
        let claims = match self.claims(seat) {
            Claims::One(one) if one == claim => Claims::None,
            Claims::List(first) => self.strike(first, claim),
            claims => panic!("seat {seat} is given back by {claim:?} and has {claims:?}"),
        };
        self.set_claims(seat, claims);
        let more = Legs::new(legs.from(), legs.to() + 1).ok();
        self.flip(seat, more.filter(|_| planted(Mutant::FreesALegTooMany)).unwrap_or(legs));
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.seats) + self.lists.capacity() * size_of::<Cell>()
    }

    /// Enters a claim into a list; gives the list's first cell.
    fn enlist(&mut self, first: u32, claim: Claim) -> u32 {
        let (mut before, mut next) = (NONE, first);
        while next != NONE && self.lists[next as usize].claim.legs.from() < claim.legs.from() {
            (before, next) = (next, self.lists[next as usize].next);
        }
        let cell = self.cell(claim, next);
        if before == NONE {
            return cell;
        }
        self.lists[before as usize].next = cell;
        first
    }

    /// Takes a claim out of a list; gives what is left.
    fn strike(&mut self, first: u32, claim: Claim) -> Claims {
        let (mut before, mut at) = (NONE, first);
        while at != NONE && self.lists[at as usize].claim != claim {
            (before, at) = (at, self.lists[at as usize].next);
        }
        let next = self.lists.get(at as usize).expect("the owner has a claim on the seat").next;
        self.release(at);
        let first = if before == NONE { next } else { first };
        if before != NONE {
            self.lists[before as usize].next = next;
        }
        let left = self.lists[first as usize];
        if left.next != NONE {
            return Claims::List(first);
        }
        self.release(first);
        Claims::One(left.claim)
    }

    /// Stores a claim in a free cell.
    fn cell(&mut self, claim: Claim, next: u32) -> u32 {
        let cell = Cell { claim, next };
        if self.free == NONE {
            self.lists.push(cell);
            return u32::try_from(self.lists.len() - 1).expect("at most seats times legs");
        }
        let at = self.free;
        self.free = self.lists[at as usize].next;
        self.lists[at as usize] = cell;
        at
    }

    /// Puts a cell to the free ones.
    fn release(&mut self, at: u32) {
        self.lists[at as usize].next = self.free;
        self.free = at;
    }

    #[inline]
    fn claims(&self, seat: SeatNo) -> Claims {
        Claims::unpack(self.seats[self.start_of(seat) + usize::from(self.words_per_seat)])
    }

    #[inline]
    fn set_claims(&mut self, seat: SeatNo, claims: Claims) {
        let at = self.start_of(seat) + usize::from(self.words_per_seat);
        self.seats[at] = claims.pack();
    }

    /// Where a seat begins in `seats`.
    #[inline]
    fn start_of(&self, seat: SeatNo) -> usize {
        seat.index() * (usize::from(self.words_per_seat) + 1)
    }

    /// Turns the bits of the legs over.
    #[inline]
    fn flip(&mut self, seat: SeatNo, legs: Legs) {
        let legs = match Legs::new(legs.from(), legs.to() - 1) {
            Ok(shorter) if planted(Mutant::ForgetsALeg) => shorter,
            _ => legs,
        };
        let start = self.start_of(seat);
        if self.words_per_seat == 1 {
            self.seats[start] ^= short_mask(legs);
            return;
        }
        for word in usize::from(legs.from()) / 64..=usize::from(legs.to() - 1) / 64 {
            self.seats[start + word] ^= mask(legs, word);
        }
    }
}

/// The bits of legs that lie within the first 64.
#[inline]
fn short_mask(legs: Legs) -> u64 {
    u64::MAX >> (64 - legs.count()) << legs.from()
}

/// The bits of the legs within one word of 64 legs that they touch.
#[inline]
pub(super) fn mask(legs: Legs, word: usize) -> u64 {
    let start = word * 64;
    let from = usize::from(legs.from()).max(start) - start;
    let to = usize::from(legs.to()).min(start + 64) - start;
    u64::MAX >> (64 - (to - from)) << from
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legs(from: u16, to: u16) -> Legs {
        Legs::new(from, to).expect("from is smaller")
    }

    #[test]
    fn a_mask_covers_exactly_its_legs() {
        assert_eq!(mask(legs(0, 1), 0), 1);
        assert_eq!(mask(legs(0, 64), 0), u64::MAX);
        assert_eq!(mask(legs(63, 64), 0), 1 << 63);
        assert_eq!(mask(legs(60, 70), 0), 0xf << 60);
        assert_eq!(mask(legs(60, 70), 1), 0x3f);
        assert_eq!(mask(legs(60, 200), 1), u64::MAX);
    }

    /// The one-word path and the many-word path must agree with counting leg by leg.
    #[test]
    fn a_free_run_ends_at_the_next_claim_and_at_the_last_stop() {
        for leg_count in [1, 2, 5, 63, 64, 65, 118, 128] {
            let seat = SeatNo::new(1);
            for taken in 0..leg_count {
                let mut occupancy = Occupancy::new(3, leg_count);
                occupancy.take(seat, legs(taken, taken + 1), 7);
                for from in 0..leg_count {
                    let to = leg_count.min(from + 3);
                    let asked = legs(from, to);
                    let free = !asked.contains(taken);
                    assert_eq!(occupancy.is_free(seat, asked), free);
                    let run = if taken < from { leg_count - taken - 1 } else { taken };
                    if free {
                        assert_eq!(occupancy.free_run(seat, asked), run, "{asked} of {leg_count}");
                    }
                }
            }
        }
    }

    #[test]
    fn claims_stand_in_order_of_legs_whatever_the_order_of_taking() {
        let mut occupancy = Occupancy::new(1, 70);
        let seat = SeatNo::new(0);
        for (owner, from) in [(1, 40), (2, 0), (3, 69), (4, 20)] {
            occupancy.take(seat, legs(from, from + 1), owner);
        }
        let owners = |o: &Occupancy| o.claims_on(seat).map(|c| c.owner).collect::<Vec<_>>();
        assert_eq!(owners(&occupancy), [2, 4, 1, 3]);
        occupancy.give_back(seat, legs(20, 21), 4);
        occupancy.give_back(seat, legs(0, 1), 2);
        assert_eq!(owners(&occupancy), [1, 3]);
        occupancy.take(seat, legs(10, 30), 5);
        assert_eq!(owners(&occupancy), [5, 1, 3]);
        assert!(occupancy.is_free(seat, legs(0, 10)) && !occupancy.is_free(seat, legs(29, 31)));
        occupancy.give_back(seat, legs(69, 70), 3);
        occupancy.give_back(seat, legs(10, 30), 5);
        assert_eq!(owners(&occupancy), [1]);
        occupancy.give_back(seat, legs(40, 41), 1);
        assert_eq!(owners(&occupancy), [0; 0]);
        assert!(occupancy.is_free(seat, legs(0, 70)));
    }

    #[test]
    #[should_panic(expected = "is given back by")]
    fn a_seat_is_given_back_by_its_owner_on_its_legs() {
        let mut occupancy = Occupancy::new(1, 70);
        occupancy.take(SeatNo::new(0), legs(3, 5), 1);
        occupancy.give_back(SeatNo::new(0), legs(3, 4), 1);
    }
}
