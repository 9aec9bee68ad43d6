//! Once the faults have stopped, everything goes on: every shard has a leader, every replica catches
//! up, every buyer is served, and no hold is stuck.

use super::{Event, Invariant};

pub(super) struct Liveness;

impl Invariant for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Stuck(what) => Err((*what).to_owned()),
            _ => Ok(()),
        }
    }
}
