//! What came of all simulations together.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use seatgrid_chaos::oracle::Coverage;
use seatgrid_chaos::sim::Report;
use seatgrid_chaos::sim::fault::MENU;
use seatgrid_chaos::sim::nemesis::Fired;

/// Violations that are printed of one seed.
const PRINTED_PER_SEED: usize = 5;

/// In so many seeds everything that can fail has to, under load.
const MANY_SEEDS: usize = 50;

/// Milliseconds of an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// The verdict over some seeds.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Verdict {
    /// Seeds that were simulated.
    pub(crate) seeds: u64,
    /// Seeds with a violation.
    pub(crate) failed: Vec<u64>,
    /// Seeds whose second trace differs from the first.
    pub(crate) not_repeated: Vec<u64>,
    /// Simulated hours.
    pub(crate) simulated_hours: f64,
    /// Seconds that it took on the wall.
    pub(crate) wall_s: f64,
    /// How often each fault fired.
    pub(crate) faults: BTreeMap<&'static str, Fired>,
    /// What came about that has to.
    pub(crate) coverage: Coverage,
    /// Why the verdict says nothing, if so.
    pub(crate) invalid: Vec<String>,
    /// One hash over the traces of all seeds.
    pub(crate) trace_hash: String,
    /// How to simulate one of the seeds again.
    pub(crate) reproduce: Vec<String>,
    /// Every simulation.
    pub(crate) reports: Vec<Report>,
}

impl Verdict {
    /// Sums up.
    /// `everything`: everything was to fail, so that all of it has to come about in many seeds. `again`: the
    /// arguments that simulate a seed again.
    pub(crate) fn of(
        reports: Vec<Report>,
        not_repeated: Vec<u64>,
        wall: Duration,
        everything: bool,
        again: impl Fn(u64) -> String,
    ) -> Self {
        let mut faults: BTreeMap<_, Fired> = BTreeMap::new();
        for (fault, fired) in reports.iter().flat_map(|report| &report.faults) {
            let all = faults.entry(*fault).or_default();
            all.times += fired.times;
            all.under_load += fired.under_load;
        }
        let mut coverage = Coverage::default();
        reports.iter().for_each(|report| coverage += report.coverage);
        let say = |report: &Report, why: &str| format!("seed {}: {why}", report.seed);
        let invalid = reports.iter().flat_map(|r| r.invalid.iter().map(move |why| say(r, why)));
        let mut invalid: Vec<String> = invalid.collect();
        if everything && reports.len() >= MANY_SEEDS {
            invalid.extend(missing(&faults, &coverage));
        }
        let failed = reports.iter().filter(|report| !report.violations.is_empty());
        let failed: Vec<u64> = failed.map(|report| report.seed).collect();
        let bad = failed.iter().chain(&not_repeated).take(PRINTED_PER_SEED);
        let reproduce = bad.map(|seed| format!("seatgrid-chaos sim {}", again(*seed))).collect();
        let traces: String = reports.iter().map(|report| report.trace_hash.as_str()).collect();
        Self {
            seeds: reports.len() as u64,
            failed,
            not_repeated,
            reproduce,
            simulated_hours: reports.iter().map(|r| r.simulated_ms).sum::<u64>() as f64 / HOUR_MS,
            wall_s: wall.as_secs_f64(),
            faults,
            coverage,
            invalid,
            trace_hash: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(traces.as_bytes())),
            reports,
        }
    }

    /// Whether nothing was found.
    pub(crate) fn is_good(&self) -> bool {
        self.failed.is_empty() && self.not_repeated.is_empty()
    }
}

/// What has to come about in many seeds, and has not.
fn missing(faults: &BTreeMap<&'static str, Fired>, coverage: &Coverage) -> Vec<String> {
    let under_load = |fault: &str| faults.get(fault).is_some_and(|fired| fired.under_load > 0);
    let idle = MENU.iter().map(|fault| fault.name()).filter(|fault| !under_load(fault));
    let idle = idle.map(|fault| format!("{fault} never fired under load"));
    let parts = coverage.parts().into_iter().filter(|(_, times)| *times == 0);
    idle.chain(parts.map(|(part, _)| format!("no {part}"))).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in self.reports.iter().filter(|report| !report.violations.is_empty()) {
            writeln!(f, "seed {}:", report.seed)?;
            for violation in report.violations.iter().take(PRINTED_PER_SEED) {
                let (ms, invariant) = (violation.at_ms, violation.invariant);
                let what = &violation.what;
                writeln!(f, "  {:>4}.{:03} {invariant}: {what}", ms / 1_000, ms % 1_000)?;
            }
            let all: u64 = report.violations_by_invariant.values().sum();
            if all > PRINTED_PER_SEED as u64 {
                writeln!(f, "  {all} in all: {:?}", report.violations_by_invariant)?;
            }
        }
        for seed in &self.not_repeated {
            writeln!(f, "seed {seed}: simulated twice, it left two different traces")?;
        }
        let sum = |part: fn(&Report) -> u64| self.reports.iter().map(part).sum::<u64>();
        let fired: u64 = self.faults.values().map(|fired| fired.times).sum();
        writeln!(f, "faults fired      {fired}")?;
        for (fault, Fired { times, under_load }) in &self.faults {
            writeln!(f, "  {fault:<22}{times}, {under_load} under load")?;
        }
        writeln!(f, "came about")?;
        for (what, times) in self.coverage.parts() {
            writeln!(f, "  {times:<8}{what}")?;
        }
        let (messages, lost) = (sum(|r| r.messages), sum(|r| r.lost));
        let (repeated, reordered) = (sum(|r| r.repeated), sum(|r| r.reordered));
        writeln!(
            f,
            "messages          {messages}: {lost} lost, {repeated} repeated, {reordered} overtaken"
        )?;
        let (yes, unknown) = (sum(|r| r.buyers.yes), sum(|r| r.buyers.unknown));
        let refused = sum(|r| r.buyers.refused.values().sum());
        let unavailable = sum(|r| r.buyers.unavailable);
        writeln!(
            f,
            "calls             {yes} yes, {refused} refused, {unknown} unknown, {unavailable} \
             unavailable, {} reads",
            sum(|r| r.buyers.reads)
        )?;
        writeln!(f, "entries applied   {}", sum(|r| r.entries_applied))?;
        writeln!(f, "audits            {}", sum(|r| r.audits))?;
        writeln!(f, "calls explained   {}", sum(|r| r.explained))?;
        let hours = self.simulated_hours;
        let speed = hours * 3_600.0 / self.wall_s.max(f64::EPSILON);
        writeln!(f, "simulated         {hours:.2} hours in {:.1} s: {speed:.0} x", self.wall_s)?;
        writeln!(f, "trace             {}", self.trace_hash)?;
        let violations: u64 = sum(|r| r.violations_by_invariant.values().sum());
        let seeds = self.seeds;
        for why in &self.invalid {
            writeln!(f, "invalid:          {why}")?;
        }
        if self.is_good() && !self.invalid.is_empty() {
            return writeln!(
                f,
                "INVALID           {seeds} seeds, no violation, and too little happened"
            );
        }
        if self.is_good() {
            return writeln!(f, "PASSED            {seeds} seeds, no violation");
        }
        let bad = self.failed.len() + self.not_repeated.len();
        writeln!(f, "FAILED            {bad} of {seeds} seeds, {violations} violations")?;
        for command in &self.reproduce {
            writeln!(f, "REPRODUCE WITH:   {command}")?;
        }
        Ok(())
    }
}
