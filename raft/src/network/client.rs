//! What openraft calls to reach one replica of one group.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use openraft::errors::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{Backoff, RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesResponse, SnapshotResponse, StreamAppendError, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::SnapshotOf;
use openraft::{BasicNode, RPCTypes};
use parking_lot::Mutex;
use proto::pb;
use tokio::time::Instant;

use super::link::{Link, Session};
use super::riding::Riding;
use super::shared::Shared;
use super::snapshot_parts::send_snapshot;
use super::{LinkError, Transport};
use crate::codec;
use crate::log_store::LogStore;
use crate::snapshot::SnapshotView;
use crate::types::{AppendRequest, AppendResult, TypeConfig, Vote};
use crate::wal::GroupId;

/// Pause before a peer that is not connected is tried again, where openraft makes none.
const AWAY_PAUSE: Duration = Duration::from_millis(50);

/// How long a vote may take before the candidate goes on without it.
const VOTE_TIMEOUT: Duration = Duration::from_millis(500);

type RpcError = RPCError<TypeConfig>;

/// The links of a node, one per peer, shared by all groups.
#[derive(Debug)]
pub struct Links {
    cluster_id: String,
    node_id: u64,
    transport: Arc<dyn Transport>,
    links: Mutex<BTreeMap<u64, Arc<Link>>>,
}

impl Links {
    /// No links yet; each starts when a group first needs it.
    pub fn new(cluster_id: String, node_id: u64, transport: Arc<dyn Transport>) -> Arc<Self> {
        Arc::new(Self { cluster_id, node_id, transport, links: Mutex::default() })
    }

    /// What a peer's replica of a group remembers; `None` when it does not answer.
    pub(crate) async fn recall(
        &self,
        group: GroupId,
        peer: u64,
        addr: &str,
    ) -> Option<pb::RecallResponse> {
        let (cluster_id, from) = (self.cluster_id.clone(), self.node_id);
        let envelope = Some(pb::Envelope { cluster_id, from, to: peer, group });
        let asked = self.transport.recall(addr, pb::RecallRequest { envelope });
        tokio::time::timeout(VOTE_TIMEOUT, asked).await.ok()?.ok()
    }

    fn link(&self, peer: u64, addr: &str) -> Arc<Link> {
        let mut links = self.links.lock();
        let start = || Link::start(peer, addr, Arc::clone(&self.transport));
        Arc::clone(links.entry(peer).or_insert_with(start))
    }
}

/// Makes the clients of one group.
pub struct GroupNetwork {
    /// The node's links.
    pub links: Arc<Links>,
    /// The group.
    pub group: GroupId,
    /// The group's log here.
    pub(crate) log: LogStore,
    /// See [`RaftConfig::shared_for`](crate::config::RaftConfig::shared_for).
    pub(crate) shared_for: Duration,
}

impl RaftNetworkFactory<TypeConfig> for GroupNetwork {
    type Network = PeerClient;

    async fn new_client(&mut self, target: u64, node: &BasicNode) -> PeerClient {
        PeerClient {
            link: self.links.link(target, &node.addr),
            transport: Arc::clone(&self.links.transport),
            addr: node.addr.clone(),
            target,
            log: self.log.clone(),
            shared: Shared::new(self.shared_for),
            shared_for: self.shared_for,
            envelope: pb::Envelope {
                cluster_id: self.links.cluster_id.clone(),
                from: self.links.node_id,
                to: target,
                group: self.group,
            },
        }
    }
}

/// One replica of one group, seen from here.
pub struct PeerClient {
    link: Arc<Link>,
    transport: Arc<dyn Transport>,
    addr: String,
    target: u64,
    log: LogStore,
    shared: Shared,
    shared_for: Duration,
    envelope: pb::Envelope,
}

fn unreachable(error: &LinkError) -> RpcError {
    RPCError::Unreachable(Unreachable::new(error))
}

fn broken() -> RpcError {
    RPCError::Network(NetworkError::from_string("the stream to the peer broke"))
}

impl PeerClient {
    fn frame(&self, request: AppendRequest) -> pb::ReplicateRequest {
        pb::ReplicateRequest {
            envelope: Some(self.envelope.clone()),
            session: 0,
            vote: Some(codec::vote_to_wire(&request.vote)),
            prev: request.prev_log_id.map(codec::log_id_to_wire),
            leader_commit: request.leader_commit.map(codec::log_id_to_wire),
            entries: request.entries.iter().map(codec::encode_entry).collect(),
            end: false,
        }
    }
}

