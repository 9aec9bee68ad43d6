//! Who is refused because a seat is taken, is refused by somebody who may have had it. Needs a history
//! in which everybody is who touched its trips.

use crate::verify::Facts;
use crate::verify::call::{Call, Kind, Legs, Outcome, Reason};
use crate::verify::life::Life;
use crate::verify::verdict::Findings;

const RULE: &str = "refusals";
const DEMANDS: &str =
    "a seat that is refused as taken may have an owner where the refusal was decided";

/// A hold that may have had a seat.
#[derive(Clone, Copy, Debug)]
struct Claim {
    trip: u32,
    seat: u32,
    /// Where it was granted; 0 when that is not known.
    position: u64,
    hold: u32,
    legs: Legs,
}

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "refusals of taken seats");
    let history = facts.history;
    let refused = history.calls().iter().filter(|call| {
        (call.kind, call.outcome, call.reason) == (Kind::Hold, Outcome::Refused, Reason::SeatTaken)
    });
    if !history.complete {
        refused.for_each(|_| findings.report.pass_over("the history is not said to be complete"));
        return findings;
    }
    let claims = claims(facts);
    for call in refused {
        let Some(position) = call.position else {
            findings.report.pass_over("no position");
            continue;
        };
        if !facts.is_followed(call) {
            findings.report.pass_over("a hold of the trip may have got other seats");
            continue;
        }
        if call.again {
            findings.report.pass_over("the request had been sent before: its answer may be older");
            continue;
        }
        findings.report.checked += 1;
        // It was decided somewhere from here to its position: a caller may have sent the request twice, and
        // have got the answer of the first with the position of the second.
        let floor = facts.floors.of_trip(call.trip, call.invoked_us).map_or(0, |at| at.position);
        let explained = history.seats(call).iter().any(|&seat| {
            let end = claims.partition_point(|claim| {
                (claim.trip, claim.seat, claim.position) <= (call.trip, seat, position.get())
            });
            let earlier = claims[..end].iter().rev();
            earlier
                .take_while(|claim| (claim.trip, claim.seat) == (call.trip, seat))
                .filter(|claim| claim.hold != call.hold && claim.legs.shared(call.legs).is_some())
                .any(|claim| may_own(facts, claim, call, floor))
        });
        if !explained {
            let seats: Vec<String> =
                history.seats(call).iter().map(|&seat| history.seat(seat)).collect();
            let text = format!(
                "trip {}: hold {} (line {}) was refused at position {position} because seats {} \
                 were taken, but nobody can have had any of them",
                history.trip(call.trip),
                history.hold(call.hold),
                call.line,
                seats.join(", ")
            );
            let mut found = facts.contradiction(RULE, &[call], text);
            found.seat = seats.into_iter().next();
            findings.add(found);
        }
    }
    findings
}

/// Every hold that may have existed, by seat and position.
fn claims(facts: &Facts<'_>) -> Vec<Claim> {
    let history = facts.history;
    let mut claims = Vec::new();
    for (hold, life) in (0..).zip(&facts.lives) {
        if !life.existed() && !life.hold.unknown {
            continue;
        }
        let Some(call) = life.described_by(history) else { continue };
        let position = life.granted_at(history).unwrap_or(0);
        for &seat in history.seats(call) {
            claims.push(Claim { trip: call.trip, seat, position, hold, legs: call.legs });
        }
    }
    claims.sort_unstable_by_key(|claim| (claim.trip, claim.seat, claim.position));
    claims
}

/// Whether a hold may have had its seats in a state, not before a position, that refused somebody else.
fn may_own(facts: &Facts<'_>, claim: &Claim, refused: &Call, position: u64) -> bool {
    let (history, life) = (facts.history, &facts.lives[claim.hold as usize]);
    if life.hold.asked_us.is_some_and(|us| us > refused.completed_us) {
        return false;
    }
    if gone_by(facts, life, refused, position) {
        return false;
    }
    let paid = life.confirm.may_have_happened();
    let expired = || {
        let ends_ms = life.ends_at_most_ms(history)?;
        Some(facts.clock.at_least_ms(refused.shard, position)? >= ends_ms)
    };
    paid || expired() != Some(true)
}

/// Whether a release or cancellation was decided before: at a position, or because it was answered before
/// the refusal was asked for.
fn gone_by(facts: &Facts<'_>, life: &Life, refused: &Call, position: u64) -> bool {
    let ends = [life.release, life.cancel];
    let mut answers = ends.iter().filter_map(|request| request.acknowledged(facts.history));
    answers.any(|end| {
        end.position.is_some_and(|at| at.get() <= position) || end.completed_us < refused.invoked_us
    })
}
