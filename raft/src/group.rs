//! One replica of one shard: the handle through which everything else uses its log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::ClientWriteError;
use openraft::type_config::TypeConfigExt as _;
use openraft::{BasicNode, Raft, ServerState};

use crate::machine::{Machine, StateMachine};
use crate::mutant::{Mutant, planted};
use crate::snapshot::ShardSnapshots;
use crate::successor::{self, Candidate};
use crate::types::{LogId, OnComplete, Payload, TypeConfig, WriteResult};
use crate::wal::GroupId;

type Group<M> = Raft<TypeConfig, StateMachine<M>>;

/// Why a proposal was not applied by this leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposeError {
    /// It did not enter the log, for this replica does not lead. The leader, where known.
    NotLeader(Option<u64>),
    /// It entered the log, but another leader may or may not commit it.
    Unknown,
}

/// The replica has stopped for good.
#[derive(Clone, Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the replica has stopped")
    }
}

impl std::error::Error for Stopped {}

/// Called when a proposal fails. A proposal that succeeds is seen by the machine.
pub type OnFailure = Box<dyn FnOnce(ProposeError) + Send>;

/// Who leads a shard, and what this replica may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The leader as this replica knows it.
    pub leader: Option<u64>,
    /// The current term.
    pub term: u64,
    /// This replica leads.
    pub leads: bool,
    /// A quorum confirmed it within the lease.
    pub confirmed: bool,
    /// This replica leads, a quorum confirmed it within the lease, and everything that earlier leaders
    /// committed is applied: it may answer from memory.
    pub may_answer: bool,
    /// This replica leads, but has asked another to: the log takes nothing from it any more.
    pub handing_over: bool,
}

impl Leadership {
    /// Whether commands can go somewhere: into the log here, or to another leader that is known.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        if self.leads { !self.handing_over } else { self.leader.is_some() }
    }
}

/// What an actor needs of its shard's log.
pub trait ShardLog: Send + Sync + 'static {
    /// Hands a payload to the log. At most one of "the machine applies it" and `failed` happens first;
    /// after [`ProposeError::Unknown`] the machine may still see it.
    fn propose(&self, payload: Bytes, failed: OnFailure) -> BoxFuture<'_, Result<(), Stopped>>;

    /// Who leads now. Cheap: no I/O, no waiting.
    fn leadership(&self) -> Leadership;

    /// Completes when what [`ShardLog::leadership`] says may have changed since this was called.
    fn leadership_moves(&self) -> BoxFuture<'static, ()>;
}

/// Numbers about a replica, for people and metrics.
#[derive(Clone, Debug, Default)]
pub struct ReplicaStatus {
    /// "leader", "follower", "learner", "candidate" or "stopped".
    pub role: &'static str,
    /// Who leads, what it may do.
    pub leadership: Leadership,
    /// Index of the last entry in the log.
    pub last_log_index: u64,
    /// Index of the last applied entry.
    pub applied_index: u64,
    /// Index at which the newest snapshot stands.
    pub snapshot_index: u64,
    /// Index of the last purged entry.
    pub purged_index: u64,
    /// The voters of the shard with their peer addresses.
    pub voters: BTreeMap<u64, String>,
}

/// One replica of one shard.
pub struct Replica<M: Machine> {
    inner: Arc<Inner<M>>,
}

struct Inner<M: Machine> {
    group: GroupId,
    node_id: u64,
    raft: Group<M>,
    snapshots: ShardSnapshots,
    lease: Duration,
    /// The term in which leadership is being handed over: no more answers from memory in it.
    handing_over: AtomicU64,
    may_vote: AtomicBool,
    /// Leaders of earlier terms are not listened to: see `memory.rs`.
    floor: AtomicU64,
}

/// The floor of a replica that listens to nobody.
const DEAF: u64 = u64::MAX;

impl<M: Machine> Clone for Replica<M> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<M: Machine> fmt::Debug for Replica<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replica({})", self.inner.group)
    }
}

impl<M: Machine> Replica<M> {
    pub(crate) fn new(
        group: GroupId,
        node_id: u64,
        raft: Group<M>,
        snapshots: ShardSnapshots,
        lease: Duration,
        may_vote: bool,
    ) -> Self {
        let handing_over = AtomicU64::new(0);
        let may_vote = may_vote || planted(Mutant::VotesWithoutMemory);
        let floor = AtomicU64::new(if may_vote { 0 } else { DEAF });
        let may_vote = AtomicBool::new(may_vote);
        let inner = Inner { group, node_id, raft, snapshots, lease, handing_over, may_vote, floor };
        Self { inner: Arc::new(inner) }
    }

