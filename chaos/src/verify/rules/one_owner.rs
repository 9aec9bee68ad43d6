//! A seat is granted on a leg only when nobody owns it there. Grants are looked at in the order of the
//! log; log time says what had expired.

use crate::verify::call::Legs;
use crate::verify::verdict::{Contradiction, Findings};
use crate::verify::{Facts, place};

const RULE: &str = "one_owner";
const DEMANDS: &str =
    "a seat is granted on a leg only after its owner before gave it back or expired";

/// A seat that a hold took at a position.
#[derive(Clone, Copy, Debug)]
struct Claim {
    trip: u32,
    seat: u32,
    /// Where in the log.
    position: u64,
    /// The log time, in Unix milliseconds.
    at_ms: Option<u64>,
    hold: u32,
    shard: u32,
    legs: Legs,
    /// It expired before, and was taken again as a booking.
    again: bool,
}

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "grants of a seat");
    let mut claims = claims(facts, &mut findings);
    claims.sort_unstable_by_key(|claim| (claim.trip, claim.seat, claim.position, claim.hold));
    let mut owners: Vec<Claim> = Vec::new();
    let mut place = (u32::MAX, u32::MAX);
    for claim in claims {
        if place != (claim.trip, claim.seat) {
            place = (claim.trip, claim.seat);
            owners.clear();
        }
        findings.report.checked += 1;
        // Who does not certainly own it now will not later, unless it takes it again.
        owners
            .retain(|owner| owner.hold != claim.hold && why_owned(facts, owner, &claim).is_some());
        for owner in &owners {
            if let Some(leg) = owner.legs.shared(claim.legs)
                && let Some(why) = why_owned(facts, owner, &claim)
            {
                findings.add(contradiction(facts, owner, &claim, leg, why));
            }
        }
        owners.push(claim);
    }
    findings
}

/// Every grant whose position is known.
fn claims(facts: &Facts<'_>, findings: &mut Findings) -> Vec<Claim> {
    let history = facts.history;
    let mut claims = Vec::new();
    for (hold, life) in (0..).zip(&facts.lives) {
        let Some(call) = life.described_by(history).filter(|_| life.existed()) else { continue };
        let Some(position) = life.granted_at(history) else {
            findings.report.pass_over("no position or fence");
            continue;
        };
        let at_ms = life.hold.acknowledged(history).and_then(|call| call.granted_at_ms());
        let first = Claim {
            trip: call.trip,
            seat: 0,
            position,
            at_ms,
            hold,
            shard: call.shard,
            legs: call.legs,
            again: false,
        };
        let again = life.reacquired(history).and_then(|call| {
            Some(Claim { position: call.fence?.get(), at_ms: None, again: true, ..first })
        });
        for &seat in history.seats(call) {
            claims.push(Claim { seat, ..first });
            claims.extend(again.map(|again| Claim { seat, ..again }));
        }
    }
    claims
}

/// Why a hold certainly still owned its seats when another was granted.
fn why_owned(facts: &Facts<'_>, owner: &Claim, next: &Claim) -> Option<&'static str> {
    let (history, life) = (facts.history, &facts.lives[owner.hold as usize]);
    // What is asked after an answer came takes effect behind what that answer saw.
    let before = |asked: Option<u64>| {
        asked.is_some_and(|us| {
            let floor = facts.floors.of_shard(owner.shard, us);
            floor.is_none_or(|floor| floor.position < next.position)
        })
    };
    if before(life.cancel.maybe_us) || before(life.other_us) {
        return None;
    }
    if owner.again || life.booked(history).is_some() && life.release.ok.is_none() {
        return Some("it was confirmed before it expired");
    }
    if before(life.release.maybe_us) {
        return None;
    }
    let ends_ms = life.ends_at_least_ms(history, next.position)?;
    let now_ms = next.at_ms.or_else(|| facts.clock.at_most_ms(next.shard, next.position))?;
    (now_ms < ends_ms).then_some("it was neither released nor expired by log time")
}

fn contradiction(
    facts: &Facts<'_>,
    owner: &Claim,
    next: &Claim,
    leg: u16,
    why: &str,
) -> Contradiction {
    let history = facts.history;
    let seat = history.seat(next.seat);
    let leg = (owner.legs != Legs::ALL || next.legs != Legs::ALL).then_some(leg);
    let trip = history.trip(next.trip);
    let (first, second) = (facts.name(owner.hold), facts.name(next.hold));
    let id = history.hold(owner.hold);
    let next_id = history.hold(next.hold);
    let place = place(trip, &seat, leg);
    let text = format!(
        "{place}: {first} and {second} both own it: when {next_id} was granted {id} was not over, \
         because {why}"
    );
    let lines = [owner.hold, next.hold]
        .into_iter()
        .filter_map(|hold| Some(facts.lives[hold as usize].described_by(history)?.line));
    Contradiction {
        rule: RULE,
        trip: trip.to_owned(),
        seat: Some(seat),
        leg,
        holds: vec![id.to_owned(), next_id.to_owned()],
        lines: lines.collect(),
        text,
    }
}
