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
    damaged: Option<Damaged>,
    lives: u64,
}

/// The node whose disks have lost or damaged something that it has not got back yet. One at a time: what
/// no quorum remembers nobody can bring back.
#[derive(Clone, Copy, Debug)]
struct Damaged {
    node: u64,
    /// Processes that had been started when it happened: only a later one can notice.
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
        let machine = |node| (node, Hardware::new(node, &world, chance.fork("machine")));
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

    /// Notes that a node's disks have lost or damaged something.
    pub fn damaged(&mut self, node: u64) {
        self.damaged = Some(Damaged { node, lives: self.lives });
    }

    /// Whether a node's disks have lost or damaged something that it has not got back yet.
    #[must_use]
    pub fn is_damaged(&self, node: u64) -> bool {
        self.damaged.is_some_and(|damaged| damaged.node == node)
    }

    /// Notices when a damaged node has everything again.
    pub fn notice_repairs(&mut self) {
        let Some(damaged) = self.damaged else { return };
        let Some(process) = self.running.get(&damaged.node) else { return };
        let whole = process.shards.iter().all(|(_, replica)| replica.may_vote());
        if process.number > damaged.lives && whole {
            self.damaged = None;
        }
    }

    /// Notes of every leader whose links to some nodes are cut whether a majority is left to it.
    pub fn notice_cut_leaders(&self) {
        let (world, network) = (&self.world, &self.world.network);
        for leader in (0..world.shards as usize).filter_map(|shard| self.leader(shard)) {
            let apart = |node| network.is_cut(leader, node) || network.is_cut(node, leader);
            let cut_off = (1..=world.nodes).filter(|node| *node != leader && apart(*node)).count();
            if cut_off > 0 {
                let left = world.nodes - cut_off as u64;
                world.oracle.covered(|coverage| match left > world.nodes / 2 {
                    true => coverage.leaders_with_majority += 1,
                    false => coverage.leaders_with_minority += 1,
                });
            }
        }
    }

    /// Makes every replica that runs write a snapshot, in the background.
    pub fn write_snapshots(&self) {
        self.running.values().for_each(Process::write_snapshots);
    }

    /// Whether one more node may lose something: all run, all may vote.
    #[must_use]
    pub fn can_bear_damage(&self) -> bool {
        self.damaged.is_none()
            && self.running.len() as u64 == self.world.nodes
            && self.running.values().flat_map(|p| &p.shards).all(|(_, r)| r.may_vote())
    }
}
