//! Refusals and failures as problems.

use std::borrow::Cow;

use actors::ask::Failure;
use actors::ids::InvalidId;
use actors::limits::OVERLOAD_RETRY_MS;
use actors::seat_map::{Class, Layout, Refusal, Taken};
use actors::shard::ReadFailure;
use proto::ids::{Legs, SeatNo};
use proto::pb::{self, Code, LeaderHint, Problem};
use proto::replies::ReplyWriter;

use super::reply::Origin;

/// An id that is not valid.
pub(crate) fn invalid_id(error: &InvalidId) -> Problem {
    Problem::invalid(error.field, error.to_string())
}

pub(super) fn legs_out(legs: Legs) -> pb::Legs {
    pb::Legs { from: legs.from().into(), to: legs.to().into() }
}

pub(super) fn seat_name(layout: Option<&Layout>, seat: SeatNo) -> Cow<'_, str> {
    let named = layout.and_then(|layout| layout.seat(seat));
    named.map_or_else(|| seat.to_string().into(), |spec| Cow::Borrowed(&*spec.name))
}

fn state(class: Class) -> pb::SeatState {
    match class {
        Class::Held => pb::SeatState::Held,
        Class::Paying => pb::SeatState::Paying,
        Class::Sold => pb::SeatState::Sold,
        Class::Blocked => pb::SeatState::Blocked,
    }
}

/// A seat map's no. `verbose`: with a sentence also where programs do not need one.
pub(crate) fn refusal_problem(
    refusal: &Refusal,
    layout: Option<&Layout>,
    verbose: bool,
) -> Problem {
    let code = match refusal {
        // In a rush nearly all of them: not by its name.
        Refusal::SeatsTaken(_) => Code::SeatTaken,
        _ => {
            let name = format!("CODE_{}", refusal.code());
            Code::from_str_name(&name).unwrap_or(Code::Internal)
        }
    };
    let mut problem = Problem { code: code.into(), ..Problem::default() };
    match refusal {
        Refusal::SeatsTaken(taken) => seats_taken(&mut problem, taken, layout),
        Refusal::InBatch { place, refusal } => {
            let inner = refusal_problem(refusal, layout, verbose);
            return Problem {
                field: format!("commands[{place}]"),
                message: format!("command {place} of the batch: {}", inner.sentence()),
                ..inner
            };
        }
        Refusal::SaleNotOpen { opens_at } => problem.retry_at_ms = opens_at.as_unix_ms(),
        Refusal::HoldFenced { fence } | Refusal::HoldConfirmed { fence } => {
            problem.fence = fence.get();
        }
        Refusal::HoldExpired { winners, .. } | Refusal::HoldLost { winners, .. } => {
            problem.fence = winners.first().map_or(0, |fence| fence.get());
        }
        Refusal::InsufficientStock { requested, available, .. } => {
            (problem.requested, problem.available) = (u64::from(*requested), u64::from(*available));
        }
        Refusal::NotAdjacent { requested, longest } => {
            (problem.requested, problem.available) = (u64::from(*requested), u64::from(*longest));
        }
        Refusal::MaxPerHoldExceeded { requested, max } => {
            (problem.requested, problem.available) = (u64::from(*requested), u64::from(*max));
        }
        Refusal::MaxPerBuyerExceeded { has, requested, max } => {
            problem.requested = u64::from(*requested);
            problem.available = u64::from(max.saturating_sub(*has));
        }
        _ => {}
    }
    problem.field = field(refusal).to_owned();
    if verbose || !matches!(refusal, Refusal::SeatsTaken(_) | Refusal::InsufficientStock { .. }) {
        problem.message = sentence(refusal, layout);
    }
    problem
}

/// The request field at fault, for refusals of the request's shape.
fn field(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownSeat(_) | Refusal::DuplicateSeat { .. } => "seats",
        Refusal::UnknownZone { .. } | Refusal::WrongZone { .. } => "zone",
        Refusal::InvalidQuantity { .. } => "quantity",
        Refusal::InvalidLegs { .. } | Refusal::NoBoarding { .. } | Refusal::NoAlighting { .. } => {
            "legs"
        }
        Refusal::InvalidTtl { .. } => "ttl_ms",
        Refusal::BuyerRequired => "buyer_id",
        Refusal::InvalidLayout(_) => "layout",
        Refusal::InvalidTrip(_) => "trip",
        _ => "",
    }
}

