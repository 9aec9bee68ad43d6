//! What came of all runs of a plan together.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use seatgrid_chaos::real::failover::percentile;
use seatgrid_chaos::real::{Plan, Report, Verdict};
use serde::Serialize;

use super::page;
use super::rules_table::rules_table;
use super::run::Args;

/// Violations that are printed of one run; all are counted.
const PRINTED: usize = 8;

/// Runs of one plan.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    plan: PathBuf,
    proves: String,
    #[serde(skip)]
    binary: Option<PathBuf>,
    /// The arguments that name a staging cluster.
    #[serde(skip)]
    attach: String,
    failover_ms: BTreeMap<&'static str, Spread>,
    confirms_acknowledged: u64,
    confirms_lost: u64,
    runs: Vec<Run>,
}

/// One run, and where its files are if they were kept.
#[derive(Debug, Serialize)]
struct Run {
    #[serde(flatten)]
    report: Report,
    files: Option<PathBuf>,
}

/// How long buyers of a shard were without an answer, over all runs, in milliseconds.
#[derive(Debug, Default, Serialize)]
struct Spread {
    count: usize,
    never: usize,
    p50: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

impl Outcome {
    pub(super) fn of(args: &Args, plan: &Plan) -> Self {
        Self {
            plan: args.plan.clone(),
            proves: plan.proves.clone(),
            binary: args.binary.clone(),
            attach: args.token_file.as_ref().map_or_else(String::new, |token| {
                format!(" --attach {} --token-file {}", args.attach.join(","), token.display())
            }),
            failover_ms: BTreeMap::new(),
            confirms_acknowledged: 0,
            confirms_lost: 0,
            runs: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, report: Report, files: Option<PathBuf>) {
        self.confirms_acknowledged += report.calls.get("confirm ok").copied().unwrap_or(0);
        self.confirms_lost += report.found.confirms_lost;
        self.runs.push(Run { report, files });
        let mut took: BTreeMap<&'static str, Vec<Option<f64>>> = BTreeMap::new();
        for failover in self.runs.iter().flat_map(|run| &run.report.failovers) {
            took.entry(failover.fault).or_default().push(failover.took_ms);
        }
        self.failover_ms = took.into_iter().map(|(fault, all)| (fault, Spread::of(&all))).collect();
    }

    /// The worst of all.
    pub(super) fn verdict(&self) -> Verdict {
        self.runs.iter().map(|run| run.report.verdict).max().unwrap_or(Verdict::Invalid)
    }

    /// Writes the first of the worst runs as a page; nothing where there was none.
    pub(super) fn write_page(&self, path: &Path, plan: &Plan) -> Result<(), String> {
        let verdict = self.verdict();
        let worst = self.runs.iter().find(|run| run.report.verdict == verdict);
        let Some(Run { report, .. }) = worst else { return Ok(()) };
        let row = |run: &Run| {
            [
                run.report.seed.to_string(),
                name(run.report.verdict).to_owned(),
                happened(&run.report),
            ]
        };
        let runs = self.runs.iter().map(row).collect();
        page::write_run(path, (&self.plan, plan), report, self.reproduce(report.seed), runs)
    }

    /// The command that does a run again.
    fn reproduce(&self, seed: u64) -> String {
        let binary = self.binary.as_ref().map(|path| format!(" --binary {}", path.display()));
        let plan = self.plan.display();
        let (binary, attach) = (binary.unwrap_or_default(), &self.attach);
        format!("seatgrid-chaos run --plan {plan} --seed {seed}{binary}{attach}")
    }

    /// One run in a line.
    pub(super) fn line(report: &Report) -> String {
        format!("{}, {}", name(report.verdict), happened(report))
    }
}

/// What happened in a run.
fn happened(report: &Report) -> String {
    let fired = report.fired.iter().filter(|fired| fired.fired_ms.is_some()).count();
    let holds = report.calls.get("hold ok").copied().unwrap_or(0);
    let lost = report.found.confirms_lost;
    format!("{fired} faults, {holds} holds acknowledged, {lost} confirms lost")
}

impl Spread {
    fn of(all: &[Option<f64>]) -> Self {
        let some: Vec<f64> = all.iter().flatten().copied().collect();
        Self {
            count: all.len(),
            never: all.len() - some.len(),
            p50: percentile(&some, 0.5),
            p99: percentile(&some, 0.99),
            max: percentile(&some, 1.0),
        }
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "PASSED",
        Verdict::Invalid => "INVALID",
        Verdict::Violated => "VIOLATED",
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan              {}", self.plan.display())?;
        writeln!(f, "proves            {}", self.proves)?;
        for run in &self.runs {
            write_run(f, run)?;
        }
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.0}"));
        for (fault, spread) in &self.failover_ms {
            let Spread { count, never, p50, p99, max } = spread;
            let (p50, p99, max) = (ms(*p50), ms(*p99), ms(*max));
            writeln!(
                f,
                "failover          {fault}: p50 {p50} ms, p99 {p99} ms, max {max} ms over {count} \
                 shards, {never} never"
            )?;
        }
        let (acknowledged, lost) = (self.confirms_acknowledged, self.confirms_lost);
        writeln!(f, "confirms          {acknowledged} acknowledged, {lost} lost")?;
        let count = |verdict| self.runs.iter().filter(|run| run.report.verdict == verdict).count();
        let verdict = self.verdict();
        let (of, all) = (count(verdict), self.runs.len());
        writeln!(f, "{:<18}{of} of {all} runs", name(verdict))?;
        let first = self.runs.iter().find(|run| run.report.verdict == verdict);
        if let Some(run) = first {
            writeln!(f, "REPRODUCE WITH:   {}", self.reproduce(run.report.seed))?;
        }
        Ok(())
    }
}

fn write_run(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    let report = &run.report;
    writeln!(f, "\nseed {}:", report.seed)?;
    for fired in &report.fired {
        let nodes: Vec<String> = fired.nodes.iter().map(u64::to_string).collect();
        let (step, nodes) = (&fired.step, nodes.join(","));
        let shards = fired.moments.len();
        match fired.fired_ms {
            Some(at) => writeln!(
                f,
                "  {:>4}.{:03} {:<18}{} = node {nodes}, {shards} shards led, until {}.{:03}, \
                 {} holds/s before",
                at / 1_000,
                at % 1_000,
                step.fault.name(),
                step.target,
                fired.ended_ms / 1_000,
                fired.ended_ms % 1_000,
                fired.holds_before
            )?,
            None => writeln!(f, "           {:<18}did not happen", step.fault.name())?,
        }
        for note in &fired.notes {
            writeln!(f, "           note: {note}")?;
        }
    }
    let calls: Vec<String> =
        report.calls.iter().map(|(call, count)| format!("{count} {call}")).collect();
    writeln!(f, "  calls           {}", calls.join(", "))?;
    let found = &report.found;
    write!(f, "{}", rules_table(&report.verified.rules))?;
    writeln!(
        f,
        "  read back       {} holds, {} replicas audited, {} confirms without an answer had happened",
        found.looked_up, found.replicas, found.unknown_confirmed
    )?;
    for violation in report.violations.iter().take(PRINTED) {
        writeln!(f, "  violation:      {violation}")?;
    }
    if report.violations.len() > PRINTED {
        writeln!(f, "  violations      {} in all", report.violations.len())?;
    }
    for why in &report.invalid {
        writeln!(f, "  invalid:        {why}")?;
    }
    if let Some(files) = &run.files {
        writeln!(f, "  files           {}", files.display())?;
    }
    writeln!(f)
}