/// What a session is doing.
struct Running<'s, S> {
    client: &'s mut PeerClient,
    session: Session,
    input: S,
    riding: Riding,
    /// Requests sent whose answer has not come.
    waiting: usize,
    /// No more requests follow.
    drained: bool,
    failed: bool,
}

impl<S: Stream<Item = AppendRequest> + Unpin> Running<'_, S> {
    /// Sends requests as they come until the next answer. One that rides with the next has none of its own:
    /// openraft takes the answer to a later request for those before it.
    async fn next(&mut self) -> Option<Result<AppendResult, RpcError>> {
        loop {
            if self.failed {
                return None;
            }
            if self.drained
                && let Some(last) = self.riding.take()
                && let Err(result) = self.send(last).await
            {
                return Some(result);
            }
            if self.drained && self.waiting == 0 {
                return None;
            }
            let held_until = self.riding.until();
            tokio::select! {
                biased;
                answer = self.session.answer() => {
                    let result = answer.map_or_else(|| Err(broken()), read_answer);
                    self.waiting = self.waiting.saturating_sub(1);
                    self.failed = !matches!(result, Ok(Ok(_)));
                    return Some(result);
                }
                request = self.input.next(), if !self.drained => match request {
                    None => self.drained = true,
                    Some(request) => {
                        if let Err(result) = self.ask_what_is_shared(&request).await {
                            self.failed = true;
                            return Some(result);
                        }
                        if self.waiting == 0
                            && let Some(has) = self.client.shared.answer(&request)
                        {
                            return Some(Ok(Ok(Some(has))));
                        }
                        if let Some(request) = self.riding.pass(request)
                            && let Err(result) = self.send(request).await
                        {
                            return Some(result);
                        }
                    }
                },
                () = until(held_until) => {
                    if let Some(request) = self.riding.take()
                        && let Err(result) = self.send(request).await
                    {
                        return Some(result);
                    }
                }
            }
        }
    }

    async fn send(&mut self, request: AppendRequest) -> Result<(), Result<AppendResult, RpcError>> {
        self.waiting += 1;
        if self.session.send(self.client.frame(request)).await {
            return Ok(());
        }
        self.failed = true;
        Err(Err(broken()))
    }
}

impl<S> Running<'_, S> {
    /// Asks once in a leadership what the follower shares. `Err`: what openraft is to be told.
    async fn ask_what_is_shared(
        &mut self,
        request: &AppendRequest,
    ) -> Result<(), Result<AppendResult, RpcError>> {
        if self.waiting > 0 {
            return Ok(());
        }
        let PeerClient { shared, log, .. } = &mut *self.client;
        let Some(last) = shared.question(request, log) else { return Ok(()) };
        let question = AppendRequest {
            vote: request.vote,
            prev_log_id: Some(last),
            entries: Vec::new(),
            leader_commit: None,
        };
        let asked = Instant::now();
        if !self.session.send(self.client.frame(question)).await {
            return Err(Err(broken()));
        }
        match self.session.answer().await.map_or_else(|| Err(broken()), read_answer) {
            Ok(Ok(_)) => self.client.shared.has(last, asked),
            // It has to be looked for, in a new session: a conflict ends one.
            Ok(Err(StreamAppendError::Conflict(_))) => {
                self.session = self.client.link.open().ok_or_else(|| Err(broken()))?;
            }
            told => return Err(told),
        }
        Ok(())
    }
}

/// Until a moment, or for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn read_answer(answer: pb::ReplicateResponse) -> Result<AppendResult, RpcError> {
    use pb::replicate_response::Result as Answer;
    match answer.result {
        Some(Answer::Matched(id)) => Ok(Ok(Some(codec::log_id_from_wire(id)))),
        Some(Answer::MatchedNothing(_)) => Ok(Ok(None)),
        Some(Answer::Conflict(id)) => {
            Ok(Err(StreamAppendError::Conflict(codec::log_id_from_wire(id))))
        }
        Some(Answer::HigherVote(vote)) => {
            Ok(Err(StreamAppendError::HigherVote(codec::vote_from_wire(vote))))
        }
        Some(Answer::Error(error)) => Err(unreachable(&LinkError(error))),
        None => Err(RPCError::Network(NetworkError::from_string("the peer sent an empty answer"))),
    }
}

