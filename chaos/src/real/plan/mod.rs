//! A plan: a cluster, a load, and what fails when. Unknown keys and values out of range are refused with
//! their line.

mod file;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fault::{Fault, Need, Target};
use crate::sim::chance::Chance;
use file::File;

/// Load before the first fault, in milliseconds: what a fault's load is measured over.
pub(in crate::real) const CALM_MS: u64 = 1_000;

/// The farthest that a clock jumps by chance, in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// Why a plan cannot be used.
#[derive(Debug)]
pub struct PlanError {
    /// The file.
    pub path: PathBuf,
    /// Its line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path.display(), self.reason),
            line => write!(f, "{}:{line}: {}", self.path.display(), self.reason),
        }
    }
}

impl std::error::Error for PlanError {}

/// A plan that has been checked.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// What a run that passes shows, in a sentence.
    pub proves: String,
    /// Nodes.
    pub nodes: u64,
    /// Shards.
    pub shards: u64,
    /// A node writes snapshots after so much new log, in MiB.
    pub snapshot_after_mib: u64,
    /// Size of a node's file system, in MiB, where each has one of its own.
    pub disk_mib: u64,
    /// Trips.
    pub trips: u64,
    /// Seats of a trip.
    pub seats: u64,
    /// Legs of a trip.
    pub legs: u64,
    /// Buyers at a time, at most.
    pub buyers: u64,
    /// Buyers that arrive each second, whether or not the cluster answers.
    pub arrivals_per_s: u64,
    /// Acknowledged holds in the second before a fault, at least: with fewer the run is invalid.
    pub min_holds_per_s: u64,
    /// How long buyers arrive, in seconds.
    pub duration_s: u64,
    /// A shard whose leader a fault meets acknowledges holds again within so long, in milliseconds; not
    /// judged when 0.
    pub failover_within_ms: u64,
    /// What fails when.
    pub steps: Vec<Step>,
    /// What fails by chance.
    pub random: Option<Random>,
}

/// One fault of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When, in milliseconds after the first buyer arrived.
    pub at_ms: u64,
    /// What.
    pub fault: Fault,
    /// To whom.
    pub target: Target,
    /// For how long, in milliseconds.
    pub for_ms: u64,
    /// How often, for faults that repeat, in milliseconds; once when 0.
    pub every_ms: u64,
    /// How much later bytes come, in milliseconds.
    pub delay_ms: u64,
    /// How many bytes pass each second.
    pub bytes_per_s: u64,
    /// Of a thousand commands so many are met by a fault that is ordered.
    pub per_mille: u64,
    /// How far a clock jumps, in milliseconds; back when negative.
    pub jump_ms: i64,
}

/// Faults by chance.
#[derive(Clone, Debug, Serialize)]
pub struct Random {
    /// Of these.
    pub faults: Vec<Fault>,
    /// Whom they meet; by chance unless given.
    pub target: Option<Target>,
    /// The time from one to the next, in milliseconds, from and to.
    pub every_ms: (u64, u64),
    /// How long each lasts, in milliseconds, from and to.
    pub for_ms: (u64, u64),
}

