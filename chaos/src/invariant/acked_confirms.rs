//! A confirm that a client knows of is in every replica once everything is quiet, unless the booking
//! was cancelled.

use std::collections::{BTreeMap, BTreeSet};

use actors::ask::Answer;
use actors::ids::{HoldId, TripId};
use actors::seat_map::{HoldState, Reply};

use super::{Event, Invariant};

#[derive(Default)]
pub(super) struct AckedConfirms {
    acked: BTreeMap<TripId, BTreeSet<HoldId>>,
    cancelled: BTreeSet<HoldId>,
}

impl Invariant for AckedConfirms {
    fn name(&self) -> &'static str {
        "acked_confirms"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Answered(answered) => {
                if let Answer::Decided { outcome: Ok(Reply::Confirmed { hold, .. }), .. } =
                    answered.answer
                {
                    self.acked.entry(answered.trip.clone()).or_default().insert(*hold);
                }
            }
            Event::Decided { outcome: Ok(Reply::Cancelled { hold, .. }), .. } => {
                self.cancelled.insert(*hold);
            }
            Event::AtRest { node, trip, map, .. } => {
                for hold in self.acked.get(*trip).into_iter().flatten() {
                    let state = map.view().hold(*hold).map(|view| view.state);
                    if state != Some(HoldState::Sold) && !self.cancelled.contains(hold) {
                        let trip = trip.as_str();
                        return Err(format!(
                            "node {node}, trip {trip}: booking {hold} is {state:?}"
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
