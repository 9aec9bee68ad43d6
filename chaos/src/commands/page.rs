//! `--report`: a verdict as a page, with what this program knows of where it ran.

use std::path::{Path, PathBuf};

use seatgrid_chaos::real::{self, Plan, Report};
use seatgrid_chaos::report::{self, Page, Tone, checks_of};
use seatgrid_chaos::verify::{History, Judgement, Verdict};

/// Writes the page of a run, with all runs of its plan.
pub(super) fn write_run(
    path: &Path,
    (name, plan): (&Path, &Plan),
    report: &Report,
    reproduce: String,
    runs: Vec<[String; 3]>,
) -> Result<(), String> {
    let (tone, word) = match report.verdict {
        real::Verdict::Passed => (Tone::Good, "PASSED"),
        real::Verdict::Invalid => (Tone::Open, "INVALID"),
        real::Verdict::Violated => (Tone::Bad, "VIOLATED"),
    };
    let mut facts = vec![
        ("plan", name.display().to_string()),
        ("seed", report.seed.to_string()),
        ("cluster", format!("{} nodes, {} shards", plan.nodes, plan.shards)),
        ("load", format!("{} buyers a second for {} s", plan.arrivals_per_s, plan.duration_s)),
        ("trips", format!("{} of {} seats on {} legs", plan.trips, plan.seats, plan.legs)),
    ];
    facts.extend(here());
    let page = Page {
        tone,
        word,
        sentence: sentence(report),
        proves: Some(&plan.proves),
        reproduce,
        facts,
        checks: checks_of(&report.verified, Some(report)),
        history: &report.history,
        verdict: &report.verified,
        run: Some((plan, report)),
        runs,
    };
    write(path, &page)
}

/// Writes the page of a history.
pub(super) fn write_history(
    path: &Path,
    file: &Path,
    history: &History,
    verdict: &Verdict,
) -> Result<(), String> {
    let (tone, word) = match verdict.judgement {
        Judgement::Consistent => (Tone::Good, "CONSISTENT"),
        Judgement::Undecided => (Tone::Open, "UNDECIDED"),
        Judgement::Contradiction => (Tone::Bad, "CONTRADICTION"),
    };
    let Verdict { calls, holds, trips, .. } = verdict;
    let (holds, trips) = (counted(*holds, "hold"), counted(*trips, "trip"));
    let about = format!("{} about {holds} on {trips}", counted(*calls, "recorded call"));
    let sentence = match verdict.judgement {
        Judgement::Consistent => {
            format!(
                "The answers to {about} can all be true together: no rule that could be checked is broken."
            )
        }
        Judgement::Undecided if verdict.checked() == 0 => {
            format!("{about} have nothing that a rule could be checked on: this says nothing.")
        }
        Judgement::Undecided => format!(
            "Nothing found in {about} contradicts a rule, but part of the search was given up: this is no proof."
        ),
        Judgement::Contradiction => format!(
            "The answers to {about} cannot all be true together. {} found; what is wrong is listed first.",
            match verdict.rules.iter().map(|rule| rule.contradictions).sum() {
                1 => "One contradiction was".to_owned(),
                many => format!("{} were", counted(many, "contradiction")),
            }
        ),
    };
    let complete = if verdict.complete { " --complete" } else { "" };
    let mut facts = vec![("history", file.display().to_string())];
    facts.extend(here());
    let page = Page {
        tone,
        word,
        sentence,
        proves: None,
        reproduce: format!("seatgrid-chaos verify{complete} {}", file.display()),
        facts,
        checks: checks_of(verdict, None),
        history,
        verdict,
        run: None,
        runs: Vec::new(),
    };
    write(path, &page)
}

/// What a run came to, for somebody who has never heard of it.
fn sentence(report: &Report) -> String {
    let confirms = report.calls.get("confirm ok").copied().unwrap_or(0);
    let faults = report.fired.iter().filter(|fired| fired.fired_ms.is_some()).count();
    let faults = counted(faults as u64, "fault");
    match report.verdict {
        real::Verdict::Passed => format!(
            "{faults} hit the cluster while it sold seats. It lost none of the {confirms} bookings that it had \
             acknowledged, sold no seat twice, and served on afterwards."
        ),
        real::Verdict::Invalid => {
            "The run says nothing about the cluster: not everything happened to it that should have.".to_owned()
        }
        real::Verdict::Violated => format!(
            "Under {faults} the cluster did not keep its promises: {} found, and listed first.",
            counted(report.violations.len() as u64, "violation")
        ),
    }
}

/// So many of something.
fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// The program and the machine.
fn here() -> Vec<(&'static str, String)> {
    let read = |path: &str| std::fs::read_to_string(PathBuf::from(path)).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let system = read("/proc/sys/kernel/osrelease");
    let commit = option_env!("SEATGRID_COMMIT").map(|commit| format!(", commit {commit}"));
    vec![
        ("version", format!("{}{}", env!("CARGO_PKG_VERSION"), commit.unwrap_or_default())),
        ("machine", format!("{cores} × {}", model.unwrap_or("processor"))),
        ("system", format!("{} {}", std::env::consts::OS, system.trim())),
    ]
}

fn write(path: &Path, page: &Page<'_>) -> Result<(), String> {
    std::fs::write(path, report::render(page))
        .map_err(|error| format!("{}: {error}", path.display()))
}