impl RaftNetworkV2<TypeConfig> for PeerClient {
    type SnapshotData = SnapshotView;

    async fn append_entries(
        &mut self,
        request: AppendRequest,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        let once = futures::stream::iter([request]);
        let mut answers = self.stream_append(once, option).await?;
        match answers.next().await {
            Some(answer) => Ok(answer?.into()),
            None => Err(broken()),
        }
    }

    fn stream_append<'s, S>(
        &'s mut self,
        mut input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<AppendResult, RpcError>>, RpcError>>
    where
        S: Stream<Item = AppendRequest> + Send + Unpin + 'static,
    {
        Box::pin(async move {
            let (mut session, mut first) = (self.link.open(), None);
            if session.is_none() {
                // openraft pauses after an error where it makes the next request, and nowhere else. Who
                // asks for none is called again at once, and so is who gets none: openraft ends the
                // requests when it has heard of the error before this one, and begins anew.
                first = input.next().await;
                match first {
                    // The peer may have come back meanwhile.
                    Some(_) => session = self.link.open(),
                    None => tokio::time::sleep(AWAY_PAUSE).await,
                }
            }
            let Some(session) = session else {
                return Err(unreachable(&LinkError(format!("{} is not connected", self.addr))));
            };
            let (riding, waiting) = (Riding::new(self.shared_for), 0);
            let (client, input) = (self, futures::stream::iter(first).chain(input));
            let (drained, failed) = (false, false);
            let running = Running { client, session, input, riding, waiting, drained, failed };
            let answers = futures::stream::unfold(running, |mut running| async move {
                running.next().await.map(|answer| (answer, running))
            });
            Ok(answers.boxed())
        })
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        self.ask_for_vote(rpc, &option, false).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        self.ask_for_vote(rpc, &option, true).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<TypeConfig, SnapshotView>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let parts = send_snapshot(self.envelope.clone(), vote, snapshot.snapshot);
        let send = self.transport.install_snapshot(&self.addr, parts);
        let answer = tokio::select! {
            biased;
            closed = cancel => return Err(StreamingError::Closed(closed)),
            answer = send => answer,
        };
        let answer = answer.map_err(|e| StreamingError::Unreachable(Unreachable::new(&e)))?;
        let vote = answer.vote.map_or(vote, codec::vote_from_wire);
        Ok(SnapshotResponse::new(vote))
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        let request = pb::HandOverRequest {
            envelope: Some(self.envelope.clone()),
            from_leader: Some(codec::vote_to_wire(request.from_leader())),
            last: request.last_log_id().copied().map(codec::log_id_to_wire),
            to: *request.to_node_id(),
        };
        let answer = self.transport.hand_over(&self.addr, request).await;
        let refused = answer.map_err(|e| unreachable(&e))?.refused;
        if refused.is_empty() {
            return Ok(Ok(()));
        }
        Err(RPCError::Network(NetworkError::from_string(refused)))
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(AWAY_PAUSE)))
    }
}

impl PeerClient {
    async fn ask_for_vote(
        &self,
        rpc: VoteRequest<TypeConfig>,
        option: &RPCOption,
        pre_vote: bool,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let request = pb::VoteRequest {
            envelope: Some(self.envelope.clone()),
            vote: Some(codec::vote_to_wire(&rpc.vote)),
            last: rpc.last_log_id.map(codec::log_id_to_wire),
            leadership_transfer: rpc.leadership_transfer,
            pre_vote,
        };
        let timeout = option.hard_ttl().min(VOTE_TIMEOUT);
        let call = tokio::time::timeout(timeout, self.transport.vote(&self.addr, request));
        let answer = call.await.map_err(|_| {
            RPCError::Timeout(Timeout {
                action: RPCTypes::Vote,
                id: self.envelope.from,
                target: self.target,
                timeout,
            })
        })?;
        let answer = answer.map_err(|e| unreachable(&e))?;
        let vote = answer.vote.map_or(rpc.vote, codec::vote_from_wire);
        let last = answer.last.map(codec::log_id_from_wire);
        Ok(VoteResponse::new(vote, last, answer.granted))
    }
}
