//! What a simulation begins with: how large the cluster is, who buys, and what fails when.
//!
//! A plan is data. A seed decides a whole one, and a part of one can be left out, written down and
//! simulated again.

use std::io;
use std::ops::RangeInclusive;
use std::path::Path;

use raft::disk::SECTOR_BYTES;
use raft::mutant::Mutant;
use serde::{Deserialize, Serialize};

use super::chance::Chance;
use super::fault::{Fault, MENU};
use crate::workload::{PERSONAS, Persona};

/// The plan of one simulation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Decides whatever the plan leaves open.
    pub seed: u64,
    /// How long faults go on, in virtual milliseconds.
    pub faults_ms: u64,
    /// Nodes of the cluster.
    pub nodes: u64,
    /// Shards of the cluster.
    pub shards: u32,
    /// Trips on sale.
    pub trips: u64,
    /// Who buys.
    pub buyers: Vec<Persona>,
    /// The longest pause of a buyer between two visits, in milliseconds.
    pub pause_ms: u64,
    /// Of a thousand requests so many are sent more than once.
    pub copied: u64,
    /// A defect that is planted in every node.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "mutant_name")]
    pub mutant: Option<Mutant>,
    /// What nodes keep, and where.
    pub storage: Storage,
    /// What fails.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
}

/// What nodes keep, and where: small numbers, so that much happens in a short time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Bytes of a segment of the log.
    pub segment_bytes: u32,
    /// Bytes of the log that are kept in memory. What is not is read back from the disk.
    pub cache_bytes: usize,
    /// A node writes snapshots after so much new log.
    pub snapshot_after_bytes: u64,
    /// The longest that a step of a snapshot takes, in milliseconds.
    pub snapshot_step_ms: u64,
    /// A trip that has no turn for so long leaves the memory, in milliseconds.
    pub passivate_after_ms: u64,
}

/// One thing that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in virtual milliseconds after the first buyer came.
    pub at_ms: u64,
    /// What.
    pub fault: Fault,
    /// Decides where it strikes, and for how long.
    pub draw: u64,
}

/// How long faults go on unless asked otherwise, in virtual milliseconds.
pub const FAULTS_MS: u64 = 120_000;

/// Of a thousand faults so many follow the one before at once.
const AT_ONCE: u64 = 250;

/// Faults that follow at once do so within so many milliseconds.
const AT_ONCE_MS: u64 = 30;

/// Nodes that a plan may have: fewer are no cluster that can lose one.
const NODES: RangeInclusive<u64> = 3..=9;

/// Shards that a plan may have.
const SHARDS: RangeInclusive<u64> = 1..=64;

/// Trips that a plan may have.
const TRIPS: RangeInclusive<u64> = 1..=1_000;

/// Sizes of a segment that a plan may have, in bytes: a trip's opening has to fit.
const SEGMENT_BYTES: RangeInclusive<u64> = 16 << 10..=64 << 20;

/// Bits of a number that every format can hold.
const DRAW_BITS: u32 = 53;

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self::lasting(seed, FAULTS_MS)
    }

    /// The plan of a seed whose faults go on for so many milliseconds. A shorter one is the beginning of
    /// a longer one.
    #[must_use]
    pub fn lasting(seed: u64, faults_ms: u64) -> Self {
        Self::chosen(seed, faults_ms, None)
    }

    /// The plan of a seed with these faults instead of those that it would choose.
    #[must_use]
    pub fn with(seed: u64, faults_ms: u64, faults: &[Fault]) -> Self {
        Self::chosen(seed, faults_ms, Some(faults))
    }

    fn chosen(seed: u64, faults_ms: u64, faults: Option<&[Fault]>) -> Self {
        let mut chance = Chance::new(seed).fork("plan");
        let buyers = chance.between(4, 14);
        let liked: Vec<Persona> = PERSONAS.into_iter().filter(|_| chance.per_mille(600)).collect();
        let buyers = (0..buyers).map(|_| {
            let from = if liked.is_empty() { &PERSONAS[..] } else { &liked };
            chance.pick(from).copied().unwrap_or(Persona::Uniform)
        });
        let buyers = buyers.collect();
        let gap = chance.between(300, 6_000);
        // What never fails may hide what does: each seed leaves some faults out.
        let liked = MENU.iter().copied().filter(|_| chance.per_mille(600)).collect::<Vec<_>>();
        let faults = faults.unwrap_or(&liked);
        Self {
            seed,
            faults_ms,
            nodes: if chance.per_mille(150) { 5 } else { 3 },
            shards: chance.between(1, 3) as u32,
            trips: chance.between(1, 6),
            buyers,
            pause_ms: chance.between(100, 2_000),
            copied: chance.below(600),
            mutant: None,
            storage: Storage::chosen(&mut chance.fork("storage")),
            events: events(&mut chance.fork("events"), faults, gap, faults_ms),
        }
    }

    /// The same without faults.
    #[must_use]
    pub fn without_faults(self) -> Self {
        Self { events: Vec::new(), ..self }
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a plan, or one that cannot be simulated.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let plan: Self = toml::from_str(&text).map_err(io::Error::other)?;
        plan.check().map_err(io::Error::other)?;
        Ok(plan)
    }

    /// Whether it can be simulated.
    fn check(&self) -> Result<(), String> {
        let segment = u64::from(self.storage.segment_bytes);
        let bounds = [
            ("nodes", self.nodes, NODES),
            ("shards", self.shards.into(), SHARDS),
            ("trips", self.trips, TRIPS),
            ("storage.segment_bytes", segment, SEGMENT_BYTES),
        ];
        let beyond = bounds.into_iter().find(|(_, value, allowed)| !allowed.contains(value));
        if let Some((name, value, allowed)) = beyond {
            let (least, most) = (allowed.start(), allowed.end());
            return Err(format!("{name} is {value}, and can be from {least} to {most}"));
        }
        if !segment.is_multiple_of(SECTOR_BYTES as u64) {
            return Err(format!("storage.segment_bytes is no multiple of {SECTOR_BYTES}"));
        }
        if self.events.iter().any(|event| event.at_ms > self.faults_ms) {
            return Err(format!("an event comes after faults_ms, {}", self.faults_ms));
        }
        Ok(())
    }

    /// The plan as a file has it.
    ///
    /// # Panics
    /// Never: every part of a plan can be written.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers are small, and tables stand last")
    }
}

