//! A plan: a cluster, a load, and what fails when. Unknown keys and values out of range are refused with
//! their line.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::fault::{Fault, Target};
use crate::sim::chance::Chance;

/// Longest plan, in seconds: longer runs are made of `--times`.
const MAX_DURATION_S: u64 = 3_600;

/// Longest time of a fault, in milliseconds.
const MAX_FAULT_MS: u64 = 120_000;

/// How long a fault lasts that does not say, in milliseconds.
const DEFAULT_FOR_MS: u64 = 2_000;

/// Load before the first fault, in milliseconds: what a fault's load is measured over.
pub(super) const CALM_MS: u64 = 1_000;

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
}

/// Faults by chance.
#[derive(Clone, Debug, Serialize)]
pub struct Random {
    /// Of these.
    pub faults: Vec<Fault>,
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
                    target: some_target(fault, &mut chance),
                    for_ms: chance.between(random.for_ms.0, random.for_ms.1),
                    every_ms: chance.between(100, 400),
                    delay_ms: chance.between(5, 150),
                    bytes_per_s: chance.between(20_000, 400_000),
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

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    proves: Spanned<String>,
    duration_s: Spanned<u64>,
    failover_within_ms: Option<Spanned<u64>>,
    #[serde(default)]
    cluster: ClusterFile,
    #[serde(default)]
    load: LoadFile,
    #[serde(default)]
    step: Vec<Spanned<StepFile>>,
    random: Option<Spanned<RandomFile>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterFile {
    nodes: Option<Spanned<u64>>,
    shards: Option<Spanned<u64>>,
    snapshot_after_mib: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoadFile {
    trips: Option<Spanned<u64>>,
    seats: Option<Spanned<u64>>,
    legs: Option<Spanned<u64>>,
    buyers: Option<Spanned<u64>>,
    arrivals_per_s: Option<Spanned<u64>>,
    min_holds_per_s: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    at_ms: Spanned<u64>,
    fault: Fault,
    target: Option<Spanned<String>>,
    for_ms: Option<Spanned<u64>>,
    every_ms: Option<Spanned<u64>>,
    delay_ms: Option<Spanned<u64>>,
    bytes_per_s: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RandomFile {
    faults: Spanned<Vec<Fault>>,
    every_ms: Spanned<(u64, u64)>,
    for_ms: Spanned<(u64, u64)>,
}

/// What is wrong, and at which byte.
struct Wrong {
    at: Option<usize>,
    reason: String,
}

fn wrong<T>(at: &Spanned<T>, reason: impl Into<String>) -> Wrong {
    Wrong { at: Some(at.span().start), reason: reason.into() }
}

/// A value within its range, or the default.
fn within(
    value: Option<&Spanned<u64>>,
    name: &str,
    default: u64,
    range: RangeInclusive<u64>,
) -> Result<u64, Wrong> {
    let Some(value) = value else { return Ok(default) };
    let found = *value.get_ref();
    if range.contains(&found) {
        return Ok(found);
    }
    let (min, max) = range.into_inner();
    Err(wrong(value, format!("{name} is {found}, {min} to {max} are allowed")))
}

impl File {
    fn check(self) -> Result<Plan, Wrong> {
        let Self { proves, duration_s, failover_within_ms, cluster, load, step, random } = self;
        if proves.get_ref().trim().is_empty() {
            return Err(wrong(&proves, "proves is empty, a sentence is needed"));
        }
        let duration_s = within(Some(&duration_s), "duration_s", 0, 2..=MAX_DURATION_S)?;
        let nodes = within(cluster.nodes.as_ref(), "cluster.nodes", 3, 1..=7)?;
        let snapshot_after = cluster.snapshot_after_mib.as_ref();
        let plan = Plan {
            proves: proves.into_inner(),
            nodes,
            shards: within(cluster.shards.as_ref(), "cluster.shards", 3, 1..=64)?,
            snapshot_after_mib: within(snapshot_after, "cluster.snapshot_after_mib", 4, 1..=1_024)?,
            trips: within(load.trips.as_ref(), "load.trips", 12, 1..=1_000)?,
            seats: within(load.seats.as_ref(), "load.seats", 120, 1..=2_000)?,
            legs: within(load.legs.as_ref(), "load.legs", 3, 1..=64)?,
            buyers: within(load.buyers.as_ref(), "load.buyers", 2_000, 1..=20_000)?,
            arrivals_per_s: within(
                load.arrivals_per_s.as_ref(),
                "load.arrivals_per_s",
                150,
                1..=20_000,
            )?,
            min_holds_per_s: within(
                load.min_holds_per_s.as_ref(),
                "load.min_holds_per_s",
                20,
                0..=20_000,
            )?,
            duration_s,
            failover_within_ms: within(
                failover_within_ms.as_ref(),
                "failover_within_ms",
                0,
                1..=MAX_FAULT_MS,
            )?,
            steps: step
                .into_iter()
                .map(|step| step.into_inner().check(nodes, duration_s))
                .collect::<Result<_, _>>()?,
            random: random.map(|random| random.into_inner().check(duration_s)).transpose()?,
        };
        if plan.steps.is_empty() && plan.random.is_none() {
            let reason = "nothing fails: a [[step]] or [random] is needed".to_owned();
            return Err(Wrong { at: None, reason });
        }
        Ok(plan)
    }
}

impl StepFile {
    fn check(self, nodes: u64, duration_s: u64) -> Result<Step, Wrong> {
        let fault = self.fault;
        let at_ms = within(Some(&self.at_ms), "at_ms", 0, CALM_MS..=duration_s * 1_000)?;
        let target = match &self.target {
            Some(text) => {
                let known = Target::parse(text.get_ref()).filter(|target| match target {
                    Target::Node(id) => (1..=nodes).contains(id),
                    _ => true,
                });
                known.ok_or_else(|| {
                    let found = text.get_ref();
                    let reason = format!(
                        "target is {found:?}; leader, follower, all and node 1 to {nodes} are allowed"
                    );
                    wrong(text, reason)
                })?
            }
            None => match fault {
                Fault::Snapshot | Fault::RollingRestart => Target::All,
                _ => Target::Leader,
            },
        };
        if target == Target::All && fault.takes_data() {
            let reason = format!("{fault} of all nodes loses data: a minority is allowed");
            return Err(wrong(&self.at_ms, reason));
        }
        let step = Step {
            at_ms,
            fault,
            target,
            for_ms: within(self.for_ms.as_ref(), "for_ms", DEFAULT_FOR_MS, 0..=MAX_FAULT_MS)?,
            every_ms: within(self.every_ms.as_ref(), "every_ms", 0, 20..=MAX_FAULT_MS)?,
            delay_ms: within(self.delay_ms.as_ref(), "delay_ms", 0, 1..=5_000)?,
            bytes_per_s: within(self.bytes_per_s.as_ref(), "bytes_per_s", 0, 1..=1_000_000_000)?,
        };
        let needs = |value: u64, name: &str| {
            if value > 0 {
                return Ok(());
            }
            Err(wrong(&self.at_ms, format!("{fault} needs {name}")))
        };
        match fault {
            Fault::Delay => needs(step.delay_ms, "delay_ms")?,
            Fault::Slow => needs(step.bytes_per_s, "bytes_per_s")?,
            Fault::Flap => needs(step.every_ms, "every_ms")?,
            _ => {}
        }
        Ok(step)
    }
}

impl RandomFile {
    fn check(self, duration_s: u64) -> Result<Random, Wrong> {
        if self.faults.get_ref().is_empty() {
            return Err(wrong(&self.faults, "random.faults is empty, at least one is needed"));
        }
        let range = |value: &Spanned<(u64, u64)>, name: &str, min: u64, max: u64| {
            let (from, to) = *value.get_ref();
            if min <= from && from <= to && to <= max {
                return Ok((from, to));
            }
            let reason =
                format!("random.{name} is [{from}, {to}]; [from, to] within {min} to {max}");
            Err(wrong(value, reason))
        };
        let every_ms = range(&self.every_ms, "every_ms", 50, duration_s * 1_000)?;
        let for_ms = range(&self.for_ms, "for_ms", 0, MAX_FAULT_MS)?;
        let longest_ms = CALM_MS + self.faults.get_ref().len() as u64 * every_ms.1;
        if longest_ms > duration_s * 1_000 {
            let reason = format!(
                "{} faults every {} ms do not all fit into {duration_s} s",
                self.faults.get_ref().len(),
                every_ms.1
            );
            return Err(wrong(&self.every_ms, reason));
        }
        Ok(Random { faults: self.faults.into_inner(), every_ms, for_ms })
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
