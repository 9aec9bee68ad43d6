//! HoldQuantity: places of a general-admission zone, all or none.

use proto::ids::{HoldId, Legs, Timestamp, ZoneNo};

use super::command::HoldQuantity;
use super::grant::{self, Ask};
use super::layout::ZoneKind;
use super::limits::MAX_SEATS_PER_HOLD;
use super::refusal::Refusal;
use super::reply::Places;
use super::{Outcome, SeatMap, Turn};

/// The ladder: which zone, how many, the rungs of every hold, and whether so many are free.
pub(super) fn check(map: &SeatMap, at: Timestamp, hold: &HoldQuantity) -> Result<Places, Refusal> {
    let zone = hold.zone.number();
    let ask = ask(hold);
    check_kind(map, zone)?;
    grant::check_quantity(ask.quantity, MAX_SEATS_PER_HOLD)?;
    grant::check(map, at, &ask)?;
    check_stock(map, zone, ask.legs, ask.quantity)?;
    Ok(Places::Quantity { zone, count: hold.quantity })
}

/// Holds the places.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, id: HoldId, hold: &HoldQuantity) -> Outcome {
    let places = check(map, turn.at, hold)?;
    grant::give(map, turn, id, &ask(hold), places)
}

/// Refuses a zone that does not exist or is sold by seat.
pub(super) fn check_kind(map: &SeatMap, zone: ZoneNo) -> Result<(), Refusal> {
    map.check_zone(zone)?;
    match map.terms.layout.zones()[zone.index()].kind {
        ZoneKind::GeneralAdmission { .. } => Ok(()),
        ZoneKind::Numbered => Err(Refusal::WrongZone { zone, general_admission: false }),
    }
}

/// Refuses more places than are free on every one of the legs.
pub(super) fn check_stock(
    map: &SeatMap,
    zone: ZoneNo,
    legs: Legs,
    requested: u32,
) -> Result<(), Refusal> {
    let available = map.terms.layout.capacity(zone) - map.counters.most_taken(zone, legs);
    if requested > available {
        return Err(Refusal::InsufficientStock { zone: Some(zone), requested, available });
    }
    Ok(())
}

fn ask(hold: &HoldQuantity) -> Ask<'_> {
    Ask { buyer: &hold.buyer, quantity: hold.quantity, legs: hold.legs.legs(), ttl_ms: hold.ttl_ms }
}
