//! What was asked after an answer came sees what that answer saw: positions of a trip never go back
//! for those who look one after the other.

use actors::ask::Answer;
use actors::seat_map::Refusal;

use super::{Event, Invariant};

pub(super) struct RealTimeOrder;

impl Invariant for RealTimeOrder {
    fn name(&self) -> &'static str {
        "real_time_order"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let (trip, position, floor) = match event {
            Event::Answered(answered) => match answered.answer {
                // It names the place of the request that had the id before.
                Answer::Decided { outcome: Err(Refusal::IdReused), .. } => return Ok(()),
                Answer::Decided { position, .. } => (answered.trip, *position, answered.floor),
                Answer::Failed(_) => return Ok(()),
            },
            Event::Read { trip, position, floor, .. } => (*trip, *position, *floor),
            _ => return Ok(()),
        };
        if position < floor {
            let trip = trip.as_str();
            return Err(format!(
                "trip {trip}: somebody is shown {position}, {floor} was seen before"
            ));
        }
        Ok(())
    }
}
