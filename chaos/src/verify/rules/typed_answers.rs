//! Valid input is never answered as if it were not.

use crate::verify::Facts;
use crate::verify::call::Outcome;
use crate::verify::verdict::Findings;

const RULE: &str = "typed_answers";
const DEMANDS: &str = "valid requests are answered yes or no, never as if they were not valid";

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "answers");
    for call in facts.history.calls() {
        findings.report.checked += u64::from(call.outcome != Outcome::Unknown);
        if call.outcome == Outcome::Defect {
            let (trip, id) = (facts.history.trip(call.trip), facts.history.hold(call.hold));
            let (kind, line) = (call.kind.name(), call.line);
            let text = format!(
                "trip {trip}: the {kind} of hold {id} (line {line}) is valid, and was answered as if \
                 it were not"
            );
            findings.add(facts.contradiction(RULE, &[call], text));
        }
    }
    findings
}
