//! Confirm: a hold becomes a booking. Also decides what happens to money that comes too late.

use proto::ids::{Fence, Timestamp};
use raft::mutant::{Mutant, planted};

use super::change::ChangeKind;
use super::command::Confirm;
use super::open::LatePolicy;
use super::record::HoldState;
use super::refusal::{Refusal, Winners};
use super::reply::{Lateness, Places, Reply};
use super::{Outcome, SeatMap, Turn, extend, grant, hold_quantity};

/// The ladder: the hold, its fence, its expiry; for a late one also the buyer's limit and whether its
/// places are still free. A late confirm is not held up by a freeze or by the end of the sale: the money
/// has been taken.
pub(super) fn check(
    map: &SeatMap,
    at: Timestamp,
    confirm: &Confirm,
) -> Result<(u32, Lateness), Refusal> {
    let (slot, state) = extend::find(map, at, confirm.hold)?;
    if state == HoldState::Sold {
        return Err(Refusal::HoldConfirmed { fence: map.registry.record(slot).fence });
    }
    check_fence(map, slot, confirm.fence)?;
    match state {
        HoldState::Expired if confirm.late != Some(LatePolicy::Reacquire) => {
            Err(extend::expired(map, at, slot))
        }
        HoldState::Expired => {
            if !planted(Mutant::TakesBackBlindly) {
                check_still_free(map, at, slot)?;
            }
            Ok((slot, Lateness::Reacquired))
        }
        _ => Ok((slot, Lateness::InTime)),
    }
}

/// Books the hold's places.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, confirm: &Confirm) -> Outcome {
    let (slot, late) = check(map, turn.at, confirm)?;
    let kind = match late {
        Lateness::InTime => {
            map.deadlines.remove(slot);
            map.reclass(slot, HoldState::Sold);
            ChangeKind::Confirmed
        }
        Lateness::Reacquired => {
            reacquire(map, turn, slot);
            ChangeKind::Reacquired
        }
    };
    let record = map.registry.record(slot);
    let (fence, places) = (record.fence, record.places.clone());
    map.note(turn.at, turn.pos, kind, slot, places);
    Ok(Reply::Confirmed { hold: confirm.hold, fence, late })
}

/// Refuses a caller who acts on another grant than the hold's last one.
pub(super) fn check_fence(map: &SeatMap, slot: u32, fence: Option<Fence>) -> Result<(), Refusal> {
    let current = map.registry.record(slot).fence;
    match fence {
        Some(fence) if fence != current && !planted(Mutant::IgnoresTheFence) => {
            Err(Refusal::HoldFenced { fence: current })
        }
        _ => Ok(()),
    }
}

/// Refuses an expired hold whose places someone else has.
fn check_still_free(map: &SeatMap, at: Timestamp, slot: u32) -> Result<(), Refusal> {
    let record = map.registry.record(slot);
    let swept = record.is_finished();
    if map.terms.max_seats_per_buyer != 0 && !record.buyer.is_anonymous() && swept {
        grant::check_buyer(map, &record.buyer, record.places.count())?;
    }
    let winners = match &record.places {
        Places::Seats(seats) => super::blocking::winners(map, at, seats, record.legs),
        Places::Quantity { .. } => Winners::new(),
    };
    let lost = match &record.places {
        Places::Seats(_) => !winners.is_empty(),
        Places::Quantity { zone, count } => {
            swept && hold_quantity::check_stock(map, *zone, record.legs, *count).is_err()
        }
    };
    if lost { Err(Refusal::HoldLost { expired_at: record.deadline, winners }) } else { Ok(()) }
}

/// Takes an expired hold's places again: a new grant with a new fence.
fn reacquire(map: &mut SeatMap, turn: Turn, slot: u32) {
    map.registry.revive(slot);
    let record = map.registry.record_mut(slot);
    record.keep_first_grant();
    record.state = HoldState::Sold;
    if !planted(Mutant::KeepsTheOldFence) {
        record.fence = turn.pos.into();
    }
    let places = record.places.clone();
    map.take_places(slot, &places);
}
