//! What a page tells in tables.

use std::collections::BTreeMap;

use crate::real::Report;
use crate::real::failover::percentile;
use crate::real::plan::Plan;
use crate::verify::call::{Kind, Outcome};
use crate::verify::{History, Verdict};

use super::Tone;
use super::html::{Count, Esc};

/// Something that must be true, and what came of it.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What it demands.
    pub demands: &'static str,
    /// How many things were checked.
    pub checked: u64,
    /// What they are.
    pub unit: &'static str,
    /// What contradicts it.
    pub contradictions: u64,
    /// What was begun and not finished.
    pub undecided: u64,
    /// What could not be checked, and why.
    pub not_checked: (u64, &'static str),
}

/// What was checked of a history, and of the cluster where there was a run.
#[must_use]
pub fn checks_of(verdict: &Verdict, run: Option<&Report>) -> Vec<Check> {
    let mut checks: Vec<Check> = verdict
        .rules
        .iter()
        .map(|rule| Check {
            name: rule.rule,
            demands: rule.demands,
            checked: rule.checked,
            unit: rule.unit,
            contradictions: rule.contradictions,
            undecided: rule.undecided,
            not_checked: (rule.not_checked, rule.why_not),
        })
        .collect();
    if let Some(report) = run {
        let found = &report.found;
        let read_back = found.violations.len() as u64 - found.replicas_wrong;
        let told = report.verified.contradictions.len() + found.violations.len();
        let check = |name, demands, checked, unit, contradictions| Check {
            name,
            demands,
            checked,
            unit,
            contradictions,
            undecided: 0,
            not_checked: (0, ""),
        };
        checks.push(check(
            "read_back",
            "every acknowledged confirm is a booking at the end, no released hold has seats, no \
             hold is forgotten",
            found.looked_up,
            "holds read one by one",
            read_back,
        ));
        checks.push(check(
            "equal_replicas",
            "all replicas have the same state at one log position, and their seats add up",
            found.replicas,
            "replicas",
            found.replicas_wrong,
        ));
        checks.push(check(
            "serves_again",
            "after the faults every node answers and every shard is led in time, and no node \
             ends by itself",
            report.fired.iter().filter(|fired| fired.fired_ms.is_some()).count() as u64,
            "faults",
            report.violations.len().saturating_sub(told) as u64,
        ));
    }
    checks
}

impl Check {
    /// Its verdict: one of which nothing was checked did not pass.
    #[must_use]
    pub fn verdict(&self) -> (Tone, &'static str) {
        match self {
            Self { contradictions: 1.., .. } => (Tone::Bad, "✗ violated"),
            Self { undecided: 1.., .. } => (Tone::Open, "? undecided"),
            Self { checked: 0, .. } => (Tone::Open, "– not checked"),
            _ => (Tone::Good, "✓ holds"),
        }
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Open => "open",
        Tone::Bad => "bad",
    }
}

