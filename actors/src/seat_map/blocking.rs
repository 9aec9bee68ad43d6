//! Which seats are not free, who has them, and what else is free: the answer to a conflict.

use proto::ids::{Legs, SeatNo, Timestamp};

use super::SeatMap;
use super::attributes::Attributes;
use super::few::Few;
use super::limits::{ALTERNATIVES, ALTERNATIVES_REACH, MAX_BLOCKING, MAX_WINNERS};
use super::refusal::{Blocking, Refusal, SeatRef, Taken, Winners};

/// Refuses seats that the layout does not have. The seats are ascending.
#[inline]
pub(super) fn check_known(map: &SeatMap, seats: &[SeatNo]) -> Result<(), Refusal> {
    let count = map.terms.layout.seats().len();
    match seats.last() {
        Some(last) if last.index() >= count => {
            let unknown = seats.iter().find(|seat| seat.index() >= count).unwrap_or(last);
            Err(Refusal::UnknownSeat(SeatRef::Number(*unknown)))
        }
        _ => Ok(()),
    }
}

/// Refuses seats that someone else has. What is due at `at` counts as free.
#[inline]
pub(super) fn check_free(
    map: &SeatMap,
    at: Timestamp,
    seats: &[SeatNo],
    legs: Legs,
) -> Result<(), Refusal> {
    match seats.iter().position(|&seat| !map.occupancy.is_free(seat, legs)) {
        None => Ok(()),
        Some(first) => explain(map, at, seats, first, legs),
    }
}

/// Lists what stands in the way from the first seat that is not free.
fn explain(
    map: &SeatMap,
    at: Timestamp,
    seats: &[SeatNo],
    first: usize,
    legs: Legs,
) -> Result<(), Refusal> {
    let mut blocking = Few::new();
    let mut retry_at: Option<Timestamp> = None;
    for &seat in &seats[first..] {
        for claim in map.occupancy.claims_on(seat).filter(|claim| claim.legs.overlaps(legs)) {
            let record = map.registry.record(claim.owner);
            if record.is_due(at) {
                continue;
            }
            if record.state.can_expire() {
                retry_at = Some(retry_at.map_or(record.deadline, |at| at.min(record.deadline)));
            }
            if blocking.len() < MAX_BLOCKING {
                let state = record.state.class().expect("who has a claim is live");
                blocking.push(Blocking { seat, legs: claim.legs, state });
            }
        }
    }
    let Some(near) = blocking.first().map(|blocking| blocking.seat) else { return Ok(()) };
    let alternatives = alternatives(map, seats, near, legs);
    Err(Refusal::SeatsTaken(Taken { blocking, retry_at, alternatives }))
}

/// Free seats of the same zone around a taken one, nearest first, none of those asked for.
fn alternatives(map: &SeatMap, asked: &[SeatNo], near: SeatNo, legs: Legs) -> Few<SeatNo, 5> {
    let mut found = Few::new();
    let layout = &map.terms.layout;
    let zone = layout.zone_of(near);
    if map.counters.most_taken(zone, legs) >= layout.capacity(zone) {
        return found;
    }
    let seats = layout.seats();
    let model = &seats[near.index()];
    let suits = |number: u32| {
        let seat = SeatNo::new(number);
        map.occupancy.is_free(seat, legs)
            && layout.zone_of(seat) == zone
            && kept_like(seats[seat.index()].attributes, model.attributes)
            && asked.binary_search(&seat).is_err()
    };
    let end = u32::try_from(seats.len()).expect("seats are counted in 32 bits");
    for reach in 1..=ALTERNATIVES_REACH {
        let below = near.get().checked_sub(reach);
        let above = Some(near.get() + reach).filter(|above| *above < end);
        for number in [below, above].into_iter().flatten() {
            if suits(number) {
                found.push(SeatNo::new(number));
                if found.len() == ALTERNATIVES {
                    return found;
                }
            }
        }
    }
    found
}

/// Whether a seat is kept only for those for whom the asked one is kept too.
fn kept_like(seat: Attributes, asked: Attributes) -> bool {
    asked.contains(seat.shared_with(Attributes::KEPT))
}

/// The fencing numbers of those who have any of the seats now, in order of seats and legs.
pub(super) fn winners(map: &SeatMap, at: Timestamp, seats: &[SeatNo], legs: Legs) -> Winners {
    let mut winners = Winners::new();
    for &seat in seats {
        for claim in map.occupancy.claims_on(seat).filter(|claim| claim.legs.overlaps(legs)) {
            let record = map.registry.record(claim.owner);
            let is_new = !record.is_due(at) && !winners.contains(&record.fence);
            if is_new && winners.len() < MAX_WINNERS {
                winners.push(record.fence);
            }
        }
    }
    winners
}
