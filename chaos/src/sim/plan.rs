//! What a seed decides before a simulation begins: how large the cluster is, who buys, what fails.

use raft::mutant::Mutant;

use super::chance::Chance;
use super::fault::{Fault, MENU};
use crate::workload::{PERSONAS, Persona};

/// The plan of one simulation.
#[derive(Clone, Debug)]
pub struct Plan {
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
    /// Faults that happen. Each seed leaves some out: what never fails may hide what does.
    pub faults: Vec<Fault>,
    /// The shortest and the longest time from one fault to the next, in milliseconds.
    pub gap_ms: (u64, u64),
    /// A defect that is planted in every node.
    pub mutant: Option<Mutant>,
}

/// How long faults go on unless asked otherwise, in virtual milliseconds.
pub const FAULTS_MS: u64 = 120_000;

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed).fork("plan");
        let buyers = chance.between(4, 14);
        let liked: Vec<Persona> = PERSONAS.into_iter().filter(|_| chance.per_mille(600)).collect();
        let buyers = (0..buyers).map(|_| {
            let from = if liked.is_empty() { &PERSONAS[..] } else { &liked };
            chance.pick(from).copied().unwrap_or(Persona::Uniform)
        });
        let buyers = buyers.collect();
        let gap = chance.between(300, 6_000);
        Self {
            faults_ms: FAULTS_MS,
            nodes: if chance.per_mille(150) { 5 } else { 3 },
            shards: chance.between(1, 3) as u32,
            trips: chance.between(1, 6),
            buyers,
            pause_ms: chance.between(100, 2_000),
            copied: chance.below(600),
            faults: MENU.into_iter().filter(|_| chance.per_mille(600)).collect(),
            gap_ms: (gap / 4, gap * 2),
            mutant: None,
        }
    }

    /// The same without faults.
    #[must_use]
    pub fn without_faults(self) -> Self {
        Self { faults: Vec::new(), ..self }
    }
}
