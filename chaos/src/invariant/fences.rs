//! Fencing numbers of a trip only grow: whoever holds seats later has a larger one.

use std::collections::BTreeMap;

use actors::ids::{CommandId, Fence, TripId};
use actors::seat_map::{Lateness, Reply};

use super::{Event, Invariant};

#[derive(Default)]
pub(super) struct Fences {
    newest: BTreeMap<TripId, Fence>,
    seen: BTreeMap<CommandId, ()>,
}

impl Invariant for Fences {
    fn name(&self) -> &'static str {
        "fences"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Event::Decided { trip, position, command, outcome, .. } = event else { return Ok(()) };
        let fence = match outcome {
            Ok(Reply::Held(grant)) => grant.fence,
            Ok(Reply::Confirmed { fence, late: Lateness::Reacquired, .. }) => *fence,
            _ => return Ok(()),
        };
        if self.seen.insert(command.id, ()).is_some() {
            return Ok(());
        }
        let newest = self.newest.entry((*trip).clone()).or_default();
        if fence <= *newest {
            let trip = trip.as_str();
            return Err(format!("trip {trip} at {position}: fence {fence} follows {newest}"));
        }
        *newest = fence;
        Ok(())
    }
}
