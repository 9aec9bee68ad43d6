//! What the three ways to hold have in common: the rungs about the trip and the buyer, and the grant.

use proto::ids::{BuyerId, HoldId, Legs, Timestamp};

use super::change::ChangeKind;
use super::limits::MAX_SEATS_PER_HOLD;
use super::record::{HoldState, Record};
use super::refusal::Refusal;
use super::reply::{Places, Reply};
use super::slab::NONE;
use super::{Outcome, SeatMap, Turn};

/// What a buyer asks for, however the places are found.
pub(super) struct Ask<'a> {
    /// Who asks.
    pub(super) buyer: &'a BuyerId,
    /// How many places.
    pub(super) quantity: u32,
    /// On which legs.
    pub(super) legs: Legs,
    /// For how long, in milliseconds.
    pub(super) ttl_ms: u64,
}

/// Refuses a number of places that no hold may have.
#[inline]
pub(super) fn check_quantity(quantity: u32, max: u32) -> Result<(), Refusal> {
    let max = max.min(MAX_SEATS_PER_HOLD);
    if quantity == 0 || quantity > max {
        return Err(Refusal::InvalidQuantity { quantity, min: 1, max });
    }
    Ok(())
}

/// The rungs about legs, time to live, sale and limits.
#[inline]
pub(super) fn check(map: &SeatMap, at: Timestamp, ask: &Ask<'_>) -> Result<(), Refusal> {
    check_legs(map, ask.legs)?;
    if !map.terms.serves_all_stops {
        check_stops(map, ask.legs)?;
    }
    check_ttl(map, ask.ttl_ms)?;
    let terms = &map.terms;
    if map.closed || terms.sale_closes_at <= at {
        return Err(Refusal::SaleClosed);
    }
    if terms.sale_opens_at > at {
        return Err(Refusal::SaleNotOpen { opens_at: terms.sale_opens_at });
    }
    if map.frozen {
        return Err(Refusal::TripFrozen);
    }
    if ask.quantity > terms.max_seats_per_hold {
        let max = terms.max_seats_per_hold;
        return Err(Refusal::MaxPerHoldExceeded { requested: ask.quantity, max });
    }
    check_buyer(map, ask.buyer, ask.quantity)
}

/// Refuses to board or alight where that is not possible.
fn check_stops(map: &SeatMap, legs: Legs) -> Result<(), Refusal> {
    let stops = &map.open.stops;
    if !stops[usize::from(legs.from())].boarding {
        return Err(Refusal::NoBoarding { stop: legs.from() });
    }
    if !stops[usize::from(legs.to())].alighting {
        return Err(Refusal::NoAlighting { stop: legs.to() });
    }
    Ok(())
}

/// Refuses legs beyond the last stop.
#[inline]
pub(super) fn check_legs(map: &SeatMap, legs: Legs) -> Result<(), Refusal> {
    let last = map.terms.leg_count;
    if legs.to() > last { Err(Refusal::InvalidLegs { legs, last }) } else { Ok(()) }
}

/// Refuses a time to live that the trip does not allow.
#[inline]
pub(super) fn check_ttl(map: &SeatMap, ttl_ms: u64) -> Result<(), Refusal> {
    let (min_ms, max_ms) = (map.terms.ttl_min_ms, map.terms.ttl_max_ms);
    if (min_ms..=max_ms).contains(&ttl_ms) {
        return Ok(());
    }
    Err(Refusal::InvalidTtl { ttl_ms, min_ms, max_ms })
}

/// Refuses more places than one buyer may have.
#[inline]
pub(super) fn check_buyer(map: &SeatMap, buyer: &BuyerId, more: u32) -> Result<(), Refusal> {
    let max = map.terms.max_seats_per_buyer;
    if max == 0 {
        return Ok(());
    }
    if buyer.is_anonymous() {
        return Err(Refusal::BuyerRequired);
    }
    let has = map.buyers.count(buyer);
    if has.saturating_add(more) > max {
        return Err(Refusal::MaxPerBuyerExceeded { has, requested: more, max });
    }
    Ok(())
}

/// Holds places that are free. Below the last rung.
#[inline]
pub(super) fn give(
    map: &mut SeatMap,
    turn: Turn,
    hold: HoldId,
    ask: &Ask<'_>,
    places: Places,
) -> Outcome {
    let record = Record {
        id: hold,
        buyer: ask.buyer.clone(),
        places,
        legs: ask.legs,
        state: HoldState::Held,
        fence: turn.pos.into(),
        granted_at: turn.at,
        ttl_ms: u32::try_from(ask.ttl_ms).expect("a time to live is bounded by a day"),
        deadline: turn.at.plus_ms(ask.ttl_ms),
        fingerprint: turn.fingerprint,
        entry: NONE,
        extra: None,
    };
    let reply = Reply::Held(record.grant());
    map.admit(turn, record, ChangeKind::Held);
    Ok(reply)
}
