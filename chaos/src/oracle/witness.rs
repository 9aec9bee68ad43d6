//! Stands between a replica's log and its machine, and tells the oracle what passes.

use std::sync::Arc;

use actors::ids::ShardId;
use actors::machine::ShardMachine;
use raft::snapshot::{SnapshotView, SnapshotWriter};
use raft::{Committed, Machine, MachineFailed};

use super::Oracle;
use crate::sim::disk::Spindle;
use crate::sim::network::Life;

/// A shard's machine under observation.
pub struct Witness {
    /// The machine.
    pub machine: ShardMachine,
    /// Who listens.
    pub oracle: Oracle,
    /// The disk of its snapshots.
    pub spindle: Arc<Spindle>,
    /// The node.
    pub node: u64,
    /// The shard.
    pub shard: ShardId,
    /// The process: what it does after its end counts for nothing.
    pub life: Life,
    /// Its number.
    pub life_number: u64,
}

impl Machine for Witness {
    async fn apply(&self, entries: Vec<Committed>) -> Result<(), MachineFailed> {
        if self.life.goes_on() {
            for Committed { index, payload } in &entries {
                self.oracle.applied(self.node, self.life_number, self.shard, *index, payload);
            }
        }
        self.machine.apply(entries).await
    }

    async fn write_snapshot(
        &self,
        writer: SnapshotWriter,
    ) -> Result<SnapshotWriter, MachineFailed> {
        // A snapshot takes its time, and the log goes on: before the records are taken, and before they
        // count.
        self.spindle.take_snapshot_step().await;
        let written = self.machine.write_snapshot(writer).await;
        self.spindle.take_snapshot_step().await;
        written
    }

    fn snapshot_done(&self, committed: bool) {
        self.machine.snapshot_done(committed);
    }

    async fn restore(&self, view: Option<SnapshotView>) -> Result<(), MachineFailed> {
        self.machine.restore(view).await
    }
}
