//! Every answer is what a replay of the log says at the position that the answer names. A refusal
//! before the log is what the state at that position refuses.

use actors::ask::Answer;
use actors::seat_map::{Check, Refusal};

use super::{Answered, Event, Invariant};

/// A refusal may rest on the time at which it was made, which the answer does not say: it is also
/// looked for so much later, in milliseconds.
const LATER_MS: [u64; 3] = [0, 60_000, 3_600_000];

pub(super) struct Witness;

impl Invariant for Witness {
    fn name(&self) -> &'static str {
        "witness"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let answered = match event {
            Event::Answered(answered) => answered,
            Event::Read { trip, position, digest, map: Some(map), .. } => {
                return if map.digest() == *digest {
                    Ok(())
                } else {
                    let trip = trip.as_str();
                    Err(format!("trip {trip}: a read at {position} shows what was never there"))
                };
            }
            _ => return Ok(()),
        };
        let Answer::Decided { outcome, position, .. } = answered.answer else { return Ok(()) };
        let (trip, id) = (answered.trip.as_str(), answered.id);
        // What was decided under an id is not what another command with the same id is told.
        let of_another = matches!(outcome, Err(Refusal::IdReused));
        match (answered.decided.filter(|decided| *decided == outcome || !of_another), outcome) {
            (Some(decided), outcome) if decided != outcome => Err(format!(
                "trip {trip}: {id} is answered {outcome:?} at {position}, the log says {decided:?}"
            )),
            (None, Err(refusal)) if !is_explained(answered, refusal) => Err(format!(
                "trip {trip}: {id} is refused with {refusal:?}, but not by the state at {position}"
            )),
            _ => Ok(()),
        }
    }
}

/// Whether the state at the answer's position refuses the command like this at some time. What is not
/// exactly there cannot be told.
fn is_explained(answered: &Answered<'_>, refusal: &Refusal) -> bool {
    let (Some(map), Some(command)) = (answered.map, answered.command) else { return true };
    LATER_MS.iter().any(|ms| match map.check(map.view().clock().plus_ms(*ms), command) {
        Check::Known(_, Err(known)) => known.code() == refusal.code(),
        Check::Refuse(refused) => refused.code() == refusal.code(),
        Check::Known(_, Ok(_)) | Check::Propose => false,
    })
}
