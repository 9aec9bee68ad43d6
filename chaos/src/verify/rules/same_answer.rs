//! The same request has the same answer: what was granted once is what every later yes says, and no
//! later no.

use crate::verify::Facts;
use crate::verify::call::{Call, Kind, Outcome, Reason};
use crate::verify::verdict::Findings;

const RULE: &str = "same_answer";
const DEMANDS: &str = "the same request has the same answer, and happens once";

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "repeated requests");
    for call in facts.history.calls() {
        let life = &facts.lives[call.hold as usize];
        let request = match call.kind {
            Kind::Hold => life.hold,
            Kind::Confirm => life.confirm,
            Kind::Release => life.release,
            Kind::Cancel => life.cancel,
            Kind::Extend | Kind::Other => continue,
        };
        let Some(first) = request.acknowledged(facts.history) else { continue };
        if first.line == call.line {
            continue;
        }
        let difference = match call.outcome {
            Outcome::Ok => different(facts, first, call),
            Outcome::Refused if is_repeat(call) && call.invoked_us > first.completed_us => {
                different_no(facts, first, call)
            }
            _ => continue,
        };
        findings.report.checked += 1;
        if let Some(difference) = difference {
            let (kind, id) = (call.kind.name(), facts.history.hold(call.hold));
            let text = format!(
                "trip {}: the {kind} of hold {id} was acknowledged on line {}, and on line {} \
                 {difference}",
                facts.history.trip(call.trip),
                first.line,
                call.line
            );
            findings.add(facts.contradiction(RULE, &[first, call], text));
        }
    }
    findings
}

/// The id of a hold is that of its request; other requests say that they are sent again.
fn is_repeat(call: &Call) -> bool {
    call.kind == Kind::Hold || call.again
}

/// What two acknowledgements of one request say differently.
fn different(facts: &Facts<'_>, first: &Call, second: &Call) -> Option<String> {
    let pairs =
        [("fence", first.fence, second.fence), ("end", first.expires_at_ms, second.expires_at_ms)];
    for (what, one, other) in pairs {
        if let (Some(one), Some(other)) = (one, other)
            && one != other
        {
            return Some(format!("with {what} {other} instead of {one}"));
        }
    }
    if first.reacquired != second.reacquired {
        return Some("it is told otherwise whether its seats were taken again".to_owned());
    }
    (first.kind == Kind::Hold && !same_body(facts, first, second))
        .then(|| "with other seats or legs".to_owned())
}

/// What a refusal contradicts of an acknowledgement before.
fn different_no(facts: &Facts<'_>, first: &Call, second: &Call) -> Option<String> {
    let other_body = first.kind == Kind::Hold && !same_body(facts, first, second);
    (!other_body || second.reason != Reason::IdReused)
        .then(|| format!("it was refused with {}", second.reason.code()))
}

fn same_body(facts: &Facts<'_>, first: &Call, second: &Call) -> bool {
    let seats = |call| facts.history.seats(call);
    seats(first) == seats(second)
        && first.legs == second.legs
        && first.ttl_ms == second.ttl_ms
        && first.trip == second.trip
}