impl Plan {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read, does not parse, has unknown keys, or values out of range.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let text = std::fs::read_to_string(path).map_err(|e| PlanError {
            path: path.to_owned(),
            line: 0,
            reason: format!("cannot be read: {e}"),
        })?;
        Self::parse(path, &text)
    }

    /// Parses and checks the text of a file.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, PlanError> {
        let error = |line, reason| PlanError { path: path.to_owned(), line, reason };
        let line = |at: usize| 1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count();
        let file: File = toml::from_str(text).map_err(|e| {
            error(e.span().map_or(0, |span| line(span.start)), e.message().to_owned())
        })?;
        file.check().map_err(|wrong| error(wrong.at.map_or(0, line), wrong.reason))
    }

    /// The kinds of its faults.
    pub fn faults(&self) -> impl Iterator<Item = Fault> + '_ {
        let by_chance = self.random.iter().flat_map(|random| random.faults.iter().copied());
        self.steps.iter().map(|step| step.fault).chain(by_chance)
    }

    /// What its faults need of the machine.
    #[must_use]
    pub fn needs(&self) -> BTreeSet<Need> {
        self.faults().filter_map(Fault::needs).collect()
    }

    /// The faults of a run: those with a time, and those that the seed chooses.
    #[must_use]
    pub fn schedule(&self, seed: u64) -> Vec<Step> {
        let mut steps = self.steps.clone();
        if let Some(random) = &self.random {
            let mut chance = Chance::new(seed);
            let mut at_ms = CALM_MS + chance.between(random.every_ms.0, random.every_ms.1);
            let mut unused = random.faults.clone();
            while at_ms < self.duration_s * 1_000 {
                // Each kind has its turn before any comes again: then a run has all of them.
                if unused.is_empty() {
                    unused.clone_from(&random.faults);
                }
                let fault = unused.swap_remove(chance.below(unused.len() as u64) as usize);
                steps.push(Step {
                    at_ms,
                    fault,
                    target: random.target.unwrap_or_else(|| some_target(fault, &mut chance)),
                    for_ms: chance.between(random.for_ms.0, random.for_ms.1),
                    every_ms: chance.between(100, 400),
                    delay_ms: chance.between(5, 150),
                    bytes_per_s: chance.between(20_000, 400_000),
                    per_mille: chance.between(50, 500),
                    jump_ms: chance.between(0, 2 * HOUR_MS) as i64 - HOUR_MS as i64,
                });
                at_ms += chance.between(random.every_ms.0, random.every_ms.1);
            }
        }
        steps.sort_by_key(|step| step.at_ms);
        steps
    }
}

fn some_target(fault: Fault, chance: &mut Chance) -> Target {
    match fault {
        Fault::Snapshot | Fault::RollingRestart => Target::All,
        Fault::HandOver => Target::Leader,
        _ if fault.takes_data() => Target::Follower,
        _ if chance.per_mille(500) => Target::Leader,
        _ => Target::Follower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "proves = \"it holds\"\nduration_s = 10\n";

    fn parse(text: &str) -> Result<Plan, String> {
        Plan::parse(Path::new("p.toml"), &format!("{HEAD}{text}")).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let step = "[[step]]\nat_ms = 2000\n";
        let cases = [
            ("nodes = 3\n".to_owned(), 3, "unknown field `nodes`"),
            (format!("[cluster]\nnodes = 9\n{step}fault = \"kill\"\n"), 4, "1 to 7 are allowed"),
            (format!("{step}fault = \"explode\"\n"), 5, "unknown variant `explode`"),
            (format!("{step}fault = \"kill\"\ntarget = \"node 4\"\n"), 6, "node 1 to 3"),
            (format!("{step}fault = \"kill\"\nfor_ms = 999999\n"), 6, "0 to 120000 are allowed"),
            (format!("{step}fault = \"delay\"\n"), 4, "delay needs delay_ms"),
            (format!("{step}fault = \"clock-jump\"\n"), 4, "clock-jump needs jump_ms"),
            (
                format!("{step}fault = \"clock-jump\"\njump_ms = -90000000\n"),
                6,
                "-86400000 to 86400000 are allowed",
            ),
            (format!("{step}fault = \"wipe\"\ntarget = \"all\"\n"), 4, "a minority"),
            ("[[step]]\nat_ms = 0\nfault = \"kill\"\n".to_owned(), 4, "1000 to 10000"),
            (
                "[random]\nfaults = [\"kill\"]\nevery_ms = [900, 500]\nfor_ms = [1, 2]\n"
                    .to_owned(),
                5,
                "[from, to]",
            ),
        ];
        for (text, line, reason) in cases {
            let error = parse(&text).unwrap_err();
            assert!(error.starts_with(&format!("p.toml:{line}: ")), "{text}{error}");
            assert!(error.contains(reason), "{error}");
        }
        assert!(parse("").unwrap_err().contains("nothing fails"));
    }

    #[test]
    fn a_seed_makes_the_same_schedule_and_every_fault_has_its_turn() {
        let plan = parse(
            "[random]\nfaults = [\"kill\", \"pause\", \"cut-peers\"]\nevery_ms = [500, 1000]\n\
             for_ms = [100, 900]\n",
        )
        .unwrap();
        let schedule = plan.schedule(7);
        assert_eq!(schedule, plan.schedule(7));
        assert_ne!(schedule, plan.schedule(8));
        for fault in [Fault::Kill, Fault::Pause, Fault::CutPeers] {
            assert!(schedule.iter().any(|step| step.fault == fault), "{fault}");
        }
    }
}
