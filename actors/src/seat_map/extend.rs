//! Extend: move a hold's expiry further away, within the trip's hold cap.

use proto::ids::{HoldId, Timestamp};
use raft::mutant::{Mutant, planted};

use super::change::ChangeKind;
use super::command::Extend;
use super::record::{HoldState, Record};
use super::refusal::Refusal;
use super::reply::Reply;
use super::{Outcome, SeatMap, Turn, blocking, grant};

/// The ladder: the time to live, the trip, the hold, the cap. Gives the slot and the new deadline.
pub(super) fn check(
    map: &SeatMap,
    at: Timestamp,
    extend: &Extend,
) -> Result<(u32, Timestamp), Refusal> {
    grant::check_ttl(map, extend.ttl_ms)?;
    if map.frozen {
        return Err(Refusal::TripFrozen);
    }
    let slot = live(map, at, extend.hold)?;
    let deadline = capped(map, slot, at.plus_ms(extend.ttl_ms))?;
    Ok((slot, deadline))
}

/// Moves the expiry.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, extend: &Extend) -> Outcome {
    let (slot, expires_at) = check(map, turn.at, extend)?;
    map.set_deadline(slot, expires_at);
    let places = map.registry.record(slot).places.clone();
    map.note(turn.at, turn.pos, ChangeKind::Extended, slot, places);
    Ok(Reply::Extended { hold: extend.hold, expires_at })
}

/// The deadline that a hold gets when it is asked to live until `wanted`: never nearer than it was,
/// never beyond the cap. Refused when the cap leaves no room at all.
pub(super) fn capped(map: &SeatMap, slot: u32, wanted: Timestamp) -> Result<Timestamp, Refusal> {
    let record = map.registry.record(slot);
    let cap = record.granted_at.plus_ms(map.open.rules.hold_cap_ms);
    if planted(Mutant::IgnoresTheCap) {
        return Ok(wanted.max(record.deadline));
    }
    if record.deadline >= cap && wanted > cap {
        return Err(Refusal::HoldCapReached { until: record.deadline });
    }
    Ok(wanted.min(cap).max(record.deadline))
}

/// The slot of a hold that is alive: neither finished nor a booking.
pub(super) fn live(map: &SeatMap, at: Timestamp, hold: HoldId) -> Result<u32, Refusal> {
    let (slot, state) = find(map, at, hold)?;
    match state {
        HoldState::Sold => Err(Refusal::HoldConfirmed { fence: map.registry.record(slot).fence }),
        HoldState::Expired => Err(expired(map, at, slot)),
        _ => Ok(slot),
    }
}

/// The slot and state of a hold or booking that was neither released nor cancelled.
pub(super) fn find(
    map: &SeatMap,
    at: Timestamp,
    hold: HoldId,
) -> Result<(u32, HoldState), Refusal> {
    let slot = map.registry.find_record(hold, at).ok_or(Refusal::UnknownHold)?;
    let state = map.registry.record(slot).state_at(at);
    match state {
        HoldState::Blocked | HoldState::Unblocked => Err(Refusal::UnknownHold),
        HoldState::Released => Err(Refusal::HoldReleased),
        HoldState::Cancelled => Err(Refusal::HoldCancelled),
        HoldState::Held | HoldState::Paying | HoldState::Sold | HoldState::Expired => {
            Ok((slot, state))
        }
    }
}

/// The refusal for a hold that has expired: when, and who has its seats now.
pub(super) fn expired(map: &SeatMap, at: Timestamp, slot: u32) -> Refusal {
    let Record { deadline, places, legs, .. } = map.registry.record(slot);
    let winners = blocking::winners(map, at, places.seats(), *legs);
    Refusal::HoldExpired { expired_at: *deadline, winners }
}
