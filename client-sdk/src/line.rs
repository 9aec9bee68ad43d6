//! The SDK's station on the line of a hold: see [`proto::line`].

use proto::code::meaning;
use proto::ids::{HoldId, ShardId, TripId};
use proto::line::{SDK_HOLD, TARGET};
use proto::pb::pipeline_command::Command;
use tracing::field::Empty;
use tracing::{Level, Span, span_enabled, trace_span};

use crate::error::Error;
use crate::pipeline::Sendable;

/// A hold begins. The span lasts until its answer.
pub(crate) fn begins(shard: impl FnOnce() -> ShardId, trip: &TripId, hold: HoldId) -> Span {
    trace_span!(target: TARGET, SDK_HOLD, %hold, %trip, shard = shard().get(), outcome = Empty)
}

/// The answer of a hold has come.
pub(crate) fn ends<T>(span: &Span, answer: &Result<T, Error>) {
    if !span.is_disabled() {
        span.record("outcome", answer.as_ref().err().map_or("OK", |e| meaning(e.code()).name));
    }
}

/// A lane offers a command to a pipeline. One that the pipeline has no room for is offered again.
pub(crate) fn offered(shard: ShardId, command: Sendable<'_>) {
    if span_enabled!(target: TARGET, Level::TRACE) {
        trace_offer(shard, command);
    }
}

#[cold]
fn trace_offer(shard: ShardId, command: Sendable<'_>) {
    let (hold, trip) = match command {
        Sendable::Seats(hold) => (&hold.hold_id[..], hold.trip_id),
        Sendable::Any(Command::Hold(hold)) => (&hold.hold_id[..], hold.trip_id.as_str()),
        Sendable::Any(Command::HoldBest(hold)) => (&hold.hold_id[..], hold.trip_id.as_str()),
        Sendable::Any(Command::HoldQuantity(hold)) => (&hold.hold_id[..], hold.trip_id.as_str()),
        Sendable::Any(_) => return,
    };
    // One that is not valid is refused by the node.
    if let Ok(hold) = HoldId::from_slice(hold) {
        let _ = trace_span!(target: TARGET, SDK_HOLD, %hold, %trip, shard = shard.get());
    }
}
