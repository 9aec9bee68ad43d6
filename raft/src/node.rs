//! What a node keeps for all its groups: the write-ahead log, the snapshot store, the links to peers.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tracing::{info, warn};

use crate::codec;
use crate::config::RaftConfig;
use crate::disk::Disk;
use crate::group::Replica;
use crate::log_store::{LogStore, slot};
use crate::machine::{Machine, StateMachine};
use crate::memory::Memory;
use crate::mutant::{Mutant, planted};
use crate::network::Transport;
use crate::network::client::{GroupNetwork, Links};
use crate::network::peer::PeerHandler;
use crate::silence::keep_silent_without_quorum;
use crate::snapshot::{MemSnapshots, ShardSnapshots, SnapshotError, SnapshotStore};
use crate::wal::{Drive, FlushFailed, GroupId, Options, Recovery, Wal, WalError};

/// Why a node's log could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The write-ahead log refused.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// The write-ahead log could not write.
    #[error(transparent)]
    Flush(#[from] FlushFailed),
    /// The snapshot store failed.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// openraft refused.
    #[error("shard {group} could not start: {why}")]
    Group {
        /// The shard.
        group: GroupId,
        /// What openraft said.
        why: String,
    },
    /// The data directory could not be made.
    #[error("the data directory {path} cannot be used: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl OpenError {
    /// What the operator can do, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Wal(error) => Some(error.hint()),
            Self::Flush(FlushFailed::Stopped(error)) => Some(error.hint()),
            Self::Directory { .. } => {
                Some("check who may write there, and whether the disk is full")
            }
            Self::Flush(_) | Self::Snapshot(_) | Self::Group { .. } => None,
        }
    }
}

/// What all groups of a node share.
pub struct RaftNode<M: Machine> {
    config: RaftConfig,
    wal: Wal,
    store: SnapshotStore,
    links: Arc<Links>,
    handler: Arc<PeerHandler<M>>,
}

impl<M: Machine> RaftNode<M> {
    /// Opens the write-ahead log (recovering it) and the snapshot store.
    ///
    /// # Errors
    /// When either cannot be opened. Damage in the middle of the log is such an error: it is never cut.
    pub fn open(
        config: RaftConfig,
        disk: Arc<dyn Disk>,
        transport: Arc<dyn Transport>,
    ) -> Result<(Self, Recovery), OpenError> {
        let path = config.data_dir.join("snapshots");
        let store = || {
            let (store, opened) = SnapshotStore::open(&path)?;
            info!(?opened, "opened the snapshot store");
            Ok(store)
        };
        Self::assemble(config, disk, transport, Drive::Threads, store)
    }

    /// As [`RaftNode::open`], for a simulator: the snapshots are in memory, and somebody else drives the
    /// write-ahead log ([`Wal::queued`], [`Wal::step`]).
    ///
    /// # Errors
    /// As [`RaftNode::open`].
    pub fn open_simulated(
        config: RaftConfig,
        disk: Arc<dyn Disk>,
        transport: Arc<dyn Transport>,
        trees: MemSnapshots,
    ) -> Result<(Self, Recovery), OpenError> {
        let store = || Ok(SnapshotStore::in_memory(trees));
        Self::assemble(config, disk, transport, Drive::ByHand, store)
    }

    fn assemble(
        config: RaftConfig,
        disk: Arc<dyn Disk>,
        transport: Arc<dyn Transport>,
        drive: Drive,
        store: impl FnOnce() -> Result<SnapshotStore, SnapshotError>,
    ) -> Result<(Self, Recovery), OpenError> {
        let dir = &config.data_dir;
        disk.create_dir_all(dir)
            .map_err(|source| OpenError::Directory { path: dir.clone(), source })?;
        let options = Options {
            segment_bytes: config.wal_segment_bytes,
            cache_bytes: config.wal_cache_bytes,
            drive,
            ..Options::default()
        };
        let (wal, recovery) = Wal::open(disk, &dir.join("wal"), options)?;
        let store = store()?;
        let links = Links::new(config.cluster_id.clone(), config.node_id, transport);
        let handler = PeerHandler::new(config.cluster_id.clone(), config.node_id);
        Ok((Self { config, wal, store, links, handler }, recovery))
    }

    /// Answers peers; mount it where they call.
    #[must_use]
    pub fn peers(&self) -> Arc<PeerHandler<M>> {
        Arc::clone(&self.handler)
    }

    /// The node's write-ahead log.
    #[must_use]
    pub fn wal(&self) -> &Wal {
        &self.wal
    }

    /// The snapshots of one shard as they lie on disk, for the machine to read records from.
    ///
    /// # Errors
    /// When the store fails.
    pub fn snapshots(&self, group: GroupId) -> Result<ShardSnapshots, OpenError> {
        let first = self.wal.first_last(group).map(|(first, _)| first);
        let purged = self
            .wal
            .meta(group, slot::PURGED)
            .and_then(|bytes| codec::decode_log_id(&bytes).ok())
            .map(|id| id.index);
        // The log reaches back to a snapshot when nothing between the two has been purged.
        let reaches = |last: Option<u64>| purged <= last || first.is_some_and(|f| Some(f) <= last);
        let snapshots = self.store.shard(group, reaches)?;
        Ok(snapshots)
    }

    /// Starts the replica of one shard. Its machine is restored from the newest snapshot that checks and
    /// the log after it before this returns.
    ///
    /// A replica whose snapshots are all damaged, or gone although its log was purged, starts empty. A
    /// replica that may have forgotten what it acknowledged takes no part in elections until it has it
    /// again.
    ///
    /// # Errors
    /// When the log cannot be replayed.
    pub async fn start(
        &self,
        group: GroupId,
        machine: Arc<M>,
        snapshots: ShardSnapshots,
    ) -> Result<Replica<M>, OpenError> {
        let memory = Memory::of(&self.wal, group);
        if memory.is_lost(&snapshots) {
            warn!(shard = group, "rebuilding a replica from its peers");
            snapshots.clear()?;
            memory.forget()?;
        }
        let may_vote = memory.is_whole() || planted(Mutant::VotesWithoutMemory);
        let failed = |why: String| OpenError::Group { group, why };
        let config = self.config.openraft(group, may_vote).validate();
        let config = config.map_err(|e| failed(e.to_string()))?;
        let log = LogStore::new(self.wal.clone(), group);
        let (links, shared_for) = (Arc::clone(&self.links), self.config.shared_for());
        let network = GroupNetwork { links, group, log: log.clone(), shared_for };
        if let Some(last) = snapshots.current().and_then(|view| view.manifest().last) {
            let agreed = log.agree_with(codec::log_id_from_wire(last)).await;
            agreed.map_err(|e| failed(e.to_string()))?;
        }
        let state_machine = StateMachine::new(machine, snapshots.clone());
        let node_id = self.config.node_id;
        let raft = openraft::Raft::new(node_id, Arc::new(config), network, log, state_machine)
            .await
            .map_err(|e| failed(e.to_string()))?;
        let lease = self.config.lease();
        let replica = Replica::new(group, node_id, raft, snapshots, lease, may_vote);
        if !may_vote {
            let (links, peers) = (Arc::clone(&self.links), self.config.peers.clone());
            tokio::spawn(memory.regain(replica.clone(), links, peers));
        }
        let timeout = self.config.election_timeout_max;
        tokio::spawn(keep_silent_without_quorum(replica.clone(), timeout));
        self.handler.add(replica.clone());
        Ok(replica)
    }

    /// Ends the streams of peers, then flushes and closes the write-ahead log.
    pub fn close(self) {
        self.handler.close();
        self.wal.close();
    }
}
