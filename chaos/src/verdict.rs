//! What came of all simulations together.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use seatgrid_chaos::sim::Report;

/// Violations that are printed of one seed.
const PRINTED_PER_SEED: usize = 5;

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
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// One hash over the traces of all seeds.
    pub(crate) trace_hash: String,
    /// Every simulation.
    pub(crate) reports: Vec<Report>,
}

impl Verdict {
    /// Sums up.
    pub(crate) fn of(reports: Vec<Report>, not_repeated: Vec<u64>, wall: Duration) -> Self {
        let mut faults = BTreeMap::new();
        for (fault, count) in reports.iter().flat_map(|report| &report.faults) {
            *faults.entry(*fault).or_default() += count;
        }
        let failed = reports.iter().filter(|report| !report.violations.is_empty());
        let traces: String = reports.iter().map(|report| report.trace_hash.as_str()).collect();
        Self {
            seeds: reports.len() as u64,
            failed: failed.map(|report| report.seed).collect(),
            not_repeated,
            simulated_hours: reports.iter().map(|r| r.simulated_ms).sum::<u64>() as f64 / HOUR_MS,
            wall_s: wall.as_secs_f64(),
            faults,
            trace_hash: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(traces.as_bytes())),
            reports,
        }
    }

    /// Whether nothing was found.
    pub(crate) fn is_good(&self) -> bool {
        self.failed.is_empty() && self.not_repeated.is_empty()
    }
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
        let fired: u64 = self.faults.values().sum();
        writeln!(f, "faults fired      {fired}")?;
        for (fault, count) in &self.faults {
            writeln!(f, "  {fault:<22}{count}")?;
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
        let hours = self.simulated_hours;
        let speed = hours * 3_600.0 / self.wall_s.max(f64::EPSILON);
        writeln!(f, "simulated         {hours:.2} hours in {:.1} s: {speed:.0} x", self.wall_s)?;
        writeln!(f, "trace             {}", self.trace_hash)?;
        let violations: u64 = sum(|r| r.violations_by_invariant.values().sum());
        let seeds = self.seeds;
        if self.is_good() {
            return writeln!(f, "PASSED            {seeds} seeds, no violation");
        }
        let bad = self.failed.len() + self.not_repeated.len();
        writeln!(f, "FAILED            {bad} of {seeds} seeds, {violations} violations")?;
        let again = self.failed.iter().chain(&self.not_repeated).take(PRINTED_PER_SEED);
        for seed in again {
            writeln!(f, "REPRODUCE WITH:   seatgrid-chaos sim --seed {seed}")?;
        }
        Ok(())
    }
}