impl Storage {
    fn chosen(chance: &mut Chance) -> Self {
        let segment_kib = [16, 32, 128];
        let snapshot_kib = [6, 16, 48];
        Self {
            segment_bytes: chance.pick(&segment_kib).copied().unwrap_or(128) << 10,
            cache_bytes: chance.between(4, 64) as usize * 1_024,
            snapshot_after_bytes: chance.pick(&snapshot_kib).copied().unwrap_or(48) << 10,
            snapshot_step_ms: chance.skewed(200),
            passivate_after_ms: chance.between(1_000, 6_000),
        }
    }
}

/// Events of these faults, in the order of time. Some follow each other within milliseconds.
fn events(chance: &mut Chance, faults: &[Fault], gap: u64, faults_ms: u64) -> Vec<Event> {
    let (mut at_ms, mut events) = (0, Vec::new());
    while at_ms < faults_ms {
        let Some(&fault) = chance.pick(faults) else { break };
        events.push(Event { at_ms, fault, draw: chance.draw() >> (u64::BITS - DRAW_BITS) });
        let at_once = chance.per_mille(AT_ONCE);
        at_ms += if at_once { chance.below(AT_ONCE_MS) } else { chance.between(gap / 4, gap * 2) };
    }
    events
}

/// A defect is written as its name.
mod mutant_name {
    use raft::mutant::Mutant;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        mutant: &Option<Mutant>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match mutant {
            Some(mutant) => to.serialize_str(mutant.name()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Mutant>, D::Error> {
        let name = String::deserialize(from)?;
        let known = Mutant::named(&name).ok_or_else(|| de::Error::custom("no such defect"));
        known.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_back_as_it_was_written() {
        let plan = Plan { mutant: Some(Mutant::ForgetsALeg), ..Plan::of(3) };
        assert_eq!(toml::from_str::<Plan>(&plan.to_toml()).unwrap(), plan);
        let plan = Plan::of(4).without_faults();
        assert_eq!(toml::from_str::<Plan>(&plan.to_toml()).unwrap(), plan);
    }

    #[test]
    fn a_plan_that_cannot_be_simulated_is_refused() {
        assert_eq!(Plan::of(1).check(), Ok(()));
        let said = |plan: Plan| plan.check().unwrap_err();
        assert!(said(Plan { nodes: 1, ..Plan::of(1) }).contains("nodes is 1"));
        assert!(said(Plan { faults_ms: 0, ..Plan::of(1) }).contains("after faults_ms"));
        let mut plan = Plan::of(1);
        plan.storage.segment_bytes += 1;
        assert!(said(plan).contains("no multiple of 512"));
    }

    #[test]
    fn a_shorter_plan_is_the_beginning_of_a_longer_one() {
        let (short, long) = (Plan::lasting(5, 10_000), Plan::lasting(5, 60_000));
        assert!(long.events.starts_with(&short.events));
        assert!(short.events.iter().all(|event| event.at_ms < 10_000));
    }
}
