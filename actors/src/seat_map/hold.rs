//! Hold: seats that the caller names, all or none.

use proto::ids::{HoldId, Timestamp};

use super::command::Hold;
use super::grant::{self, Ask};
use super::limits::MAX_SEATS_PER_HOLD;
use super::refusal::Refusal;
use super::reply::Places;
use super::{Outcome, SeatMap, Turn, blocking};

/// The ladder: which seats, how many, the rungs of every hold, and whether the seats are free.
#[inline]
pub(super) fn check(map: &SeatMap, at: Timestamp, hold: &Hold) -> Result<(), Refusal> {
    let seats = hold.seats.numbers();
    let ask = ask(hold);
    blocking::check_known(map, seats)?;
    grant::check_quantity(ask.quantity, MAX_SEATS_PER_HOLD)?;
    grant::check(map, at, &ask)?;
    blocking::check_free(map, at, seats, ask.legs)
}

/// Holds the seats.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, id: HoldId, hold: &Hold) -> Outcome {
    check(map, turn.at, hold)?;
    let places = Places::Seats(hold.seats.numbers().clone());
    grant::give(map, turn, id, &ask(hold), places)
}

#[inline]
fn ask(hold: &Hold) -> Ask<'_> {
    let quantity = u32::try_from(hold.seats.numbers().len()).unwrap_or(u32::MAX);
    Ask { buyer: &hold.buyer, quantity, legs: hold.legs.legs(), ttl_ms: hold.ttl_ms }
}
