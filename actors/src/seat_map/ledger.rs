//! The entries of the books: every change of who has what goes through here, so that bits, counters,
//! deadlines, buyers and change records cannot fall out of step.

use proto::ids::{BuyerId, LogPosition, Timestamp};
use raft::mutant::{Mutant, planted};

use super::change::{Change, ChangeKind};
use super::record::{HoldState, Record};
use super::refusal::Class;
use super::reply::Places;
use super::slab::NONE;
use super::{SeatMap, Turn};

impl SeatMap {
    /// Adds a hold or block and takes its places, which are free.
    #[inline]
    pub(super) fn admit(&mut self, turn: Turn, record: Record, kind: ChangeKind) -> u32 {
        let places = record.places.clone();
        let expires = record.state.can_expire().then_some(record.deadline);
        let slot = self.registry.insert(record);
        self.take_places(slot, &places);
        if let Some(deadline) = expires {
            self.deadlines.insert(slot, deadline);
        }
        self.note(turn.at, turn.pos, kind, slot, places);
        slot
    }

    /// Ends a hold, booking or block: its places are free from now on.
    pub(super) fn finish(
        &mut self,
        (at, pos): (Timestamp, LogPosition),
        slot: u32,
        end: HoldState,
        kind: ChangeKind,
    ) {
        let places = self.registry.record(slot).places.clone();
        self.free_places(slot, &places);
        if self.deadlines.get(slot).is_some() {
            self.deadlines.remove(slot);
        }
        self.registry.record_mut(slot).state = end;
        self.note(at, pos, kind, slot, places);
        self.registry.finish(slot, at);
    }

    /// Marks places, which are free, as taken by a live record.
    #[inline]
    pub(super) fn take_places(&mut self, slot: u32, places: &Places) {
        let record = self.registry.record(slot);
        let (legs, class) = (record.legs, live_class(record));
        match places {
            Places::Seats(seats) => {
                for &seat in seats {
                    self.occupancy.take(seat, legs, slot);
                    let zone = self.terms.layout.zone_of(seat);
                    self.counters.add(zone, legs, class, 1);
                }
            }
            Places::Quantity { zone, count } => self.counters.add(*zone, legs, class, *count),
        }
        if self.counts(record) {
            self.buyers.add(&record.buyer, places.count());
        }
    }

    /// Marks places of a live record as free.
    pub(super) fn free_places(&mut self, slot: u32, places: &Places) {
        let record = self.registry.record(slot);
        let (legs, class) = (record.legs, live_class(record));
        match places {
            Places::Seats(seats) => {
                for &seat in seats {
                    self.occupancy.give_back(seat, legs, slot);
                    let zone = self.terms.layout.zone_of(seat);
                    if !planted(Mutant::ForgetsTheCounters) {
                        self.counters.subtract(zone, legs, class, 1);
                    }
                }
            }
            Places::Quantity { zone, count } => self.counters.subtract(*zone, legs, class, *count),
        }
        if self.counts(record) {
            self.buyers.subtract(&record.buyer, places.count());
        }
    }

    /// Moves a live record to another live state, with all its places.
    pub(super) fn reclass(&mut self, slot: u32, state: HoldState) {
        let record = self.registry.record(slot);
        let legs = record.legs;
        let from = live_class(record);
        let to = state.class().expect("a live record stays live");
        if from == to {
            return;
        }
        match &record.places {
            Places::Seats(seats) => {
                for &seat in seats {
                    let zone = self.terms.layout.zone_of(seat);
                    self.counters.subtract(zone, legs, from, 1);
                    self.counters.add(zone, legs, to, 1);
                }
            }
            Places::Quantity { zone, count } => {
                self.counters.subtract(*zone, legs, from, *count);
                self.counters.add(*zone, legs, to, *count);
            }
        }
        self.registry.record_mut(slot).state = state;
    }

    /// Moves the deadline of a live hold.
    pub(super) fn set_deadline(&mut self, slot: u32, deadline: Timestamp) {
        self.deadlines.remove(slot);
        self.deadlines.insert(slot, deadline);
        self.registry.record_mut(slot).deadline = deadline;
    }

    /// Writes a change record about a hold, booking or block.
    #[inline]
    pub(super) fn note(
        &mut self,
        at: Timestamp,
        pos: LogPosition,
        kind: ChangeKind,
        slot: u32,
        places: Places,
    ) {
        self.version += 1;
        let record = self.registry.record(slot);
        let change = Change {
            version: self.version,
            pos,
            at,
            kind,
            hold: Some(record.id),
            buyer: record.buyer.clone(),
            legs: Some(record.legs),
            places,
        };
        if !(planted(Mutant::DropsAChange) && change.version.is_multiple_of(7)) {
            self.last_change = self.journal.push(self.last_change, change);
        }
    }

    /// Writes a change record about the whole trip.
    pub(super) fn note_trip(&mut self, at: Timestamp, pos: LogPosition, kind: ChangeKind) {
        self.version += 1;
        let change = Change {
            version: self.version,
            pos,
            at,
            kind,
            hold: None,
            buyer: BuyerId::default(),
            legs: None,
            places: Places::none(),
        };
        self.last_change = self.journal.push(self.last_change, change);
    }

    /// Whether the trip counts this record towards its buyer's limit.
    #[inline]
    pub(super) fn counts(&self, record: &Record) -> bool {
        self.terms.max_seats_per_buyer != 0
            && !record.buyer.is_anonymous()
            && record.state.counts_for_buyer()
    }
}

/// What a live record has its places for.
#[inline]
fn live_class(record: &Record) -> Class {
    assert!(record.entry == NONE, "a finished hold has no places");
    record.state.class().expect("a record that is not finished is live")
}
