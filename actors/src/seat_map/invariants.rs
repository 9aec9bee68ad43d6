//! What is always true of a seat map, whatever was applied. Tests check it after every step, replicas
//! can check it online, and chaos runs check it at the end.

use std::fmt;

use proto::ids::{HoldId, Legs, SeatNo, ZoneNo};

use super::SeatMap;
use super::counters::Counters;
use super::layout::ZoneKind;
use super::limits::{MAX_REMEMBERED, REMEMBER_MS};
use super::record::Record;
use super::registry::Finished;
use super::reply::Places;
use super::terms::Terms;

/// Something that is never true unless the seat map has a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two owners have a seat on the same leg.
    DoubleOwner {
        /// The seat.
        seat: SeatNo,
        /// The legs of the second owner.
        legs: Legs,
        /// The second owner.
        hold: HoldId,
    },
    /// A seat's bits are not the union of its holds, bookings and blocks.
    Bits {
        /// The seat.
        seat: SeatNo,
    },
    /// A seat's list of claims is not the list of its owners in order of legs.
    Claims {
        /// The seat.
        seat: SeatNo,
    },
    /// A zone's counters are not the sum of its holds, bookings and blocks.
    Counters,
    /// More places are taken on a leg than the zone has.
    Oversold {
        /// The zone.
        zone: ZoneNo,
        /// The leg.
        leg: u16,
    },
    /// The deadline index does not hold exactly the live holds.
    Deadlines,
    /// A buyer's counter is not the sum of the buyer's live holds and bookings.
    Buyers,
    /// The table of ids does not hold exactly what is known.
    Ids,
    /// What is remembered is out of order or beyond its limit.
    Memory,
    /// A record contradicts itself.
    Record {
        /// The record.
        hold: HoldId,
    },
    /// The kept changes do not lead to the version.
    Changes,
    /// The terms of sale are not the trip's.
    Terms,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoubleOwner { seat, legs, hold } => {
                write!(f, "seat {seat} on {legs} belongs to {hold} and to another")
            }
            Self::Bits { seat } => write!(f, "the bits of seat {seat} are not its owners'"),
            Self::Claims { seat } => write!(f, "the claims on seat {seat} are not its owners'"),
            Self::Counters => f.write_str("counters are not the sum of holds, bookings and blocks"),
            Self::Oversold { zone, leg } => write!(f, "zone {zone} is oversold on leg {leg}"),
            Self::Deadlines => f.write_str("the deadline index does not hold the live holds"),
            Self::Buyers => f.write_str("a buyer's counter is not the sum of the buyer's places"),
            Self::Ids => f.write_str("the table of ids does not hold what is known"),
            Self::Memory => f.write_str("the memory is out of order or beyond its limit"),
            Self::Record { hold } => write!(f, "the record of {hold} contradicts itself"),
            Self::Changes => f.write_str("the kept changes do not lead to the version"),
            Self::Terms => f.write_str("the terms of sale are not the trip's"),
        }
    }
}

impl std::error::Error for Violation {}

/// Checks everything that is always true. It takes as long as rebuilding the state.
pub fn check(map: &SeatMap) -> Result<(), Violation> {
    check_records(map)?;
    check_seats(map)?;
    check_counters(map)?;
    check_deadlines(map)?;
    check_buyers(map)?;
    check_ids(map)?;
    check_memory(map)?;
    check_changes(map)?;
    if map.terms == Terms::of(&map.open) { Ok(()) } else { Err(Violation::Terms) }
}

fn live(map: &SeatMap) -> impl Iterator<Item = (u32, &Record)> {
    map.registry.records().filter(|(_, record)| !record.is_finished())
}

fn check_records(map: &SeatMap) -> Result<(), Violation> {
    for (_, record) in map.registry.records() {
        let live = record.state.class().is_some();
        let ascending = record.places.seats().is_sorted_by(|a, b| a < b);
        let in_trip = record.legs.to() <= map.open.leg_count();
        if live == record.is_finished()
            || !ascending
            || !in_trip
            || record.places.count() == 0
            || live && record.state.can_expire() && record.deadline <= map.clock
            || record.fence.get() > map.position.packed()
        {
            return Err(Violation::Record { hold: record.id });
        }
    }
    Ok(())
}

