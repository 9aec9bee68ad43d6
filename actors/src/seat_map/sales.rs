//! Freeze, Thaw and CloseSales: switches of the whole trip. To set one that is set already is no error
//! and no change.

use super::change::ChangeKind;
use super::reply::Reply;
use super::{Outcome, SeatMap, Turn};

/// Stops giving out seats for the moment: holds, extensions and swaps are refused, what is held can be
/// paid, confirmed and released. Time goes on: holds expire.
pub(super) fn freeze(map: &mut SeatMap, turn: Turn) -> Outcome {
    if !std::mem::replace(&mut map.frozen, true) {
        map.note_trip(turn.at, turn.pos, ChangeKind::Frozen);
    }
    Ok(Reply::Frozen)
}

/// Gives out seats again.
pub(super) fn thaw(map: &mut SeatMap, turn: Turn) -> Outcome {
    if std::mem::replace(&mut map.frozen, false) {
        map.note_trip(turn.at, turn.pos, ChangeKind::Thawed);
    }
    Ok(Reply::Thawed)
}

/// Stops giving out seats for good: no new holds. What is held can be extended, paid and confirmed.
pub(super) fn close(map: &mut SeatMap, turn: Turn) -> Outcome {
    if !std::mem::replace(&mut map.closed, true) {
        map.note_trip(turn.at, turn.pos, ChangeKind::SalesClosed);
    }
    Ok(Reply::SalesClosed)
}
