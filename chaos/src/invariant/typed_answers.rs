//! Valid input is never answered with a defect: no trip is fenced, nothing is too large, and the
//! mailboxes hold.

use actors::ask::{Answer, Failure};

use super::{Event, Invariant};

pub(super) struct TypedAnswers;

impl Invariant for TypedAnswers {
    fn name(&self) -> &'static str {
        "typed_answers"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Answered(answered) => match answered.answer {
                Answer::Failed(failure @ (Failure::Fenced | Failure::TooLarge)) => {
                    let (trip, id) = (answered.trip.as_str(), answered.id);
                    Err(format!("trip {trip}: {id} is answered {}", failure.code()))
                }
                _ => Ok(()),
            },
            Event::Audited { node, shard, audit } if audit.fenced > 0 => {
                Err(format!("node {node}, shard {shard}: {} trips are fenced", audit.fenced))
            }
            _ => Ok(()),
        }
    }
}
