//! Log time never runs backwards: what stands later in a log is not granted at an earlier log time.

use crate::verify::Facts;
use crate::verify::verdict::Findings;

const RULE: &str = "log_time";
const DEMANDS: &str = "log time never runs backwards along a log";

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "grants");
    let calls = facts.history.calls();
    let of_line = |line: u32| {
        let place = calls.partition_point(|call| call.line < line);
        calls.get(place)
    };
    for (shard, ticks) in facts.clock.shards() {
        findings.report.checked += ticks.len() as u64;
        for pair in ticks.windows(2) {
            let [before, after] = pair else { continue };
            if after.at_ms >= before.at_ms {
                continue;
            }
            let text = format!(
                "shard {shard}: the grant at position {} (line {}) has log time {}, and that at \
                 position {} (line {}) {} ms less",
                before.position,
                before.line,
                before.at_ms,
                after.position,
                after.line,
                before.at_ms - after.at_ms
            );
            let pair: Vec<_> = [before.line, after.line].into_iter().filter_map(of_line).collect();
            findings.add(facts.contradiction(RULE, &pair, text));
        }
    }
    findings
}
