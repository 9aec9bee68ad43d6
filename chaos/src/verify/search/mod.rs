//! Linearizability: one order of all calls about a seat explains every answer, and keeps to real time.
//! Trusts no log position; log times are trusted not to run backwards, where a history has them.
//!
//! Seats that are held together are searched together, up to [`MAX_SEATS_TOGETHER`]; beyond, each seat
//! for itself, where a hold of several seats is one of each. What nobody acknowledged is not searched
//! for: it makes doubtful what it may have changed, from the moment when it was asked.

mod model;
mod objects;
mod order;

use super::Facts;
use super::call::{Call, Kind, Legs};
use super::verdict::{Contradiction, Findings};
use objects::Objects;
use order::{Found, search};

pub use objects::MAX_SEATS_TOGETHER;
pub use order::{MAX_CONFIGURATIONS, MAX_OPEN_CALLS, MAX_STEPS, MAX_STEPS_IN_ALL};

/// The name of the rule.
pub const RULE: &str = "linearizable";
const DEMANDS: &str =
    "one order of the calls about a seat explains every answer and keeps to real time";

/// Searches for an order of the calls about each seat.
pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "calls");
    let objects = Objects::of(facts);
    if objects.passed_over > 0 {
        findings.report.not_checked += objects.passed_over;
        findings.report.why_not = match facts.history.complete {
            true => "refusals that a lost answer may explain, or of seats that are searched apart",
            false => "refusals, where the history is not said to be complete",
        };
    }
    let mut steps = 0;
    for object in objects.iter(facts) {
        match search(&object.object, &mut steps) {
            Found::Order => findings.report.checked += object.object.ops.len() as u64,
            Found::Undecided => {
                findings.report.undecided += 1;
                findings.report.not_checked += object.object.ops.len() as u64;
                findings.report.why_not = "too many calls about the same seats at a time";
            }
            Found::None { op, blocked_by } => {
                findings.report.checked += object.object.ops.len() as u64;
                let line = object.object.ops[op].line;
                findings.add(contradiction(facts, &object.seats, line, blocked_by));
            }
        }
    }
    findings
}

/// The first answer that no order explains, and who is in its way.
fn contradiction(
    facts: &Facts<'_>,
    seats: &[u32],
    line: u32,
    blocked_by: Option<u32>,
) -> Contradiction {
    let calls = facts.history.calls();
    let call = &calls[calls.partition_point(|call| call.line < line)];
    let (history, blocked_by) = (facts.history, blocked_by.unwrap_or(call.hold));
    let other = facts.lives[blocked_by as usize].described_by(history);
    let other = other.filter(|_| blocked_by != call.hold);
    let shared = other.and_then(|other| call.legs.shared(other.legs).map(|leg| (other, leg)));
    let own = history.seats(call);
    let seat = match other {
        Some(other) => history.seats(other).iter().find(|seat| own.contains(seat)),
        None => own.iter().find(|seat| seats.contains(seat)),
    };
    let seat = seat.or(seats.first()).map(|&seat| history.seat(seat)).unwrap_or_default();
    let leg = shared.filter(|(other, _)| call.legs != Legs::ALL || other.legs != Legs::ALL);
    let leg = leg.map(|(_, leg)| leg);
    let place = super::place(history.trip(call.trip), &seat, leg);
    let why = match (other, call.kind) {
        (Some(_), _) => format!("{} has the seat whatever came first", facts.name(blocked_by)),
        (None, Kind::Hold) => "nothing that can have come before explains it".to_owned(),
        (None, _) => "the hold has no seats any more, whatever came first".to_owned(),
    };
    let (id, line) = (history.hold(call.hold), call.line);
    let (kind, outcome) = (call.kind.name(), call.outcome.name());
    let text = format!(
        "{place}: no order of the calls explains line {line} ({kind} of {id}, answered {outcome}): \
         {why}"
    );
    let pair: Vec<&Call> = other.into_iter().chain([call]).collect();
    Contradiction { seat: Some(seat), leg, ..facts.contradiction(RULE, &pair, text) }
}
