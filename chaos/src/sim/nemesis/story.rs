//! Faults that come in chains: what none of them does alone.

use raft::disk::Fault as DiskFault;

use super::super::fault::Fault;
use super::super::node::End;
use super::links::both;
use super::{Nemesis, OUTAGE_MS, SOON_MS, Task};

/// How a disk loses or changes what was on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgets {
    FlippedLogBit,
    /// A bit of what was written last flips.
    NewestLogBit,
    MisdirectedWrite,
    FlippedSnapshotBit,
    EmptyDisks,
}

impl Nemesis {
    pub(super) fn begin_story(&mut self, fault: Fault) -> Option<String> {
        match fault {
            Fault::DarkAfterAnswer => self.go_dark_after_answer(),
            Fault::Laggard => self.leave_behind(),
            Fault::ForgetfulMajority => self.let_a_majority_forget(),
            Fault::DeposedLeader => self.depose(),
            _ => None,
        }
    }

    fn go_dark_after_answer(&mut self) -> Option<String> {
        let all = self.chance.per_mille(600);
        let slow = self.chance.per_mille(500);
        let wait = self.chance.between(100, 1_500);
        if slow {
            let most = self.chance.between(20, 400);
            for machine in self.cluster.machines.values() {
                machine.spindle.slow((most / 2, most));
            }
            (1..=self.cluster.world.nodes)
                .for_each(|node| self.plan(wait * 3, Task::MendDisk(node)));
        }
        self.plan(wait, Task::LurkForAnswer { all });
        Some(format!("all: {all}, slow disks: {slow}"))
    }

    /// An answer has come to a client just now.
    pub(super) fn strike_at_answer(&mut self) {
        let Some(all) = self.lurking.take() else { return };
        self.cluster.world.trace.line(format_args!("an answer came, and it gets dark"));
        if all {
            return self.darken();
        }
        let answered = self.cluster.world.oracle.answered_last();
        if let Some(node) = answered.and_then(|shard| self.cluster.leader(shard.get() as usize)) {
            self.crash(node, End::PowerCut, OUTAGE_MS);
        }
    }

    /// A node has got a snapshot just now, and has written none of it to its log.
    pub(super) fn strike_at_install(&mut self, node: u64) {
        if self.lurking_install != Some(node) {
            return;
        }
        self.lurking_install = None;
        self.cluster.world.trace.line(format_args!("a snapshot came to {node}, and a flush fails"));
        if let Some(machine) = self.cluster.machines.get(&node) {
            machine.disk.inject(DiskFault::FailSync { after: 0 });
        }
    }

    fn leave_behind(&mut self) -> Option<String> {
        let node = self.victim()?;
        let away = self.chance.between(2_000, 8_000);
        let ways = self.ways_between(&[node]);
        self.cut(ways, away);
        // The log is dropped up to the snapshot before the newest.
        for part in 1..=3 {
            self.plan(away * part / 3, Task::Snapshots);
        }
        // What it is sent then may be cut off at any point, on the way or on its disk.
        let resets = self.chance.below(4);
        for _ in 0..resets {
            let after = self.chance.below(400);
            self.plan(away + after, Task::ResetLinks(node));
        }
        let fails = self.chance.per_mille(400);
        if fails {
            self.plan(away / 2, Task::LurkForSnapshot(node));
        }
        Some(format!("{node} for {away} ms, then {resets} resets, a failed flush: {fails}"))
    }

    fn let_a_majority_forget(&mut self) -> Option<String> {
        let (_, leader) = self.shard_and_leader()?;
        if !self.cluster.can_bear_damage() {
            return None;
        }
        let others: Vec<u64> =
            (1..=self.cluster.world.nodes).filter(|node| *node != leader).collect();
        let (helpers, behind) = others.split_at(others.len() / 2);
        let apart = self.chance.between(500, 3_000);
        let ways = self.ways_between(behind);
        self.cut(ways, apart);
        let helper = *self.chance.pick(helpers)?;
        let how = match self.chance.below(5) {
            0 | 1 => Forgets::EmptyDisks,
            2 => Forgets::MisdirectedWrite,
            _ => Forgets::NewestLogBit,
        };
        let first = apart.saturating_sub(self.chance.below(30));
        self.plan(first, Task::Forget(helper, how));
        let end = if self.chance.per_mille(500) { End::Kill } else { End::PowerCut };
        self.plan(first, Task::Crash(leader, end));
        Some(format!("{behind:?} apart, then {helper} forgets ({how:?}) and {leader} is away"))
    }

    fn depose(&mut self) -> Option<String> {
        let (shard, deposed) = self.shard_and_leader()?;
        if self.cluster.world.nodes != 3 || !self.cluster.can_bear_damage() {
            return None;
        }
        let alone = self.chance.between(700, 2_500);
        let ways = self.ways_between(&[deposed]);
        self.cut(ways, alone);
        self.plan(alone, Task::MeetDeposed { shard, deposed });
        Some(format!("shard {shard}: {deposed}"))
    }

    /// Its successor is cut off in its turn, and who elected that forgets it.
    pub(super) fn meet_deposed(&mut self, shard: usize, deposed: u64) {
        let Some(successor) = self.cluster.leader(shard).filter(|node| *node != deposed) else {
            return;
        };
        // The third of three.
        let elector = 1 + 2 + 3 - deposed - successor;
        if self.forget(elector, Forgets::EmptyDisks, SOON_MS).is_none() {
            return;
        }
        let ms = self.chance.between(2_000, 6_000);
        let ways = [both(successor, deposed), both(successor, elector)].concat();
        self.cut(ways, ms);
    }

    fn shard_and_leader(&mut self) -> Option<(usize, u64)> {
        let shard = self.chance.below(u64::from(self.cluster.world.shards)) as usize;
        Some((shard, self.cluster.leader(shard)?))
    }
}
