//! The stations of a shard on the line of a hold: see [`proto::line`].
//!
//! Asking whether anybody looks costs one atomic load; it is done once for a batch or an entry, and
//! everything else here only when somebody does.

use proto::line::{LOG_PROPOSE, SEAT_MAP_HOLD, SHARD_APPLY, TARGET, TRIP_ADMIT};
use tracing::{Level, span_enabled, trace_span};

use crate::ids::{HoldId, LogPosition, ShardId};
use crate::seat_map::{Command, CommandBody};

/// Whether somebody follows holds.
#[inline]
#[must_use]
pub fn is_followed() -> bool {
    span_enabled!(target: TARGET, Level::TRACE)
}

/// The id of the hold that a command asks for. Holds inside of a batch are not followed.
#[must_use]
pub fn hold_of(command: &Command) -> Option<HoldId> {
    match command.body {
        CommandBody::Hold(_) | CommandBody::HoldBest(_) | CommandBody::HoldQuantity(_) => {
            Some(HoldId::from(command.id))
        }
        _ => None,
    }
}

/// `outcome`: the answer's code, or `PROPOSE` where the log has to decide.
#[cold]
pub(crate) fn trip_admit(shard: ShardId, trip: &str, hold: HoldId, outcome: &str) {
    let _ = trace_span!(target: TARGET, TRIP_ADMIT, %hold, %trip, shard = shard.get(), %outcome);
}

/// `commands`: how many the entry has.
#[cold]
pub(crate) fn log_propose(shard: ShardId, trip: &str, hold: HoldId, commands: usize) {
    let _ = trace_span!(target: TARGET, LOG_PROPOSE, %hold, %trip, shard = shard.get(), commands);
}

/// `own`: this replica has proposed the entry, and answers.
#[cold]
pub(crate) fn shard_apply(shard: ShardId, at: LogPosition, trip: &str, hold: HoldId, own: bool) {
    let (shard, index, slot) = (shard.get(), at.index().get(), at.slot());
    let _ = trace_span!(target: TARGET, SHARD_APPLY, %hold, %trip, shard, index, slot, own);
}

/// The decision, as [`shard_apply`] before it.
#[cold]
pub(crate) fn seat_map_hold(shard: ShardId, hold: HoldId, own: bool, outcome: &str) {
    let _ = trace_span!(target: TARGET, SEAT_MAP_HOLD, %hold, shard = shard.get(), own, %outcome);
}