fn check_seats(map: &SeatMap) -> Result<(), Violation> {
    let seats = map.open.layout.seats().len();
    let leg_count = usize::from(map.open.leg_count());
    let mut owners: Vec<Option<u32>> = vec![None; seats * leg_count];
    for (slot, record) in live(map) {
        for &seat in record.places.seats() {
            for leg in record.legs.from()..record.legs.to() {
                let owner = &mut owners[seat.index() * leg_count + usize::from(leg)];
                if owner.replace(slot).is_some() {
                    let (legs, hold) = (record.legs, record.id);
                    return Err(Violation::DoubleOwner { seat, legs, hold });
                }
            }
        }
    }
    for (seat, owners) in (0..).map(SeatNo::new).zip(owners.chunks(leg_count)) {
        let words = map.occupancy.words_of(seat);
        let bit = |leg: usize| words[leg / 64] >> (leg % 64) & 1 == 1;
        let stray = (leg_count..words.len() * 64).any(bit);
        if stray || owners.iter().enumerate().any(|(leg, owner)| bit(leg) != owner.is_some()) {
            return Err(Violation::Bits { seat });
        }
        let mut from_legs: Vec<u32> = owners.iter().copied().flatten().collect();
        from_legs.dedup();
        let claims: Vec<_> = map.occupancy.claims_on(seat).collect();
        let right = |claim: &super::occupancy::Claim| {
            let record = map.registry.record(claim.owner);
            record.legs == claim.legs && record.places.seats().binary_search(&seat).is_ok()
        };
        let listed = claims.iter().map(|claim| claim.owner);
        if !listed.eq(from_legs) || !claims.iter().all(right) {
            return Err(Violation::Claims { seat });
        }
    }
    Ok(())
}

fn check_counters(map: &SeatMap) -> Result<(), Violation> {
    let layout = &map.open.layout;
    let leg_count = map.open.leg_count();
    let mut counters = Counters::new(layout.zones().len(), leg_count);
    for (_, record) in live(map) {
        let Some(class) = record.state.class() else { continue };
        match &record.places {
            Places::Seats(seats) => {
                for seat in seats {
                    counters.add(layout.seats()[seat.index()].zone, record.legs, class, 1);
                }
            }
            Places::Quantity { zone, count } => counters.add(*zone, record.legs, class, *count),
        }
    }
    if counters.cells() != map.counters.cells() {
        return Err(Violation::Counters);
    }
    for (zone, spec) in (0..).map(ZoneNo::new).zip(layout.zones()) {
        let capacity = match spec.kind {
            ZoneKind::Numbered => layout.capacity(zone),
            ZoneKind::GeneralAdmission { capacity } => capacity,
        };
        let taken = |leg: &u16| counters.on_leg(zone, *leg).iter().sum::<u32>();
        if let Some(leg) = (0..leg_count).find(|leg| taken(leg) > capacity) {
            return Err(Violation::Oversold { zone, leg });
        }
    }
    Ok(())
}

fn check_deadlines(map: &SeatMap) -> Result<(), Violation> {
    let expected = |(slot, record): (u32, &Record)| {
        let deadline = record.state.can_expire().then_some(record.deadline);
        map.deadlines.get(slot) == deadline
    };
    let can_expire = map.registry.records().filter(|(_, record)| record.state.can_expire()).count();
    let sound = map.deadlines.is_sound()
        && can_expire == map.deadlines.len()
        && map.registry.records().all(expected);
    if sound { Ok(()) } else { Err(Violation::Deadlines) }
}

fn check_buyers(map: &SeatMap) -> Result<(), Violation> {
    let mut expected = std::collections::BTreeMap::new();
    for (_, record) in live(map).filter(|(_, record)| map.counts(record)) {
        *expected.entry(&record.buyer).or_insert(0) += record.places.count();
    }
    let right = expected.iter().all(|(buyer, count)| map.buyers.count(buyer) == *count);
    if right && expected.len() == map.buyers.len() { Ok(()) } else { Err(Violation::Buyers) }
}

fn check_ids(map: &SeatMap) -> Result<(), Violation> {
    let registry = &map.registry;
    let record_known = |(slot, record): (u32, &Record)| {
        record.is_finished() || registry.find_record(record.id, map.clock) == Some(slot)
    };
    let mut commands = 0;
    for entry in registry.entries() {
        if let Finished::Command { id, .. } = &entry.what {
            commands += 1;
            if registry.find(*id, entry.at).is_none() {
                return Err(Violation::Ids);
            }
        }
    }
    let counted = registry.id_count() == registry.record_count() + commands;
    if counted && registry.records().all(record_known) { Ok(()) } else { Err(Violation::Ids) }
}

fn check_memory(map: &SeatMap) -> Result<(), Violation> {
    let registry = &map.registry;
    let count = registry.entries().count();
    let finished = registry.records().filter(|(_, record)| record.is_finished()).count();
    let of_records = registry.entries().filter(|entry| match entry.what {
        Finished::Record(slot) => registry.record(slot).is_finished(),
        Finished::Command { .. } => false,
    });
    let oldest = registry.entries().next().map(|entry| entry.at.plus_ms(REMEMBER_MS));
    let sound = registry.entries().is_sorted_by_key(|entry| entry.at)
        && registry.forgets_at() == oldest
        && registry.entries().all(|entry| entry.at <= map.clock)
        && count == registry.entry_count()
        && count <= MAX_REMEMBERED
        && finished == of_records.count();
    if sound { Ok(()) } else { Err(Violation::Memory) }
}

fn check_changes(map: &SeatMap) -> Result<(), Violation> {
    let expected = (1..=map.version).rev();
    let sound = map.changes().zip(expected).all(|(change, version)| change.version == version);
    if sound { Ok(()) } else { Err(Violation::Changes) }
}
