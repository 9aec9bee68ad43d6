//! No two grants of a shard have one fencing number, and a booking keeps that of its hold.

use crate::verify::Facts;
use crate::verify::call::Call;
use crate::verify::verdict::Findings;

const RULE: &str = "fences";
const DEMANDS: &str =
    "grants of a shard have different fencing numbers, and a booking that of its hold";

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "fencing numbers");
    let history = facts.history;
    let mut grants: Vec<(u32, u64, &Call)> = Vec::new();
    for life in &facts.lives {
        let held = life.hold.acknowledged(history);
        let confirmed = life.confirm.acknowledged(history);
        if let (Some(held), Some(booked)) = (held, life.booked(history))
            && let (Some(first), Some(second)) = (held.fence, booked.fence)
        {
            findings.report.checked += 1;
            if first != second {
                let (id, lines) = (history.hold(held.hold), (held.line, booked.line));
                let text = format!(
                    "hold {id} was granted with fence {first} (line {}) and confirmed with fence \
                     {second} (line {})",
                    lines.0, lines.1
                );
                findings.add(facts.contradiction(RULE, &[held, booked], text));
            }
        }
        let taken_again = confirmed.filter(|call| call.reacquired);
        for call in held.into_iter().chain(taken_again) {
            match call.fence {
                Some(fence) => grants.push((call.shard, fence.get(), call)),
                None => findings.report.pass_over("no fence"),
            }
        }
    }
    findings.report.checked += grants.len() as u64;
    grants.sort_unstable_by_key(|(shard, fence, call)| (*shard, *fence, call.line));
    for pair in grants.windows(2) {
        let [(shard, fence, first), (other, same, second)] = pair else { continue };
        if (shard, fence) == (other, same) {
            let ids = (history.hold(first.hold), history.hold(second.hold));
            let text = format!(
                "holds {} (line {}) and {} (line {}) of shard {shard} both have fence {fence}",
                ids.0, first.line, ids.1, second.line
            );
            findings.add(facts.contradiction(RULE, &[*first, *second], text));
        }
    }
    findings
}