    /// The shard's number.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.inner.group
    }

    pub(crate) fn raft(&self) -> &Group<M> {
        &self.inner.raft
    }

    /// The replica's snapshots.
    #[must_use]
    pub fn snapshots(&self) -> &ShardSnapshots {
        &self.inner.snapshots
    }

    /// Whether the replica takes part in elections. One that lost its memory does not.
    #[must_use]
    pub fn may_vote(&self) -> bool {
        self.inner.may_vote.load(Ordering::Acquire)
    }

    /// Whether a leader of this term is listened to.
    pub(crate) fn listens_to(&self, term: u64) -> bool {
        let floor = self.inner.floor.load(Ordering::Acquire);
        floor != DEAF && floor <= term || planted(Mutant::ListensToADeposedLeader)
    }

    pub(crate) fn is_deaf(&self) -> bool {
        self.inner.floor.load(Ordering::Acquire) == DEAF
    }

    /// Listens to leaders from this term on.
    pub(crate) fn listen_from(&self, term: u64) {
        self.inner.floor.store(term, Ordering::Release);
    }

    /// The newest term that it knows, and the index of the last entry in its log.
    pub(crate) fn newest(&self) -> (u64, u64) {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        (metrics.vote.leader_id.term, metrics.last_log_index.unwrap_or(0))
    }

    /// Whether the log has nothing but, at most, the entry that founds the shard.
    pub(crate) fn is_blank(&self) -> bool {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        metrics.last_log_index.is_none_or(|last| last == 0) && metrics.snapshot.is_none()
    }

    /// Whether everything up to an index is applied, and an entry of the current leader's own term.
    pub(crate) fn has_everything(&self, upto: u64) -> bool {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let own_term = |id: &LogId| id.leader_id == metrics.vote.leader_id;
        metrics.vote.committed
            && metrics.last_applied.is_some_and(|id| own_term(&id) && id.index >= upto)
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.inner.raft.metrics().borrow_watched().running_state.is_err()
    }

    pub(crate) fn allow_votes(&self) {
        self.listen_from(0);
        self.inner.may_vote.store(true, Ordering::Release);
        self.inner.raft.runtime_config().elect(true);
    }

    /// Whether it sends heartbeats where it leads.
    pub(crate) fn speak(&self, aloud: bool) {
        self.inner.raft.runtime_config().heartbeat(aloud);
    }

    /// Where the replica stands.
    #[must_use]
    pub fn status(&self) -> ReplicaStatus {
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let role = match (&metrics.running_state, metrics.state) {
            (Err(_), _) | (_, ServerState::Shutdown) => "stopped",
            (_, ServerState::Leader) => "leader",
            (_, ServerState::Candidate) => "candidate",
            (_, ServerState::Follower) => "follower",
            (_, ServerState::Learner) => "learner",
        };
        let membership = metrics.membership_config.membership();
        let addr = |id: u64| membership.get_node(&id).map_or_else(String::new, |n| n.addr.clone());
        ReplicaStatus {
            role,
            leadership: self.leadership(),
            last_log_index: metrics.last_log_index.unwrap_or(0),
            applied_index: metrics.last_applied.map_or(0, |id| id.index),
            snapshot_index: metrics.snapshot.map_or(0, |id| id.index),
            purged_index: metrics.purged.map_or(0, |id| id.index),
            voters: membership.voter_ids().map(|id| (id, addr(id))).collect(),
        }
    }

    /// Founds the shard with these voters. Does nothing when the replica belongs to a shard already.
    ///
    /// # Errors
    /// When the replica has stopped.
    pub async fn found(&self, voters: BTreeMap<u64, String>) -> Result<(), Stopped> {
        if self.inner.raft.is_initialized().await.map_err(|_| Stopped)? {
            return Ok(());
        }
        let voters: BTreeMap<u64, BasicNode> =
            voters.into_iter().map(|(id, addr)| (id, BasicNode::new(addr))).collect();
        // The only other way to fail is that somebody was faster.
        let _ = self.inner.raft.initialize(voters).await;
        Ok(())
    }

    /// Who should lead after this replica: another voter that answers and has nearly everything; `turn`
    /// chooses among several. `None` where there is no other.
    #[must_use]
    pub fn successor(&self, turn: usize) -> Option<u64> {
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let voters = metrics.membership_config.membership().voter_ids();
        let now = TypeConfig::now();
        let candidate = |node: u64| {
            let matched = metrics.replication.as_ref().and_then(|matched| matched.get(&node));
            let heard = metrics.heartbeat.as_ref().and_then(|heard| heard.get(&node));
            Candidate {
                node,
                matched: matched.copied().flatten().map_or(0, |id| id.index),
                answers: heard
                    .and_then(|heard| heard.as_ref())
                    .is_some_and(|heard| now < heard.into_inner() + self.inner.lease),
            }
        };
        let others = voters.filter(|&node| node != self.inner.node_id);
        successor::choose(others.map(candidate).collect(), turn)
    }

    /// Asks another voter to lead. Until the term changes nothing is answered from memory.
    ///
    /// # Errors
    /// When the replica has stopped.
    pub async fn hand_over(&self, to: u64) -> Result<(), Stopped> {
        self.inner.handing_over.store(self.leadership().term, Ordering::Release);
        self.inner.raft.trigger().transfer_leader(to).await.map_err(|_| Stopped)
    }

    /// Writes a snapshot and then purges the log up to the snapshot before it, so that the older of the
    /// two generations can still be brought up to date. Returns the index at which the snapshot stands.
    ///
    /// # Errors
    /// When the replica has stopped or the snapshot does not come about within `timeout`.
    pub async fn write_snapshot(&self, timeout: Duration) -> Result<u64, Stopped> {
        let raft = &self.inner.raft;
        let (before, applied) = {
            let metrics = raft.metrics();
            let metrics = metrics.borrow_watched();
            (metrics.snapshot.map(|id| id.index), metrics.last_applied.map(|id| id.index))
        };
        if applied.is_none() || before >= applied {
            return Ok(before.unwrap_or(0));
        }
        raft.trigger().snapshot().await.map_err(|_| Stopped)?;
        let newer = |m: &openraft::RaftMetrics<TypeConfig>| m.snapshot.map(|id| id.index) > before;
        let metrics = raft.wait(Some(timeout)).metrics(newer, "a newer snapshot").await;
        let metrics = metrics.map_err(|_| Stopped)?;
        if let Some(before) = before {
            raft.trigger().purge_log(before).await.map_err(|_| Stopped)?;
        }
        Ok(metrics.snapshot.map_or(0, |id| id.index))
    }

    /// Completes when the replica has stopped by itself; says why.
    pub async fn failed(&self) -> String {
        let mut metrics = self.inner.raft.metrics();
        loop {
            if let Err(fatal) = &metrics.borrow_and_update().running_state {
                return fatal.to_string();
            }
            if metrics.changed().await.is_err() {
                return "the replica's core has gone".to_owned();
            }
        }
    }

    /// Completes when leadership, the applied index or the membership may have changed.
    pub fn changes(&self) -> impl Future<Output = bool> + Send + 'static + use<M> {
        let mut metrics = self.inner.raft.server_metrics();
        drop(metrics.borrow_and_update());
        async move { metrics.changed().await.is_ok() }
    }

    /// Stops the replica.
    pub async fn stop(&self) {
        // The tasks end in any case; a panic in one of them is logged where it happens.
        let _ = self.inner.raft.shutdown().await;
    }
}

