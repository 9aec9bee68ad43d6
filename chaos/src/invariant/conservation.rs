//! Every place of a trip is on every leg in exactly one state: free, held, sold or out of sale; and
//! whatever else the seat map says of itself is true, in the replay and in every replica.

use actors::seat_map::invariants;

use super::{Event, Invariant};

/// Of so many decisions one is followed by a check of the whole trip.
const CHECK_EVERY: u64 = 32;

#[derive(Default)]
pub(super) struct Conservation {
    decisions: u64,
}

impl Invariant for Conservation {
    fn name(&self) -> &'static str {
        "conservation"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Decided { trip, position, map, .. } => {
                self.decisions += 1;
                if !self.decisions.is_multiple_of(CHECK_EVERY) {
                    return Ok(());
                }
                let trip = trip.as_str();
                invariants::check(map).map_err(|what| format!("trip {trip} at {position}: {what}"))
            }
            Event::Audited { node, shard, audit } => match audit.violations.first() {
                Some(what) => Err(format!("node {node}, shard {shard} at {}: {what}", audit.index)),
                None => Ok(()),
            },
            Event::AtRest { node, trip, map, .. } => {
                let trip = trip.as_str();
                invariants::check(map).map_err(|what| format!("node {node}, trip {trip}: {what}"))
            }
            _ => Ok(()),
        }
    }
}
