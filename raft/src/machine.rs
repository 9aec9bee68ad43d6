//! What a shard's state machine must do, and how openraft drives it.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::alias::SnapshotOf;
use parking_lot::Mutex;

use crate::codec;
use crate::mutant::{Mutant, planted};
use crate::snapshot::{Manifest, ShardSnapshots, SnapshotView, SnapshotWriter};
use crate::types::{EntryPayload, LogId, SnapshotMeta, StoredMembership, TypeConfig};

/// Entries handed to a machine in one call, at most.
const MAX_APPLY_BATCH: usize = 64;

/// Bytes of entries after which no more are handed over in the same call: about a millisecond of work.
const MAX_APPLY_BYTES: usize = 64 << 10;

/// A committed entry.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its index in the log of the shard.
    pub index: u64,
    /// What was proposed.
    pub payload: Bytes,
}

/// A machine that could not go on. The replica stops; it is rebuilt from its peers.
#[derive(Debug)]
pub struct MachineFailed(pub String);

impl fmt::Display for MachineFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MachineFailed {}

/// What remembers through the log: applies committed entries in order, deterministically.
///
/// The machine owns its state; this trait is the door through which the log reaches it. Records in a
/// snapshot may be newer than the snapshot's index: the machine skips what a record already has.
pub trait Machine: Send + Sync + 'static {
    /// Applies entries in log order. Returns once they are applied.
    fn apply(
        &self,
        entries: Vec<Committed>,
    ) -> impl Future<Output = Result<(), MachineFailed>> + Send;

    /// Writes the records that changed since the last call into `writer`, without stopping the world.
    /// What is written stands at `applied` or later.
    fn write_snapshot(
        &self,
        writer: SnapshotWriter,
    ) -> impl Future<Output = Result<SnapshotWriter, MachineFailed>> + Send;

    /// Tells what became of the records that were written: in a committed snapshot, or lost.
    fn snapshot_done(&self, committed: bool);

    /// Replaces the whole state with the records of `view`, or with nothing.
    fn restore(
        &self,
        view: Option<SnapshotView>,
    ) -> impl Future<Output = Result<(), MachineFailed>> + Send;
}

/// Where a machine stands, kept beside it for openraft.
#[derive(Clone, Debug, Default)]
struct Standing {
    applied: Option<LogId>,
    membership: StoredMembership,
}

/// Adapts a [`Machine`] and its snapshot store to openraft.
pub(crate) struct StateMachine<M> {
    machine: Arc<M>,
    snapshots: ShardSnapshots,
    standing: Arc<Mutex<Standing>>,
}

impl<M: Machine> StateMachine<M> {
    /// Starts from the newest snapshot, which openraft asks to install before it replays the log.
    pub(crate) fn new(machine: Arc<M>, snapshots: ShardSnapshots) -> Self {
        Self { machine, snapshots, standing: Arc::default() }
    }

    async fn flush(&self, batch: &mut Vec<Committed>) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.machine.apply(std::mem::take(batch)).await.map_err(io::Error::other)
    }
}

impl<M: Machine> RaftStateMachine<TypeConfig> for StateMachine<M> {
    type SnapshotData = SnapshotView;
    type SnapshotBuilder = SnapshotBuilder<M>;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let standing = self.standing.lock();
        Ok((standing.applied, standing.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + Send,
    {
        let mut chunks = entries.ready_chunks(MAX_APPLY_BATCH);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(chunk) = chunks.next().await {
            let mut responders = Vec::new();
            let mut standing = self.standing.lock().clone();
            for item in chunk {
                let (entry, responder) = item?;
                standing.applied = Some(entry.log_id);
                match entry.payload {
                    EntryPayload::Blank => {}
                    EntryPayload::Normal(payload) => {
                        bytes += payload.0.len();
                        batch.push(Committed { index: entry.log_id.index, payload: payload.0 });
                    }
                    EntryPayload::Membership(membership) => {
                        standing.membership = StoredMembership::new(Some(entry.log_id), membership);
                    }
                }
                responders.extend(responder);
                if bytes >= MAX_APPLY_BYTES {
                    bytes = 0;
                    self.flush(&mut batch).await?;
                }
            }
            bytes = 0;
            self.flush(&mut batch).await?;
            *self.standing.lock() = standing;
            for responder in responders {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        SnapshotBuilder {
            machine: Arc::clone(&self.machine),
            snapshots: self.snapshots.clone(),
            standing: Arc::clone(&self.standing),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotView,
    ) -> Result<(), io::Error> {
        let committed = self.snapshots.adopt(&snapshot).await.map_err(io::Error::other)?;
        self.machine.restore(Some(committed)).await.map_err(io::Error::other)?;
        let membership = meta.last_membership.clone();
        *self.standing.lock() = Standing { applied: meta.last_log_id, membership };
        // As long as it lived nobody wrote a snapshot of the state from before.
        drop(snapshot);
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, SnapshotView>>, io::Error> {
        self.snapshots.current().map(|view| open_view(view).map_err(io::Error::other)).transpose()
    }
}

/// Writes a snapshot while the machine goes on.
pub(crate) struct SnapshotBuilder<M> {
    machine: Arc<M>,
    snapshots: ShardSnapshots,
    standing: Arc<Mutex<Standing>>,
}

impl<M: Machine> RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder<M> {
    type SnapshotData = SnapshotView;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, SnapshotView>, io::Error> {
        let writer = self.snapshots.begin().await.map_err(io::Error::other)?;
        // Taken before the records are: they may be newer than the manifest says, never older.
        let standing = self.standing.lock().clone();
        let written = self.write(writer, standing).await;
        self.machine.snapshot_done(written.is_ok());
        open_view(written?).map_err(io::Error::other)
    }
}

impl<M: Machine> SnapshotBuilder<M> {
    async fn write(&self, writer: SnapshotWriter, standing: Standing) -> io::Result<SnapshotView> {
        let Standing { applied, membership } = standing;
        let writer = self.machine.write_snapshot(writer).await.map_err(io::Error::other)?;
        let now = planted(Mutant::StampsSnapshotsLate).then(|| self.standing.lock().applied);
        let applied = now.unwrap_or(applied);
        let manifest = Manifest {
            last: applied.map(codec::log_id_to_wire),
            membership_at: (*membership.log_id()).map(codec::log_id_to_wire),
            membership: codec::encode_membership(membership.membership()),
        };
        writer.commit(manifest).await.map_err(io::Error::other)
    }
}

/// What openraft wants to know of a snapshot.
pub(crate) fn open_view(
    view: SnapshotView,
) -> Result<SnapshotOf<TypeConfig, SnapshotView>, codec::CodecError> {
    let manifest = view.manifest();
    let membership = codec::decode_membership(&manifest.membership)?;
    let meta = SnapshotMeta {
        last_log_id: manifest.last.map(codec::log_id_from_wire),
        last_membership: StoredMembership::new(
            manifest.membership_at.map(codec::log_id_from_wire),
            membership,
        ),
    };
    Ok(openraft::storage::Snapshot { meta, snapshot: view })
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
