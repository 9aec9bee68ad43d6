//! Rules that answers must keep to, a file each. They are linear: every call is looked at a few times.

mod fences;
mod lifecycle;
mod log_time;
mod one_owner;
mod real_time;
mod refusals;
mod same_answer;
mod sold_once;
mod typed_answers;

use super::Facts;
use super::verdict::Findings;

/// Checks every rule.
pub(super) fn check(facts: &Facts<'_>) -> Vec<Findings> {
    vec![
        one_owner::check(facts),
        sold_once::check(facts),
        lifecycle::check(facts),
        same_answer::check(facts),
        real_time::check(facts),
        fences::check(facts),
        log_time::check(facts),
        refusals::check(facts),
        typed_answers::check(facts),
    ]
}