/// The refusal's own sentence, with seats by name where the layout is known.
fn sentence(refusal: &Refusal, layout: Option<&Layout>) -> String {
    match (refusal, layout) {
        (Refusal::SeatsTaken(taken), Some(_)) => {
            let seats = taken.blocking.iter().map(|b| seat_name(layout, b.seat));
            let seats: Vec<_> = seats.collect();
            format!("not free: {}", seats.join(", "))
        }
        (Refusal::DuplicateSeat { seat }, Some(_)) => {
            format!("seat {} is named twice", seat_name(layout, *seat))
        }
        (Refusal::NotInHold { seat: Some(seat) }, Some(_)) => {
            format!("seat {} is not part of the hold", seat_name(layout, *seat))
        }
        _ => refusal.to_string(),
    }
}

fn seats_taken(problem: &mut Problem, taken: &Taken, layout: Option<&Layout>) {
    let blocking = taken.blocking.iter().map(|b| pb::BlockingSeat {
        seat: seat_name(layout, b.seat).into(),
        legs: Some(legs_out(b.legs)),
        state: state(b.state).into(),
    });
    problem.blocking = blocking.collect();
    problem.retry_at_ms = taken.retry_at.map_or(0, |at| at.as_unix_ms());
    let alternatives = taken.alternatives.iter().map(|&seat| seat_name(layout, seat).into());
    problem.alternatives = alternatives.collect();
}

/// Writes what [`refusal_problem`] makes of seats that are taken, for a program, as the reply to a command of a
/// pipeline.
pub(crate) fn put_taken(
    replies: &mut ReplyWriter,
    tag: u32,
    taken: &Taken,
    layout: Option<&Layout>,
    origin: Origin,
) {
    let mut refusal = replies.seats_taken(tag);
    for b in &*taken.blocking {
        let legs = (b.legs.from().into(), b.legs.to().into());
        refusal.blocking(&seat_name(layout, b.seat), legs, state(b.state));
    }
    refusal.retry_at_ms(taken.retry_at.map_or(0, |at| at.as_unix_ms()));
    for &seat in &*taken.alternatives {
        refusal.alternative(&seat_name(layout, seat));
    }
    let pb::Position { shard, index } = origin.wire();
    refusal.end(shard, index);
}

/// What the system could not do. `hint` knows the leader's address.
pub fn failure_problem(
    failure: Failure,
    hint: impl FnOnce(Option<u64>) -> Option<LeaderHint>,
) -> Problem {
    match failure {
        Failure::NotLeader { leader } => Problem {
            leader: hint(leader),
            ..Problem::new(Code::NotLeader, "another node leads the trip's shard")
        },
        Failure::Overloaded => Problem {
            retry_after_ms: OVERLOAD_RETRY_MS,
            ..Problem::new(Code::Overloaded, "too many commands are waiting")
        },
        Failure::TooLarge => Problem::new(Code::TooLarge, "the command is larger than allowed"),
        Failure::Unknown => Problem::new(
            Code::UnknownOutcome,
            "leadership changed while the command was in the log; send it again with the same id",
        ),
        Failure::Fenced => Problem::new(
            Code::TripFenced,
            "a defect was found in this trip; it takes no commands until an operator has looked",
        ),
        Failure::Stopped => Problem::new(Code::ShuttingDown, "the node is stopping"),
        Failure::Late => Problem::new(
            Code::DeadlineExceeded,
            "the time to wait was over before the command had its turn; nothing happened",
        ),
    }
}

/// Why a trip could not be read.
pub fn read_problem(
    failure: ReadFailure,
    hint: impl FnOnce(Option<u64>) -> Option<LeaderHint>,
) -> Problem {
    match failure {
        ReadFailure::NotLeader { leads: true, .. } => Problem {
            retry_after_ms: OVERLOAD_RETRY_MS,
            ..Problem::new(Code::Unavailable, "the leader's lease is not confirmed just now")
        },
        ReadFailure::NotLeader { leader, .. } => {
            failure_problem(Failure::NotLeader { leader }, hint)
        }
        ReadFailure::NotFound => Problem {
            field: "trip_id".into(),
            ..Problem::new(Code::TripNotFound, "the trip is not on sale")
        },
        ReadFailure::Fenced => failure_problem(Failure::Fenced, hint),
        ReadFailure::Damaged(why) => Problem::new(Code::Internal, why),
        ReadFailure::TooManyWatchers => Problem {
            retry_after_ms: OVERLOAD_RETRY_MS,
            ..Problem::new(Code::Overloaded, "the trip has as many watchers as are allowed")
        },
        ReadFailure::Stopped => failure_problem(Failure::Stopped, hint),
    }
}