pub(super) fn checks(html: &mut String, checks: &[Check]) {
    html.push_str(
        "<section>\n<h2>What was checked</h2>\n<div class=scroll>\n<table>\n<tr><th \
         scope=col>rule",
    );
    html.push_str(
        "<th scope=col>verdict<th scope=col class=r>checked<th scope=col>of<th \
                   scope=col>it demands</tr>\n",
    );
    for check in checks {
        let (tone, word) = check.verdict();
        put!(
            html,
            "<tr><th scope=row><code>{}</code><td class={}>{word}",
            Esc(check.name),
            class(tone)
        );
        if check.contradictions > 0 {
            put!(html, " ({})", Count(check.contradictions));
        }
        put!(
            html,
            "<td class=r>{}<td>{}<td class=wide>{}",
            Count(check.checked),
            Esc(check.unit),
            Esc(check.demands)
        );
        let (not_checked, why) = check.not_checked;
        if not_checked > 0 {
            put!(
                html,
                "<br><span class=note>{} not checked: {}</span>",
                Count(not_checked),
                Esc(why)
            );
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n</div>\n</section>\n");
}

/// How long buyers were without an answer.
pub(super) fn failovers(html: &mut String, plan: &Plan, report: &Report) {
    html.push_str("<section>\n<h2>How long buyers waited for a new leader</h2>\n");
    if report.failovers.is_empty() {
        html.push_str("<p>No fault met a leader.</p>\n</section>\n");
        return;
    }
    html.push_str(
        "<p class=note>From a fault that met a shard's leader to the first \
                   acknowledged hold of that shard ",
    );
    html.push_str("that was asked for after the fault.");
    if plan.failover_within_ms > 0 {
        put!(html, " This plan allows {} ms.", plan.failover_within_ms);
    }
    html.push_str(
        "</p>\n<div class=scroll>\n<table>\n<tr><th scope=col>fault<th scope=col class=r>shards",
    );
    html.push_str(
        "<th scope=col class=r>p50<th scope=col class=r>p99<th scope=col \
                   class=r>longest<th scope=col class=r>never</tr>\n",
    );
    let mut took: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for failover in &report.failovers {
        took.entry(failover.fault).or_default().push(failover.took_ms);
    }
    for (fault, all) in took {
        let some: Vec<f64> = all.iter().flatten().copied().collect();
        put!(html, "<tr><th scope=row>{}<td class=r>{}", Esc(fault), all.len());
        for share in [0.5, 0.99, 1.0] {
            let ms = percentile(&some, share).map_or("–".to_owned(), |ms| format!("{ms:.0} ms"));
            put!(html, "<td class=r>{ms}");
        }
        put!(html, "<td class=r>{}</tr>", all.len() - some.len());
    }
    html.push_str("</table>\n</div>\n</section>\n");
}

/// Whether each fault happened, and whether anybody was there to notice.
pub(super) fn coverage(html: &mut String, plan: &Plan, report: &Report) {
    html.push_str(
        "<section>\n<h2>What was made to fail</h2>\n<p class=note>A fault that did not \
                   happen, or happened ",
    );
    put!(html, "while fewer than {} holds a second were acknowledged", plan.min_holds_per_s);
    html.push_str(
        ", shows nothing: the run would be invalid.</p>\n<div \
                   class=scroll>\n<table>\n<tr><th scope=col>fault",
    );
    html.push_str(
        "<th scope=col>of<th scope=col class=r>from<th scope=col class=r>until<th \
                   scope=col class=r>holds/s before<th scope=col>verdict</tr>\n",
    );
    for fired in &report.fired {
        let step = &fired.step;
        let nodes: Vec<String> = fired.nodes.iter().map(|id| format!("node {id}")).collect();
        let (tone, word) = match fired.fired_ms {
            None => (Tone::Open, "– did not happen"),
            Some(_) if fired.timed_out => (Tone::Bad, "✗ was not over in time"),
            Some(_) if plan.steps.contains(step) && fired.holds_before < plan.min_holds_per_s => {
                (Tone::Open, "– too little load")
            }
            Some(_) => (Tone::Good, "✓ happened"),
        };
        let from =
            fired.fired_ms.map_or("–".to_owned(), |ms| format!("{:.2} s", ms as f64 / 1e3));
        put!(
            html,
            "<tr><th scope=row>{}<td>{} = {}<td class=r>{from}<td class=r>{:.2} s<td \
             class=r>{}<td class={}>{word}",
            Esc(step.fault),
            Esc(step.target),
            Esc(nodes.join(", ")),
            fired.ended_ms as f64 / 1e3,
            Count(fired.holds_before),
            class(tone)
        );
        for note in &fired.notes {
            put!(html, "<br><span class=note>{}</span>", Esc(note));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n</div>\n</section>\n");
}

/// Calls by kind and outcome.
pub(super) fn calls(html: &mut String, history: &History) {
    let mut counts: BTreeMap<(Kind, Outcome), u64> = BTreeMap::new();
    for call in history.calls() {
        *counts.entry((call.kind, call.outcome)).or_default() += 1;
    }
    html.push_str(
        "<section>\n<h2>What was asked and answered</h2>\n<div \
                   class=scroll>\n<table>\n<tr><th scope=col>asked",
    );
    for outcome in Outcome::ALL {
        put!(html, "<th scope=col class=r>{}", outcome.name());
    }
    html.push_str("</tr>\n");
    for kind in Kind::ALL {
        if !counts.keys().any(|(asked, _)| *asked == kind) {
            continue;
        }
        put!(html, "<tr><th scope=row>{}", kind.name());
        for outcome in Outcome::ALL {
            let count = counts.get(&(kind, outcome)).copied().unwrap_or(0);
            put!(html, "<td class=r>{}", Count(count));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n</div>\n</section>\n");
}

/// All runs, where there are several.
pub(super) fn runs(html: &mut String, runs: &[[String; 3]]) {
    if runs.len() < 2 {
        return;
    }
    html.push_str(
        "<section>\n<h2>All runs of this plan</h2>\n<p class=note>The page shows the worst.</p>\n",
    );
    html.push_str(
        "<div class=scroll>\n<table>\n<tr><th scope=col>seed<th scope=col>verdict<th \
                   scope=col>what happened</tr>\n",
    );
    for [seed, verdict, what] in runs {
        put!(html, "<tr><th scope=row>{}<td>{}<td>{}</tr>", Esc(seed), Esc(verdict), Esc(what));
    }
    html.push_str("</table>\n</div>\n</section>\n");
}
