//! Swap: change seats of a hold or booking in one step. The seats taken are a new grant, so the hold
//! gets a new fence.

use proto::ids::{SeatNo, Timestamp};
use raft::mutant::{Mutant, planted};

use super::change::ChangeKind;
use super::command::{Part, SeatList, Swap};
use super::limits::MAX_SEATS_PER_HOLD;
use super::record::HoldState;
use super::refusal::Refusal;
use super::reply::{Places, Reply};
use super::{Outcome, SeatMap, Turn, blocking, cancel, confirm, extend};

/// The ladder: which seats, how many, the trip, the hold and its fence, and whether the seats to take
/// are free. Gives the slot.
pub(super) fn check(map: &SeatMap, at: Timestamp, swap: &Swap) -> Result<u32, Refusal> {
    let (give, take) = (swap.give.numbers(), swap.take.numbers());
    blocking::check_known(map, take)?;
    let count = |seats: &SeatList| u32::try_from(seats.len()).unwrap_or(u32::MAX);
    if give.is_empty() || give.len() != take.len() {
        let wanted = count(give).clamp(1, MAX_SEATS_PER_HOLD);
        let quantity = count(take);
        return Err(Refusal::InvalidQuantity { quantity, min: wanted, max: wanted });
    }
    if map.frozen {
        return Err(Refusal::TripFrozen);
    }
    let (slot, state) = extend::find(map, at, swap.hold)?;
    confirm::check_fence(map, slot, swap.fence)?;
    if state == HoldState::Expired {
        return Err(extend::expired(map, at, slot));
    }
    let record = map.registry.record(slot);
    cancel::part_of(record, &Part::Seats(swap.give.clone()))?;
    blocking::check_free(map, at, take, record.legs)?;
    Ok(slot)
}

/// Gives the seats back and takes the others.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, swap: &Swap) -> Outcome {
    let slot = check(map, turn.at, swap)?;
    let (give, take) = (swap.give.numbers(), swap.take.numbers());
    if !planted(Mutant::KeepsSwappedSeats) {
        map.free_places(slot, &Places::Seats(give.clone()));
    }
    map.take_places(slot, &Places::Seats(take.clone()));
    let record = map.registry.record_mut(slot);
    record.keep_first_grant();
    let stay = record.places.seats().iter().filter(|seat| give.binary_search(seat).is_err());
    let mut seats: Vec<SeatNo> = stay.chain(take).copied().collect();
    seats.sort_unstable();
    record.places = Places::Seats(seats.into());
    record.fence = turn.pos.into();
    let reply = Reply::Swapped(record.grant());
    map.note(turn.at, turn.pos, ChangeKind::SwappedOut, slot, Places::Seats(give.clone()));
    map.note(turn.at, turn.pos, ChangeKind::SwappedIn, slot, Places::Seats(take.clone()));
    Ok(reply)
}
