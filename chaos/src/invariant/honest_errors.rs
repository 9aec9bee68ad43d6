//! An error other than "unknown" means that it did not happen: what a caller was told so of is nowhere in
//! the log, and never comes into it.

use std::collections::BTreeSet;

use actors::ids::CommandId;

use super::{Event, Invariant};

#[derive(Default)]
pub(super) struct HonestErrors {
    denied: BTreeSet<CommandId>,
    done: BTreeSet<CommandId>,
}

impl Invariant for HonestErrors {
    fn name(&self) -> &'static str {
        "honest_errors"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let (trip, id) = match event {
            Event::Decided { trip, command, outcome: Ok(_), .. } => {
                self.done.insert(command.id);
                (trip, command.id)
            }
            Event::Denied { trip, id } => {
                self.denied.insert(*id);
                (trip, *id)
            }
            _ => return Ok(()),
        };
        if self.denied.contains(&id) && self.done.contains(&id) {
            let trip = trip.as_str();
            return Err(format!("trip {trip}: of {id} it was said that it did not happen"));
        }
        Ok(())
    }
}
