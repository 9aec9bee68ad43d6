//! No seat is sold twice on a leg: needs neither positions nor times.

use crate::verify::call::{Call, Legs};
use crate::verify::verdict::{Contradiction, Findings};
use crate::verify::{Facts, place, told};

const RULE: &str = "sold_once";
const DEMANDS: &str = "a seat has one booking on a leg, unless it was cancelled";

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "seats of bookings");
    let history = facts.history;
    let mut sold: Vec<(u32, u32, &Call, Legs)> = Vec::new();
    for life in &facts.lives {
        let Some(confirm) = life.confirm.acknowledged(history) else { continue };
        if life.cancel.may_have_happened() || life.other_us.is_some() {
            findings.report.pass_over("cancelled, or changed in a way that is not followed");
            continue;
        }
        let Some(described) = life.described_by(history) else {
            findings.report.pass_over("no line names the seats");
            continue;
        };
        let seats = history.seats(described).iter();
        sold.extend(seats.map(|&seat| (confirm.trip, seat, confirm, described.legs)));
    }
    findings.report.checked = sold.len() as u64;
    sold.sort_unstable_by_key(|(trip, seat, confirm, legs)| {
        (*trip, *seat, legs.from, confirm.line)
    });
    for seat in sold.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        // Sorted by where they begin: whoever reaches furthest is in the way of the next, if anybody is.
        let mut furthest = seat[0];
        for &next in &seat[1..] {
            if let Some(leg) = furthest.3.shared(next.3) {
                findings.add(contradiction(facts, furthest, next, leg));
            }
            if next.3.to > furthest.3.to {
                furthest = next;
            }
        }
    }
    findings
}

fn contradiction(
    facts: &Facts<'_>,
    first: (u32, u32, &Call, Legs),
    second: (u32, u32, &Call, Legs),
    leg: u16,
) -> Contradiction {
    let seat = facts.history.seat(first.1);
    let leg = (first.3 != Legs::ALL || second.3 != Legs::ALL).then_some(leg);
    let place = place(facts.history.trip(first.0), &seat, leg);
    let sold = |call: &Call| format!("hold {} ({})", facts.history.hold(call.hold), told(call));
    let text = format!("{place}: sold to {} and to {}", sold(first.2), sold(second.2));
    let found = facts.contradiction(RULE, &[first.2, second.2], text);
    Contradiction { seat: Some(seat), leg, ..found }
}