impl<M: Machine> ShardLog for Replica<M> {
    fn propose(&self, payload: Bytes, failed: OnFailure) -> BoxFuture<'_, Result<(), Stopped>> {
        let done = OnComplete(Box::new(move |result: WriteResult| match result {
            Ok(_) => {}
            Err(ClientWriteError::ForwardToLeader(to)) => {
                failed(ProposeError::NotLeader(to.leader_id));
            }
            Err(_) => failed(ProposeError::Unknown),
        }));
        let write = self.inner.raft.client_write_ff(Payload(payload), Some(done));
        Box::pin(async move { write.await.map_err(|_| Stopped) })
    }

    fn leadership(&self) -> Leadership {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let term = metrics.vote.leader_id.term;
        let leads = metrics.state == ServerState::Leader
            && metrics.vote.committed
            && metrics.vote.leader_id.node_id == self.inner.node_id
            && metrics.running_state.is_ok();
        // The only voter is a quorum by itself: there is nobody whom openraft would ask.
        let is_alone = metrics.membership_config.membership().voter_ids().nth(1).is_none();
        let confirmed = is_alone
            || metrics
                .last_quorum_acked
                .is_some_and(|acked| TypeConfig::now() < acked.into_inner() + self.inner.lease);
        let caught_up =
            metrics.last_applied.is_some_and(|id| id.leader_id == metrics.vote.leader_id);
        let handing_over = leads && self.inner.handing_over.load(Ordering::Acquire) == term;
        Leadership {
            leader: metrics.current_leader,
            term,
            leads,
            confirmed: leads && confirmed,
            may_answer: leads && confirmed && caught_up && !handing_over,
            handing_over,
        }
    }

    fn leadership_moves(&self) -> BoxFuture<'static, ()> {
        // Not the smaller set of server metrics: it is published before the one that is looked at.
        let mut metrics = self.inner.raft.metrics();
        drop(metrics.borrow_and_update());
        Box::pin(async move {
            if metrics.changed().await.is_err() {
                // A replica that has stopped moves no more.
                std::future::pending::<()>().await;
            }
        })
    }
}
