//! A command happens once: whatever the log decided first is what every later yes says, wherever the
//! same id is sent again; and an id that comes back with another body is never told yes.
//!
//! A refusal before the log leaves no trace, so a copy that comes later may find another state; it is
//! then decided as if it were the first, and counts as such.

use std::collections::BTreeMap;

use actors::ask::Answer;
use actors::ids::CommandId;
use actors::seat_map::{CommandBody, Outcome, Refusal};

use super::{Event, Invariant};

#[derive(Default)]
pub(super) struct ExactlyOnce {
    first: BTreeMap<CommandId, Outcome>,
}

impl Invariant for ExactlyOnce {
    fn name(&self) -> &'static str {
        "exactly_once"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Decided { trip, position, command, outcome, .. } => {
                // That an id was used before is said of another command.
                let of_another = matches!(outcome, Err(Refusal::IdReused));
                if command.body == CommandBody::Expire || of_another {
                    return Ok(());
                }
                let first = self.first.entry(command.id).or_insert_with(|| (*outcome).clone());
                if *first != **outcome {
                    let (trip, id) = (trip.as_str(), command.id);
                    return Err(format!(
                        "trip {trip} at {position}: {id} was {first:?}, now {outcome:?}"
                    ));
                }
            }
            Event::Answered(answered) => {
                let Answer::Decided { outcome: outcome @ Ok(_), .. } = answered.answer else {
                    return Ok(());
                };
                let (trip, id) = (answered.trip.as_str(), answered.id);
                if !answered.first {
                    return Err(format!(
                        "trip {trip}: {id} is answered {outcome:?}, and stands for something else"
                    ));
                }
                match self.first.get(&id) {
                    Some(first) if first == outcome => {}
                    first => {
                        return Err(format!(
                            "trip {trip}: {id} is answered {outcome:?}, the log says {first:?}"
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
