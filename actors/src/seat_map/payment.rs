//! BeginPayment: pin a hold while its payment runs, so that expiry cannot race the money.

use proto::ids::Timestamp;

use super::change::ChangeKind;
use super::command::BeginPayment;
use super::limits::MIN_TTL_MS;
use super::record::HoldState;
use super::refusal::Refusal;
use super::reply::Reply;
use super::{Outcome, SeatMap, Turn, extend};

/// The ladder: the window, the hold, the cap. Gives the slot and the deadline of the pin.
pub(super) fn check(
    map: &SeatMap,
    at: Timestamp,
    payment: &BeginPayment,
) -> Result<(u32, Timestamp), Refusal> {
    let max_ms = map.open.rules.payment_window_ms;
    if !(MIN_TTL_MS..=max_ms).contains(&payment.window_ms) {
        let ttl_ms = payment.window_ms;
        return Err(Refusal::InvalidTtl { ttl_ms, min_ms: MIN_TTL_MS, max_ms });
    }
    let slot = extend::live(map, at, payment.hold)?;
    let deadline = extend::capped(map, slot, at.plus_ms(payment.window_ms))?;
    Ok((slot, deadline))
}

/// Pins the hold. A second payment pins it anew, within the same cap.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, payment: &BeginPayment) -> Outcome {
    let (slot, expires_at) = check(map, turn.at, payment)?;
    map.set_deadline(slot, expires_at);
    map.reclass(slot, HoldState::Paying);
    let places = map.registry.record(slot).places.clone();
    map.note(turn.at, turn.pos, ChangeKind::Paying, slot, places);
    Ok(Reply::Paying { hold: payment.hold, expires_at })
}
