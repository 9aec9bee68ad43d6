//! A request that says that it was sent before is answered the same, to the last field, however often it is
//! sent, to whichever node, before and after whatever fails.

use std::collections::BTreeMap;

use actors::ask::Answer;
use actors::ids::{CommandId, LogPosition};
use actors::seat_map::{CommandBody, Outcome};

use super::{Event, Invariant};

#[derive(Default)]
pub(super) struct OneAnswer {
    /// By id; one that comes with several bodies is several requests.
    first: BTreeMap<CommandId, Vec<(CommandBody, LogPosition, Outcome)>>,
}

impl Invariant for OneAnswer {
    fn name(&self) -> &'static str {
        "one_answer"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Event::Answered(answered) = event else { return Ok(()) };
        let (true, Some(command)) = (answered.resent, answered.command) else { return Ok(()) };
        let Answer::Decided { outcome, position, .. } = answered.answer else { return Ok(()) };
        let known = self.first.entry(answered.id).or_default();
        let Some((_, at, first)) = known.iter().find(|(body, ..)| *body == command.body) else {
            known.push((command.body.clone(), *position, outcome.clone()));
            return Ok(());
        };
        if (at, first) == (position, outcome) {
            return Ok(());
        }
        let (trip, id) = (answered.trip.as_str(), answered.id);
        Err(format!(
            "trip {trip}: {id} was answered {first:?} at {at}, and then {outcome:?} at {position}"
        ))
    }
}
