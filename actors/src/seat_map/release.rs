//! Release: give a hold's places back before it expires.

use proto::ids::Timestamp;

use super::change::ChangeKind;
use super::command::Release;
use super::record::HoldState;
use super::refusal::Refusal;
use super::reply::Reply;
use super::{Outcome, SeatMap, Turn, extend};

/// The ladder: the hold is alive and not a booking. Gives its slot.
pub(super) fn check(map: &SeatMap, at: Timestamp, release: &Release) -> Result<u32, Refusal> {
    extend::live(map, at, release.hold)
}

/// Frees the places.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, release: &Release) -> Outcome {
    let slot = check(map, turn.at, release)?;
    map.finish((turn.at, turn.pos), slot, HoldState::Released, ChangeKind::Released);
    Ok(Reply::Released { hold: release.hold })
}
