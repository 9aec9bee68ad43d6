//! Whether a replica remembers all that it acknowledged, and what it does if not.
//!
//! Raft counts on it: an entry is committed once a majority has it on disk, and a new leader has every
//! committed entry because a majority voted for it and each voter refused candidates that knew less. A
//! replica that lost its log, voting for anybody, could elect a leader without an entry that only it and
//! the old leader had. And one that lost its vote could acknowledge entries of a leader that was deposed
//! with its help. So a replica is marked, durably, as long as it may have forgotten something:
//!
//! * It neither votes nor stands for election.
//! * It listens to no leader before it has asked the others, and then to none of an earlier term than
//!   they know. As many must answer as make a majority of the shard, all of them others, all of them
//!   unmarked: whatever was committed with the help of this replica, one of them has it.
//!
//! The mark goes when
//!
//! * it has applied all that the logs of those others had then, and an entry of the current leader's own
//!   term: then it has everything that it ever acknowledged and that was committed; or
//! * every other node says that the shard has no past: then there is nothing to forget. So a new cluster
//!   needs all its nodes once, at its founding.
//!
//! A new replica begins marked, for it cannot tell an empty disk from a lost one. Of three nodes, one
//! that is marked and one that is down are two too many: only the third and the one that is down know
//! together what was committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use proto::pb::RecallResponse;
use tracing::info;

use crate::group::Replica;
use crate::log_store::slot;
use crate::machine::Machine;
use crate::mutant::{Mutant, planted};
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
        // The index up to which the others had entries when they were asked.
        let mut upto = 0;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if replica.has_stopped() {
                return;
            }
            if replica.is_deaf() || replica.is_blank() {
                let answers = self.ask_all(&links, &peers).await;
                let no_past = answers.len() == peers.len() && answers.iter().all(|a| a.blank);
                if replica.is_blank() && no_past {
                    break;
                }
                let whole: Vec<_> = answers.iter().filter(|answer| answer.whole).collect();
                if replica.is_deaf() && whole.len() >= others_needed(peers.len()) {
                    upto = whole.iter().map(|answer| answer.last_index).max().unwrap_or(0);
                    let term = whole.iter().map(|answer| answer.term).max().unwrap_or(0);
                    replica.listen_from(term);
                    info!(shard = self.group, term, upto, "the replica learns what it forgot");
                }
            }
            if !replica.is_deaf() && replica.has_everything(upto) {
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

    async fn ask_all(&self, links: &Links, peers: &BTreeMap<u64, String>) -> Vec<RecallResponse> {
        let asked = peers.iter().map(|(&peer, addr)| links.recall(self.group, peer, addr));
        join_all(asked).await.into_iter().flatten().collect()
    }
}

/// How many others must answer a replica that may have forgotten something: a majority of the shard,
/// without this replica.
fn others_needed(others: usize) -> usize {
    let needed = majority_with(others).min(others);
    needed - usize::from(planted(Mutant::AsksTooFew))
}

/// A majority of a shard that has so many replicas beside this one.
fn majority_with(others: usize) -> usize {
    others.div_ceil(2) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_asked_share_one_with_every_majority() {
        assert_eq!([0, 1, 2, 3, 4].map(majority_with), [1, 2, 2, 3, 3]);
        for others in 2..8 {
            let asked = others_needed(others);
            // Whatever was committed with this replica's help, so many others have it.
            let helpers = majority_with(others) - 1;
            assert!(asked + helpers > others, "{asked} of {others}");
        }
    }
}
