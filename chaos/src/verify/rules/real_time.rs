//! What is asked after an answer came does not stand before it in the log.

use std::num::NonZeroU64;

use crate::verify::Facts;
use crate::verify::call::{Call, Kind, Outcome, Reason};
use crate::verify::life::Request;
use crate::verify::verdict::Findings;

const RULE: &str = "real_time";
const DEMANDS: &str = "what is asked after an answer came does not stand before it in the log";

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "answers");
    for call in facts.history.calls() {
        if !matches!(call.outcome, Outcome::Ok | Outcome::Refused) {
            continue;
        }
        if call.reason == Reason::IdReused {
            findings.report.pass_over("it names the place of the request that had the id before");
            continue;
        }
        let Some(position) = latest(facts, call) else {
            findings.report.pass_over("no position");
            continue;
        };
        findings.report.checked += 1;
        // A first yes went through the log; another answer may rest on the state of its trip alone.
        let floor = match goes_through_the_log(facts, call) {
            true => facts.floors.of_shard(call.shard, call.invoked_us),
            false => facts.floors.of_trip(call.trip, first_asked_us(facts, call)),
        };
        let Some(floor) = floor.filter(|floor| floor.position > position) else { continue };
        let text = format!(
            "trip {}, shard {}: line {} was asked after line {} was answered, and stands at \
             position {position}, before {}",
            facts.history.trip(call.trip),
            call.shard,
            call.line,
            floor.line,
            floor.position
        );
        let calls = facts.history.calls();
        let earlier = calls.get(calls.partition_point(|call| call.line < floor.line));
        let pair: Vec<&Call> = earlier.into_iter().chain([call]).collect();
        findings.add(facts.contradiction(RULE, &pair, text));
    }
    findings
}

/// The latest position at which a call may have taken effect.
fn latest(facts: &Facts<'_>, call: &Call) -> Option<u64> {
    let exact = call.kind == Kind::Hold && goes_through_the_log(facts, call);
    call.fence.filter(|_| exact).or(call.position).map(NonZeroU64::get)
}

/// Whether a call is a yes to a request that nobody had sent before it.
fn goes_through_the_log(facts: &Facts<'_>, call: &Call) -> bool {
    let first = call.outcome == Outcome::Ok && !call.again;
    first && request(facts, call).is_none_or(|request| request.asked_us == Some(call.invoked_us))
}

/// When the request was first sent: its answer may have been decided from then on.
fn first_asked_us(facts: &Facts<'_>, call: &Call) -> u64 {
    match request(facts, call) {
        Some(request) => request.asked_us.unwrap_or(call.invoked_us),
        // Calls of these kinds do not say which of them are one request.
        None if call.again => 0,
        None => call.invoked_us,
    }
}

/// All calls with the same request, where that can be told.
fn request<'a>(facts: &'a Facts<'_>, call: &Call) -> Option<&'a Request> {
    let life = &facts.lives[call.hold as usize];
    match call.kind {
        Kind::Hold => Some(&life.hold),
        Kind::Confirm => Some(&life.confirm),
        Kind::Release => Some(&life.release),
        Kind::Cancel => Some(&life.cancel),
        Kind::Extend | Kind::Other => None,
    }
}
