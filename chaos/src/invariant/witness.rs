//! Every answer is what a replay of the log says at the position that the answer names. A refusal
//! before the log is what the state at that position refuses.

use actors::ask::Answer;
use actors::seat_map::{Check, Refusal};

use super::{Answered, Event, Invariant};

/// A refusal may rest on the time at which it was made, which the answer does not say: it is looked for
/// so much later first, in milliseconds.
const FIRST_MS: [u64; 3] = [0, 60_000, 3_600_000];

/// And then at every millisecond before this one: some refusals hold only between two moments.
const LATEST_MS: u64 = 60_000;

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
    let refuses = |ms| match map.check(map.view().clock().plus_ms(ms), command) {
        Check::Known(_, Err(known)) => known.code() == refusal.code(),
        Check::Refuse(refused) => refused.code() == refusal.code(),
        Check::Known(_, Ok(_)) | Check::Propose => false,
    };
    FIRST_MS.into_iter().chain(1..LATEST_MS).any(refuses)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actors::ids::{CommandId, LogIndex, LogPosition, Timestamp};
    use actors::seat_map::{
        Command, CommandBody, Extend, HoldQuantity, Outcome, SeatMap, Span, ZoneRef,
    };
    use proto::ids::{BuyerId, HoldId};

    use super::*;
    use crate::workload::{HOLD_CAP_MS, TTL_DEFAULT_MS, coach, trip_id};

    const STANDING: &str = "standing";

    fn id(number: u128) -> CommandId {
        CommandId::from_u128(number).expect("it is not zero")
    }

    fn refused(outcome: &Outcome) -> &Refusal {
        outcome.as_ref().expect_err("it is refused")
    }

    /// The cap refuses a prolongation only from when it would go beyond it until the hold has expired.
    #[test]
    fn a_refusal_between_two_moments_is_explained_and_one_that_never_is_is_not() {
        let at = |ms| Timestamp::from_unix_ms(1_000_000 + ms);
        let position = |index| LogPosition::new(LogIndex::new(index), 0);
        let mut map = SeatMap::open(at(0), position(1), id(1), &Arc::new(coach(1))).unwrap();
        let hold = HoldQuantity {
            buyer: BuyerId::default(),
            zone: ZoneRef::Name(STANDING.into()),
            quantity: 1,
            legs: Span::Whole,
            ttl_ms: TTL_DEFAULT_MS,
        };
        let held = Command { id: id(2), body: CommandBody::HoldQuantity(hold) };
        map.apply(at(0), position(2), &held).unwrap();
        let extend = |number, ttl_ms| {
            let hold = HoldId::from_u128(2).expect("it is not zero");
            Command { id: id(number), body: CommandBody::Extend(Extend { hold, ttl_ms }) }
        };
        let mut last = 0;
        for index in 3.. {
            last += TTL_DEFAULT_MS - 1;
            map.apply(at(last), position(index), &extend(u128::from(index), 10_000)).unwrap();
            if last + 10_000 >= HOLD_CAP_MS {
                break;
            }
        }
        let asked = extend(99, TTL_DEFAULT_MS);
        let refuse = |map: &SeatMap, ms| map.clone().apply(at(ms), position(99), &asked);
        let by_the_cap = refuse(&map, HOLD_CAP_MS - 1);
        assert!(matches!(refused(&by_the_cap), Refusal::HoldCapReached { .. }), "{by_the_cap:?}");
        let by_the_clock = refuse(&map, HOLD_CAP_MS);
        assert!(matches!(refused(&by_the_clock), Refusal::HoldExpired { .. }), "{by_the_clock:?}");

        let (trip, answer) = (
            trip_id(1),
            Answer::Decided { outcome: Ok(map.opened()), position: position(9), layout: None },
        );
        let answered = Answered {
            trip: &trip,
            id: asked.id,
            command: Some(&asked),
            answer: &answer,
            floor: LogPosition::default(),
            decided: None,
            first: true,
            resent: false,
            map: Some(&map),
        };
        assert!(is_explained(&answered, refused(&by_the_cap)));
        assert!(is_explained(&answered, refused(&by_the_clock)));
        assert!(!is_explained(&answered, &Refusal::HoldReleased));
    }
}
