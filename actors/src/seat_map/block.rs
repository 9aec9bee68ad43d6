//! Block and Unblock: take free places out of sale and put them back.

use proto::ids::{BuyerId, HoldId, Timestamp};

use super::change::ChangeKind;
use super::command::{Block, Stock, Unblock};
use super::limits::{MAX_SEATS_PER_COMMAND, MAX_ZONE_CAPACITY};
use super::record::{Extra, HoldState, Record};
use super::refusal::Refusal;
use super::reply::{Places, Reply};
use super::slab::NONE;
use super::{Outcome, SeatMap, Turn, blocking, cancel, grant, hold_quantity};

/// The ladder of a block: which places, how many, the legs, and whether they are free. Neither the sale
/// nor a freeze keeps operators from blocking.
pub(super) fn check(map: &SeatMap, at: Timestamp, block: &Block) -> Result<(), Refusal> {
    let legs = block.legs.legs();
    match &block.stock {
        Stock::Seats(seats) => {
            let seats = seats.numbers();
            blocking::check_known(map, seats)?;
            check_quantity(seats.len(), MAX_SEATS_PER_COMMAND)?;
            grant::check_legs(map, legs)?;
            blocking::check_free(map, at, seats, legs)
        }
        Stock::Quantity { zone, count } => {
            hold_quantity::check_kind(map, zone.number())?;
            check_quantity(*count as usize, MAX_ZONE_CAPACITY as usize)?;
            grant::check_legs(map, legs)?;
            hold_quantity::check_stock(map, zone.number(), legs, *count)
        }
    }
}

/// Takes the places out of sale.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, id: HoldId, block: &Block) -> Outcome {
    check(map, turn.at, block)?;
    let places = match &block.stock {
        Stock::Seats(seats) => Places::Seats(seats.numbers().clone()),
        Stock::Quantity { zone, count } => Places::Quantity { zone: zone.number(), count: *count },
    };
    let count = places.count();
    let record = Record {
        id,
        buyer: BuyerId::default(),
        places,
        legs: block.legs.legs(),
        state: HoldState::Blocked,
        fence: turn.pos.into(),
        granted_at: turn.at,
        ttl_ms: 0,
        deadline: turn.at,
        fingerprint: turn.fingerprint,
        entry: NONE,
        extra: Some(Box::new(Extra { first: None, note: block.note.clone() })),
    };
    map.admit(turn, record, ChangeKind::Blocked);
    Ok(Reply::Blocked { block: id, count })
}

/// The ladder of an unblock: the block, and whether it has the places. Gives its slot and what is freed.
pub(super) fn check_lift(
    map: &SeatMap,
    at: Timestamp,
    unblock: &Unblock,
) -> Result<(u32, Places), Refusal> {
    let slot = map.registry.find_record(unblock.block, at).ok_or(Refusal::UnknownBlock)?;
    let record = map.registry.record(slot);
    if record.state != HoldState::Blocked {
        return Err(Refusal::UnknownBlock);
    }
    Ok((slot, cancel::part_of(record, &unblock.part)?))
}

/// Puts the places back on sale; the rest stays blocked.
pub(super) fn lift(map: &mut SeatMap, turn: Turn, unblock: &Unblock) -> Outcome {
    let (slot, freed) = check_lift(map, turn.at, unblock)?;
    let end = (HoldState::Unblocked, ChangeKind::Unblocked);
    let left = cancel::shrink(map, turn, slot, freed, end);
    Ok(Reply::Unblocked { block: unblock.block, left })
}

fn check_quantity(count: usize, max: usize) -> Result<(), Refusal> {
    if (1..=max).contains(&count) {
        return Ok(());
    }
    let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
    Err(Refusal::InvalidQuantity { quantity: number(count), min: 1, max: number(max) })
}
