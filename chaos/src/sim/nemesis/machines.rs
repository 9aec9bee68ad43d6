//! What goes wrong with processes, clocks and the power.

use super::super::fault::Fault;
use super::super::node::End;
use super::{Nemesis, OUTAGE_MS, Task};

impl Nemesis {
    pub(super) async fn harm_machine(&mut self, fault: Fault, ms: u64) -> Option<String> {
        let nodes = self.cluster.world.nodes;
        match fault {
            Fault::Kill => {
                let node = self.leader_or_any()?;
                self.crash(node, End::Kill, OUTAGE_MS);
                Some(format!("{node}"))
            }
            Fault::Pause => {
                let node = self.leader_or_any()?;
                self.cluster.running.get(&node)?.gate.close();
                self.cluster.world.network.pause(node, true);
                self.plan(ms, Task::Resume(node));
                Some(format!("{node} for {ms} ms"))
            }
            Fault::PowerCut => {
                let node = self.victim()?;
                self.crash(node, End::PowerCut, OUTAGE_MS);
                Some(format!("{node}"))
            }
            Fault::PowerCutOfAll => {
                self.darken();
                Some(String::new())
            }
            Fault::HandOver => self.hand_over().await,
            Fault::Snapshots => {
                self.cluster.write_snapshots();
                Some(String::new())
            }
            Fault::ClockJump => {
                let node = self.chance.between(1, nodes);
                let jump = self.chance.below(7_200_000).cast_signed() - 3_600_000;
                self.cluster.machines.get(&node)?.clock.jump(jump);
                Some(format!("{node}: {jump} ms"))
            }
            Fault::ClockRate => {
                let node = self.chance.between(1, nodes);
                let rate = self.chance.between(500, 3_000);
                self.cluster.machines.get(&node)?.clock.run_at(rate);
                self.plan(ms, Task::MendClock(node));
                Some(format!("{node}: {rate} per mille"))
            }
            _ => None,
        }
    }

    /// All machines lose their power.
    pub(super) fn darken(&mut self) {
        (1..=self.cluster.world.nodes).for_each(|node| self.crash(node, End::PowerCut, OUTAGE_MS));
    }

    /// A process that stood still goes on.
    pub(super) fn resume(&mut self, node: u64) {
        self.cluster.world.trace.line(format_args!("node {node} goes on"));
        if let Some(process) = self.cluster.running.get(&node) {
            process.gate.open();
        }
        self.cluster.world.network.pause(node, false);
    }

    async fn hand_over(&mut self) -> Option<String> {
        let shard = self.chance.below(u64::from(self.cluster.world.shards)) as usize;
        let leader = self.cluster.leader(shard)?;
        let to = self.chance.between(1, self.cluster.world.nodes);
        let replica = self.cluster.running.get(&leader)?.shards[shard].1.clone();
        // A replica that has stopped has nothing to hand over, and one that stands still does not hear.
        tokio::spawn(async move { replica.hand_over(to).await });
        Some(format!("shard {shard}: {leader} to {to}"))
    }
}
