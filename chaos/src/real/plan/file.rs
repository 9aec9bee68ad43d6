//! A plan's file as it is written, and what is wrong with it.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::{CALM_MS, Plan, Random, Step};
use crate::real::fault::{Fault, Target};

/// Longest plan, in seconds: longer runs are made of `--times`.
const MAX_DURATION_S: u64 = 3_600;

/// Longest time of a fault, in milliseconds.
const MAX_FAULT_MS: u64 = 120_000;

/// The farthest jump of a clock, in milliseconds: a day.
const MAX_JUMP_MS: i64 = 86_400_000;

/// How long a fault lasts that does not say, in milliseconds.
const DEFAULT_FOR_MS: u64 = 2_000;

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
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
    disk_mib: Option<Spanned<u64>>,
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
    per_mille: Option<Spanned<u64>>,
    jump_ms: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RandomFile {
    faults: Spanned<Vec<Fault>>,
    target: Option<Spanned<String>>,
    every_ms: Spanned<(u64, u64)>,
    for_ms: Spanned<(u64, u64)>,
}

/// What is wrong, and at which byte.
pub(super) struct Wrong {
    pub(super) at: Option<usize>,
    pub(super) reason: String,
}

fn wrong<T>(at: &Spanned<T>, reason: impl Into<String>) -> Wrong {
    Wrong { at: Some(at.span().start), reason: reason.into() }
}

/// A value within its range, or the default.
fn within<T: Copy + PartialOrd + fmt::Display>(
    value: Option<&Spanned<T>>,
    name: &str,
    default: T,
    range: RangeInclusive<T>,
) -> Result<T, Wrong> {
    let Some(value) = value else { return Ok(default) };
    let found = *value.get_ref();
    if range.contains(&found) {
        return Ok(found);
    }
    let (min, max) = range.into_inner();
    Err(wrong(value, format!("{name} is {found}, {min} to {max} are allowed")))
}

impl File {
    /// The plan, if everything is within its range.
    pub(super) fn check(self) -> Result<Plan, Wrong> {
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
            disk_mib: within(cluster.disk_mib.as_ref(), "cluster.disk_mib", 256, 64..=65_536)?,
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
            random: random
                .map(|random| random.into_inner().check(nodes, duration_s))
                .transpose()?,
        };
        if plan.steps.is_empty() && plan.random.is_none() {
            let reason = "nothing fails: a [[step]] or [random] is needed".to_owned();
            return Err(Wrong { at: None, reason });
        }
        Ok(plan)
    }
}

/// Whom a step meets, by its text.
fn target(text: &Spanned<String>, nodes: u64) -> Result<Target, Wrong> {
    let known = Target::parse(text.get_ref()).filter(|target| match target {
        Target::Node(id) => (1..=nodes).contains(id),
        _ => true,
    });
    known.ok_or_else(|| {
        let found = text.get_ref();
        let allowed = format!("leader, follower, all and node 1 to {nodes} are allowed");
        wrong(text, format!("target is {found:?}; {allowed}"))
    })
}

fn loses_data(fault: Fault) -> String {
    format!("{fault} of all nodes loses data: a minority is allowed")
}

impl StepFile {
    fn check(self, nodes: u64, duration_s: u64) -> Result<Step, Wrong> {
        let fault = self.fault;
        let at_ms = within(Some(&self.at_ms), "at_ms", 0, CALM_MS..=duration_s * 1_000)?;
        let target = match &self.target {
            Some(text) => target(text, nodes)?,
            None => match fault {
                Fault::Snapshot | Fault::RollingRestart => Target::All,
                _ => Target::Leader,
            },
        };
        if target == Target::All && fault.takes_data() {
            return Err(wrong(&self.at_ms, loses_data(fault)));
        }
        let step = Step {
            at_ms,
            fault,
            target,
            for_ms: within(self.for_ms.as_ref(), "for_ms", DEFAULT_FOR_MS, 0..=MAX_FAULT_MS)?,
            every_ms: within(self.every_ms.as_ref(), "every_ms", 0, 20..=MAX_FAULT_MS)?,
            delay_ms: within(self.delay_ms.as_ref(), "delay_ms", 0, 1..=5_000)?,
            bytes_per_s: within(self.bytes_per_s.as_ref(), "bytes_per_s", 0, 1..=1_000_000_000)?,
            per_mille: within(self.per_mille.as_ref(), "per_mille", 1_000, 1..=1_000)?,
            jump_ms: within(self.jump_ms.as_ref(), "jump_ms", 0, -MAX_JUMP_MS..=MAX_JUMP_MS)?,
        };
        let needs = |value: u64, name: &str| {
            if value > 0 {
                return Ok(());
            }
            Err(wrong(&self.at_ms, format!("{fault} needs {name}")))
        };
        match fault {
            Fault::Delay | Fault::DelayAnswers | Fault::SlowDisk => {
                needs(step.delay_ms, "delay_ms")?
            }
            Fault::ClockJump => needs(step.jump_ms.unsigned_abs(), "jump_ms")?,
            Fault::Slow => needs(step.bytes_per_s, "bytes_per_s")?,
            Fault::Flap => needs(step.every_ms, "every_ms")?,
            _ => {}
        }
        Ok(step)
    }
}

impl RandomFile {
    fn check(self, nodes: u64, duration_s: u64) -> Result<Random, Wrong> {
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
        let target = self.target.as_ref().map(|text| target(text, nodes)).transpose()?;
        let lost = self.faults.get_ref().iter().find(|fault| fault.takes_data());
        if let (Some(Target::All), Some(fault)) = (target, lost) {
            return Err(wrong(&self.faults, loses_data(*fault)));
        }
        Ok(Random { faults: self.faults.into_inner(), target, every_ms, for_ms })
    }
}
