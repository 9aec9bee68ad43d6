//! Whether a replica remembers all that it acknowledged, and what it does if not.
//!
//! Raft counts on it: an entry is committed once a majority has it on disk, and a new leader has every
//! committed entry because a majority voted for it and each voter refused candidates that knew less. A
//! replica that lost its log, voting for anybody, could elect a leader without an entry that only it and
//! the old leader had. So a replica is marked, durably, as long as it may have forgotten something: it
//! neither votes nor stands for election. The mark goes when
//!
//! * it has applied an entry of the current leader's own term: that leader was elected without it, so it
//!   has everything that was committed, and everything before that entry is applied; or
//! * every other node says that the shard has no past: then there is nothing to forget. So a new cluster
//!   needs all its nodes once, at its founding.
//!
//! A new replica begins marked, for it cannot tell an empty disk from a lost one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::info;

use crate::group::Replica;
use crate::log_store::slot;
use crate::machine::Machine;
use crate::network::client::Links;
use crate::snapshot::ShardSnapshots;
use crate::wal::{FlushFailed, GroupId, Op, Wal};

/// How often a marked replica looks whether it may lose its mark.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Content of the slot once the replica remembers everything.
const WHOLE: &[u8] = b"whole";

/// The memory of one replica.
pub(crate) struct Memory {
    wal: Wal,
    group: GroupId,
}

impl Memory {
    pub(crate) fn of(wal: &Wal, group: GroupId) -> Self {
        Self { wal: wal.clone(), group }
    }

    /// Whether the replica remembers all that it acknowledged.
    pub(crate) fn is_whole(&self) -> bool {
        self.wal.meta(self.group, slot::MEMORY).is_some_and(|mark| mark == WHOLE)
    }

    /// Whether the state cannot be restored: its snapshots are damaged, or gone although the log before
    /// them was purged.
    pub(crate) fn is_lost(&self, snapshots: &ShardSnapshots) -> bool {
        let purged = self.wal.meta(self.group, slot::PURGED).is_some();
        snapshots.lost() || (purged && snapshots.current().is_none())
    }

    /// Drops what is left of the log but the vote, and marks the replica.
    pub(crate) fn forget(&self) -> Result<(), FlushFailed> {
        let vote = self.wal.meta(self.group, slot::VOTE);
        let vote = vote.map(|data| Op::Meta { slot: slot::VOTE, data });
        self.wal.remove_group(self.group, Box::new(|_| {}));
        let mark = Op::Meta { slot: slot::MEMORY, data: Bytes::new() };
        self.wal.submit_wait(self.group, vote.into_iter().chain([mark]).collect())
    }

    /// Takes the mark away once nothing can be missing, unless the replica stops before.
    pub(crate) async fn regain<M: Machine>(
        self,
        replica: Replica<M>,
        links: Arc<Links>,
        peers: BTreeMap<u64, String>,
    ) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if replica.has_stopped() {
                return;
            }
            let nothing_missing = replica.has_everything()
                || (replica.is_blank() && self.has_no_past(&links, &peers).await);
            if nothing_missing {
                break;
            }
        }
        let whole = Op::Meta { slot: slot::MEMORY, data: Bytes::from_static(WHOLE) };
        let (done, durable) = tokio::sync::oneshot::channel();
        self.wal.submit(self.group, vec![whole], Box::new(move |result| drop(done.send(result))));
        if matches!(durable.await, Ok(Ok(()))) {
            replica.allow_votes();
            info!(shard = self.group, "the replica remembers everything and may vote");
        }
    }

    async fn has_no_past(&self, links: &Links, peers: &BTreeMap<u64, String>) -> bool {
        for (&peer, addr) in peers {
            if links.is_blank(self.group, peer, addr).await != Some(true) {
                return false;
            }
        }
        true
    }
}
