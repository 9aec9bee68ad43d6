//! The nodes of one simulation, and what an operator would do with them.

use std::collections::BTreeMap;

use raft::wal::WalError;
use raft::{OpenError, ShardLog as _};

use super::chance::Chance;
use super::node::{End, Hardware, Process, World};

/// The cluster.
pub struct Cluster {
    /// What all nodes share.
    pub world: World,
    /// The machines.
    pub machines: BTreeMap<u64, Hardware>,
    /// The processes that run.
    pub running: BTreeMap<u64, Process>,
    /// The node whose disks have lost or damaged something that it has not got back yet. One at a time:
    /// what no quorum remembers nobody can bring back.
    pub damaged: Option<u64>,
    lives: u64,
}

/// Why a node did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// Its log is damaged: its disks have to be replaced.
    Damaged,
    /// The disk refused; it may work later.
    Later,
}

impl Cluster {
    /// Machines without processes.
    #[must_use]
    pub fn new(world: World, chance: &mut Chance) -> Self {
        let machine = |node| (node, Hardware::new(node, &world.trace, chance.fork("machine")));
        let machines = (1..=world.nodes).map(machine).collect();
        Self { world, machines, running: BTreeMap::new(), damaged: None, lives: 0 }
    }

    /// Starts a node's process.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn start(&mut self, node: u64) -> Result<(), NotStarted> {
        let Some(hardware) = self.machines.get_mut(&node) else { return Ok(()) };
        if self.running.contains_key(&node) {
            return Ok(());
        }
        self.lives += 1;
        match Process::start(&self.world, hardware, self.lives).await {
            Ok(process) => {
                self.running.insert(node, process);
                Ok(())
            }
            Err(error) => {
                self.world.trace.line(format_args!("node {node} does not start: {error}"));
                // The half-started process let go of nothing: the next one finds what a kill leaves.
                hardware.disk = hardware.disk.kill();
                hardware.trees = hardware.trees.kill();
                let damaged = matches!(error, OpenError::Wal(WalError::Damaged { .. }));
                Err(if damaged { NotStarted::Damaged } else { NotStarted::Later })
            }
        }
    }

    /// Ends a node's process; false when none runs.
    pub fn end(&mut self, node: u64, how: End) -> bool {
        let Some(process) = self.running.remove(&node) else { return false };
        let Some(hardware) = self.machines.get_mut(&node) else { return false };
        self.world.trace.line(format_args!("node {node} ends: {how:?}"));
        process.end(&self.world, hardware, how);
        true
    }

    /// The node that leads a shard and may answer.
    #[must_use]
    pub fn leader(&self, shard: usize) -> Option<u64> {
        let leads = |process: &Process| process.shards[shard].1.leadership().may_answer;
        self.running.iter().find(|(_, process)| leads(process)).map(|(node, _)| *node)
    }

    /// Whether every replica of every running node may vote, and has what its leader has.
    #[must_use]
    pub fn has_caught_up(&self) -> bool {
        (0..self.world.shards as usize).all(|shard| {
            let Some(leader) = self.leader(shard) else { return false };
            let last = self.running[&leader].shards[shard].1.status().last_log_index;
            self.running.values().all(|process| {
                let replica = &process.shards[shard].1;
                replica.may_vote() && replica.status().applied_index == last
            })
        })
    }

    /// Notices when a damaged node has everything again.
    pub fn notice_repairs(&mut self) {
        let Some(process) = self.damaged.and_then(|node| self.running.get(&node)) else { return };
        if process.shards.iter().all(|(_, replica)| replica.may_vote()) {
            self.damaged = None;
        }
    }

    /// Whether one more node may lose something: all run, all may vote.
    #[must_use]
    pub fn can_bear_damage(&self) -> bool {
        self.damaged.is_none()
            && self.running.len() as u64 == self.world.nodes
            && self.running.values().flat_map(|p| &p.shards).all(|(_, r)| r.may_vote())
    }
}
