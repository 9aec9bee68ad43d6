//! The node's stations on the line of a hold: see [`proto::line`].

use std::collections::BTreeMap;

use actors::ask::Answer;
use actors::line::hold_of;
use parking_lot::Mutex;
use proto::ids::{HoldId, ShardId};
use proto::line::{NODE_HOLD, NODE_REPLY, SHARD_ROUTE, TARGET};
use tracing::trace_span;

use crate::wire::Routed;

/// Which holds of a stream wait for their answers, by their tags: none unless somebody follows them.
#[derive(Default)]
pub(super) struct Followed(Mutex<BTreeMap<u32, HoldId>>);

impl Followed {
    /// A hold has been let in.
    #[cold]
    pub(super) fn add(&self, tag: u32, hold: HoldId) {
        self.0.lock().insert(tag, hold);
    }

    /// Answers are about to leave.
    #[cold]
    pub(super) fn replied(&self, answers: &[(ShardId, u32, Answer)]) {
        let mut followed = self.0.lock();
        for (_, tag, answer) in answers {
            if let Some(hold) = followed.remove(tag) {
                replied(hold, answer.code());
            }
        }
    }
}

/// A command has been read from the wire; gives the id of the hold that it asks for.
#[cold]
pub(super) fn arrived(routed: &Routed) -> Option<HoldId> {
    let hold = hold_of(&routed.command)?;
    let _ = trace_span!(target: TARGET, NODE_HOLD, %hold, trip = %routed.trip);
    Some(hold)
}

/// The shard of a hold's trip is known.
#[cold]
pub(super) fn routed(hold: HoldId, routed: &Routed, shard: ShardId) {
    let (trip, shard) = (&routed.trip, shard.get());
    let _ = trace_span!(target: TARGET, SHARD_ROUTE, %hold, %trip, shard);
}

/// The answer of a hold is about to leave.
#[cold]
pub(super) fn replied(hold: HoldId, outcome: &str) {
    let _ = trace_span!(target: TARGET, NODE_REPLY, %hold, %outcome);
}
