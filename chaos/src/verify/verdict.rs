//! What a verification found: which rules were checked, on how much, and what contradicts them.

use serde::Serialize;

/// Contradictions of one rule that are kept; all are counted.
pub const MAX_KEPT: usize = 100;

/// What a history is, all rules considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Every rule that could be checked holds.
    Consistent,
    /// Nothing contradicts a rule, and some of the search was not finished, or there was nothing to check.
    Undecided,
    /// Something contradicts a rule.
    Contradiction,
}

/// Calls that cannot all be as they were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// The rule.
    pub rule: &'static str,
    /// The trip.
    pub trip: String,
    /// The seat, where one seat is meant.
    pub seat: Option<String>,
    /// The first leg, where one is meant and the history has legs.
    pub leg: Option<u16>,
    /// The holds.
    pub holds: Vec<String>,
    /// The lines of the calls.
    pub lines: Vec<u32>,
    /// All of it in a sentence.
    pub text: String,
}

/// What came of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleReport {
    /// The rule.
    pub rule: &'static str,
    /// What it demands.
    pub demands: &'static str,
    /// What `checked` counts.
    pub unit: &'static str,
    /// How many were checked.
    pub checked: u64,
    /// How many could not be checked.
    pub not_checked: u64,
    /// Why they could not.
    pub why_not: &'static str,
    /// How many were begun and given up.
    pub undecided: u64,
    /// How many contradictions there are.
    pub contradictions: u64,
}

/// What came of a history.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// All rules considered.
    pub judgement: Judgement,
    /// Calls of the history.
    pub calls: u64,
    /// Holds of the history.
    pub holds: u64,
    /// Trips of the history.
    pub trips: u64,
    /// The history says that nobody else touched its trips.
    pub complete: bool,
    /// Every rule.
    pub rules: Vec<RuleReport>,
    /// What contradicts them, at most [`MAX_KEPT`] of each rule.
    pub contradictions: Vec<Contradiction>,
}

impl RuleReport {
    /// A rule of which nothing was checked yet.
    #[must_use]
    pub fn new(rule: &'static str, demands: &'static str, unit: &'static str) -> Self {
        Self { rule, demands, unit, ..Self::default() }
    }

    /// Something could not be checked.
    pub fn pass_over(&mut self, why: &'static str) {
        self.not_checked += 1;
        self.why_not = why;
    }
}

/// Collects what one rule finds.
#[derive(Debug)]
pub(super) struct Findings {
    /// What came of the rule so far.
    pub(super) report: RuleReport,
    /// What was found.
    pub(super) found: Vec<Contradiction>,
}

impl Findings {
    /// Of a rule of which nothing was checked yet.
    pub(super) fn new(rule: &'static str, demands: &'static str, unit: &'static str) -> Self {
        Self { report: RuleReport::new(rule, demands, unit), found: Vec::new() }
    }

    /// Adds a contradiction.
    pub(super) fn add(&mut self, contradiction: Contradiction) {
        self.report.contradictions += 1;
        if self.found.len() < MAX_KEPT {
            self.found.push(contradiction);
        }
    }
}

impl Verdict {
    /// Sums up what the rules found.
    pub(super) fn of(history: &super::History, all: Vec<Findings>) -> Self {
        let (mut rules, mut contradictions) = (Vec::new(), Vec::new());
        for Findings { report, found } in all {
            rules.push(report);
            contradictions.extend(found);
        }
        let sum = |count: fn(&RuleReport) -> u64| rules.iter().map(count).sum::<u64>();
        let judgement = match (sum(|r| r.contradictions), sum(|r| r.undecided), sum(|r| r.checked))
        {
            (1.., ..) => Judgement::Contradiction,
            // Where nothing was checked nothing has passed.
            (0, 0, 1..) => Judgement::Consistent,
            _ => Judgement::Undecided,
        };
        Self {
            judgement,
            calls: history.calls().len() as u64,
            holds: history.hold_count() as u64,
            trips: history.trip_count() as u64,
            complete: history.complete,
            rules,
            contradictions,
        }
    }

    /// Everything that was checked, over all rules.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.rules.iter().map(|rule| rule.checked).sum()
    }
}
