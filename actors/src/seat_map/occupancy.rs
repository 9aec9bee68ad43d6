//! Who has which seat on which leg: one bit a seat and leg, and a list of claims a seat.
//!
//! The bits answer "is it free?" in a nanosecond; the claims answer "who has it?" when it is not.

use std::ops::Range;

use proto::ids::{Legs, SeatNo};

use super::slab::NONE;

/// Seats times legs.
#[derive(Clone, Debug)]
pub(super) struct Occupancy {
    /// Words of 64 legs for each seat: at least 1.
    words_per_seat: usize,
    /// Legs of the trip.
    leg_count: u16,
    /// The bits, seat by seat: set where someone has the seat.
    words: Box<[u64]>,
    /// The first claim on each seat, or [`NONE`].
    first: Box<[u32]>,
    /// The claims of all seats: lists in order of legs, and one list of free cells.
    claims: Vec<Claim>,
    /// The first free cell of `claims`, or [`NONE`].
    free: u32,
}

/// Someone has a seat on some legs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    /// The slot of the hold, booking or block.
    pub(super) owner: u32,
    /// On which legs.
    pub(super) legs: Legs,
    /// The next claim on the same seat, or [`NONE`].
    next: u32,
}

impl Occupancy {
    /// All seats free on all legs.
    pub(super) fn new(seats: usize, leg_count: u16) -> Self {
        let words_per_seat = usize::from(leg_count).div_ceil(64);
        Self {
            words_per_seat,
            leg_count,
            words: vec![0; seats * words_per_seat].into(),
            first: vec![NONE; seats].into(),
            claims: Vec::new(),
            free: NONE,
        }
    }

    /// Whether the seat is free on all of the legs.
    #[inline]
    pub(super) fn is_free(&self, seat: SeatNo, legs: Legs) -> bool {
        if self.words_per_seat == 1 {
            return self.words[seat.index()] & mask(legs, 0) == 0;
        }
        let words = self.words_of(seat);
        let touched = usize::from(legs.from()) / 64..=usize::from(legs.to() - 1) / 64;
        touched.into_iter().all(|word| words[word] & mask(legs, word) == 0)
    }

    /// How many of these seats are free on all of the legs.
    pub(super) fn count_free(&self, seats: Range<u32>, legs: Legs) -> u32 {
        if self.words_per_seat == 1 {
            let mask = mask(legs, 0);
            let words = &self.words[seats.start as usize..seats.end as usize];
            return words.iter().map(|word| u32::from(word & mask == 0)).sum();
        }
        seats.map(|seat| u32::from(self.is_free(SeatNo::new(seat), legs))).sum()
    }

    /// The words of a seat.
    pub(super) fn words_of(&self, seat: SeatNo) -> &[u64] {
        &self.words[seat.index() * self.words_per_seat..][..self.words_per_seat]
    }

    /// Whether the seat is free on one leg.
    fn is_leg_free(&self, seat: SeatNo, leg: u16) -> bool {
        self.words_of(seat)[usize::from(leg) / 64] >> (leg % 64) & 1 == 0
    }

    /// How many legs in a row around `legs` the seat is free on, `legs` included, given that it is
    /// free on them.
    pub(super) fn free_run(&self, seat: SeatNo, legs: Legs) -> u16 {
        if self.words_per_seat == 1 {
            let word = self.words[seat.index()];
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

    /// Reads what taking a seat reads.
    #[inline]
    pub(super) fn prefetch(&self, seat: SeatNo) -> u64 {
        let word = self.words[seat.index() * self.words_per_seat];
        let claim = self.claims.get(self.free as usize).or(self.claims.last());
        word ^ u64::from(self.first[seat.index()]) ^ claim.map_or(0, |claim| u64::from(claim.next))
    }

    /// The claims on a seat, in order of legs.
    pub(super) fn claims_on(&self, seat: SeatNo) -> impl Iterator<Item = Claim> {
        let mut at = self.first[seat.index()];
        std::iter::from_fn(move || {
            let claim = *self.claims.get(at as usize)?;
            at = claim.next;
            Some(claim)
        })
    }

    /// Gives a free seat to an owner.
    ///
    /// # Panics
    /// If it is not free on all of the legs: a double sale is never written down.
    #[inline]
    pub(super) fn take(&mut self, seat: SeatNo, legs: Legs, owner: u32) {
        assert!(self.is_free(seat, legs), "seat {seat} is taken on {legs}");
        self.flip(seat, legs);
        let head = self.first[seat.index()];
        let mut before = NONE;
        let mut next = head;
        while next != NONE && self.claims[next as usize].legs.from() < legs.from() {
            before = next;
            next = self.claims[next as usize].next;
        }
        let cell = self.cell(Claim { owner, legs, next });
        match before {
            NONE => self.first[seat.index()] = cell,
            before => self.claims[before as usize].next = cell,
        }
    }

    /// Takes a seat back from its owner.
    ///
    /// # Panics
    /// If the owner does not have it on exactly these legs.
    pub(super) fn give_back(&mut self, seat: SeatNo, legs: Legs, owner: u32) {
        let mut before = NONE;
        let mut at = self.first[seat.index()];
        while at != NONE && self.claims[at as usize].owner != owner {
            before = at;
            at = self.claims[at as usize].next;
        }
        let claim = *self.claims.get(at as usize).expect("the owner has a claim on the seat");
        assert!(
            claim.legs == legs,
            "seat {seat} is claimed on {} and given back on {legs}",
            claim.legs
        );
        match before {
            NONE => self.first[seat.index()] = claim.next,
            before => self.claims[before as usize].next = claim.next,
        }
        self.claims[at as usize].next = self.free;
        self.free = at;
        self.flip(seat, legs);
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.words)
            + size_of_val(&*self.first)
            + self.claims.capacity() * size_of::<Claim>()
    }

    /// Stores a claim in a free cell.
    #[inline]
    fn cell(&mut self, claim: Claim) -> u32 {
        if self.free == NONE {
            self.claims.push(claim);
            return u32::try_from(self.claims.len() - 1).expect("at most seats times legs");
        }
        let cell = self.free;
        self.free = self.claims[cell as usize].next;
        self.claims[cell as usize] = claim;
        cell
    }

    /// Turns the bits of the legs over.
    #[inline]
    fn flip(&mut self, seat: SeatNo, legs: Legs) {
        let start = seat.index() * self.words_per_seat;
        for word in usize::from(legs.from()) / 64..=usize::from(legs.to() - 1) / 64 {
            self.words[start + word] ^= mask(legs, word);
        }
    }
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
    }
}
