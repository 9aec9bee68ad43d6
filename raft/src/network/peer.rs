//! The answering side: frames of any group in, what the group's replica says out.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use openraft::raft::{StreamAppendError, TransferLeaderRequest, VoteRequest};
use parking_lot::RwLock;
use proto::pb;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, UnboundedReceiverStream};

use super::{Inbound, LINK_QUEUE_FRAMES, LinkError};
use crate::codec;
use crate::group::Replica;
use crate::machine::{Machine, open_view};
use crate::snapshot::{Manifest, SnapshotView, SnapshotWriter};
use crate::types::{AppendRequest, AppendResult};
use crate::wal::GroupId;

/// Answers peers for every group of a node.
#[derive(Debug)]
pub struct PeerHandler<M: Machine> {
    cluster_id: String,
    node_id: u64,
    groups: RwLock<BTreeMap<GroupId, Replica<M>>>,
    closing: watch::Sender<bool>,
}

impl<M: Machine> PeerHandler<M> {
    /// Knows no groups yet.
    pub fn new(cluster_id: String, node_id: u64) -> Arc<Self> {
        let (groups, closing) = (RwLock::default(), watch::Sender::new(false));
        Arc::new(Self { cluster_id, node_id, groups, closing })
    }

    /// Ends every stream: peers see at once that this node is gone.
    pub fn close(&self) {
        self.closing.send_replace(true);
        self.groups.write().clear();
    }

    pub(crate) fn add(&self, replica: Replica<M>) {
        self.groups.write().insert(replica.group(), replica);
    }

    /// The replica that a message is for. A message for another node or cluster is refused: a node that
    /// was set up with the wrong address must not disturb this one.
    fn addressed(&self, envelope: Option<&pb::Envelope>) -> Result<Replica<M>, LinkError> {
        let envelope = envelope.ok_or_else(|| LinkError("the message has no envelope".into()))?;
        if envelope.cluster_id != self.cluster_id || envelope.to != self.node_id {
            return Err(LinkError(format!(
                "the message is for node {} of cluster {:?}, this is node {} of {:?}",
                envelope.to, envelope.cluster_id, self.node_id, self.cluster_id
            )));
        }
        let groups = self.groups.read();
        let replica = groups.get(&envelope.group).cloned();
        replica.ok_or_else(|| LinkError(format!("shard {} is not here", envelope.group)))
    }

    /// Serves one peer's replication stream until it ends.
    pub fn replicate(
        self: &Arc<Self>,
        inbound: Inbound<pb::ReplicateRequest>,
    ) -> BoxStream<'static, pb::ReplicateResponse> {
        let (answers, out) = mpsc::channel(LINK_QUEUE_FRAMES);
        tokio::spawn(Arc::clone(self).serve(inbound, answers));
        ReceiverStream::new(out).boxed()
    }

    async fn serve(
        self: Arc<Self>,
        mut inbound: Inbound<pb::ReplicateRequest>,
        answers: mpsc::Sender<pb::ReplicateResponse>,
    ) {
        let mut sessions: BTreeMap<u64, Serving<M>> = BTreeMap::new();
        let mut closing = self.closing.subscribe();
        loop {
            let frame = tokio::select! {
                biased;
                frame = inbound.next() => frame,
                // Whether it closes or has gone: the stream ends.
                _ = closing.wait_for(|&closing| closing) => return,
            };
            let Some(Ok(frame)) = frame else { return };
            let session = frame.session;
            if frame.end {
                sessions.remove(&session);
                continue;
            }
            let serving = match sessions.entry(session) {
                Entry::Occupied(open) => open.into_mut(),
                Entry::Vacant(new) => match self.addressed(frame.envelope.as_ref()) {
                    Ok(replica) => {
                        let requests = start_session(replica.clone(), session, answers.clone());
                        new.insert(Serving { replica, requests })
                    }
                    Err(error) => {
                        refuse(&answers, session, error).await;
                        continue;
                    }
                },
            };
            match read_request(frame) {
                Ok(request) if !serving.replica.listens_to(request.vote.leader_id.term) => {
                    refuse(&answers, session, not_listening()).await;
                }
                // A session whose replica has gone ends by itself.
                Ok(request) => drop(serving.requests.send(request)),
                Err(error) => refuse(&answers, session, LinkError(error.to_string())).await,
            }
        }
    }

    /// Answers a vote or pre-vote.
    ///
    /// # Errors
    /// When the message is not for this node, or the replica may not vote.
    pub async fn vote(&self, request: pb::VoteRequest) -> Result<pb::VoteResponse, LinkError> {
        let replica = self.addressed(request.envelope.as_ref())?;
        if !replica.may_vote() {
            return Err(LinkError("the replica is being rebuilt and may not vote yet".into()));
        }
        let vote = request.vote.ok_or_else(|| LinkError("the request has no vote".into()))?;
        let mut rpc = VoteRequest::new(
            codec::vote_from_wire(vote),
            request.last.map(codec::log_id_from_wire),
        );
        rpc.leadership_transfer = request.leadership_transfer;
        let raft = replica.raft();
        let answer = if request.pre_vote { raft.pre_vote(rpc).await } else { raft.vote(rpc).await };
        let answer = answer.map_err(|e| LinkError(e.to_string()))?;
        Ok(pb::VoteResponse {
            vote: Some(codec::vote_to_wire(&answer.vote)),
            granted: answer.vote_granted,
            last: answer.last_log_id.map(codec::log_id_to_wire),
        })
    }

    /// Takes leadership over, if this node is to lead and its log is complete.
    ///
    /// # Errors
    /// When the message is not for this node.
    pub async fn hand_over(
        &self,
        request: pb::HandOverRequest,
    ) -> Result<pb::HandOverResponse, LinkError> {
        let replica = self.addressed(request.envelope.as_ref())?;
        let from =
            request.from_leader.ok_or_else(|| LinkError("the request has no vote".into()))?;
        let from = codec::vote_from_wire(from);
        if !replica.listens_to(from.leader_id.term) {
            return Err(not_listening());
        }
        let last = request.last.map(codec::log_id_from_wire);
        let rpc = TransferLeaderRequest::new(from, request.to, last);
        let answer = replica.raft().handle_transfer_leader(rpc).await;
        let refused = match answer {
            Ok(Ok(())) => String::new(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => return Err(LinkError(error.to_string())),
        };
        Ok(pb::HandOverResponse { refused })
    }

    /// Says what the replica here remembers.
    ///
    /// # Errors
    /// When the message is not for this node.
    pub fn recall(&self, request: &pb::RecallRequest) -> Result<pb::RecallResponse, LinkError> {
        let replica = self.addressed(request.envelope.as_ref())?;
        let (term, last_index) = replica.newest();
        let (blank, whole) = (replica.is_blank(), replica.may_vote());
        Ok(pb::RecallResponse { blank, whole, term, last_index })
    }

    /// Stages a peer's snapshot in the own store; it counts once openraft has it installed. openraft passes
    /// over one that is older than what is committed here.
    ///
    /// # Errors
    /// When the snapshot is cut off or cannot be written.
    pub async fn install_snapshot(
        &self,
        mut parts: Inbound<pb::InstallSnapshotRequest>,
    ) -> Result<pb::InstallSnapshotResponse, LinkError> {
        let first = parts.next().await.transpose()?.and_then(|part| part.part);
        let Some(pb::install_snapshot_request::Part::Header(header)) = first else {
            return Err(LinkError("a snapshot begins with its header".into()));
        };
        let replica = self.addressed(header.envelope.as_ref())?;
        let vote = header.vote.ok_or_else(|| LinkError("the snapshot has no vote".into()))?;
        let vote = codec::vote_from_wire(vote);
        if !replica.listens_to(vote.leader_id.term) {
            return Err(not_listening());
        }
        let view = staged_view(&replica, header, parts).await?;
        let snapshot = open_view(view).map_err(|e| LinkError(e.to_string()))?;
        let answer = replica.raft().install_full_snapshot(vote, snapshot);
        let answer = answer.await.map_err(|e| LinkError(e.to_string()))?;
        Ok(pb::InstallSnapshotResponse { vote: Some(codec::vote_to_wire(&answer.vote)) })
    }
}

/// A session that is open.
struct Serving<M: Machine> {
    replica: Replica<M>,
    requests: mpsc::UnboundedSender<AppendRequest>,
}

fn not_listening() -> LinkError {
    LinkError("the replica is being rebuilt and does not listen to a leader of this term".into())
}

/// A peer's snapshot, staged in the own store; or the newest there, if it is at least as new.
async fn staged_view<M: Machine>(
    replica: &Replica<M>,
    header: pb::SnapshotHeader,
    mut parts: Inbound<pb::InstallSnapshotRequest>,
) -> Result<SnapshotView, LinkError> {
    let begun = replica.snapshots().begin().await;
    let mut writer = begun.map_err(|e| LinkError(e.to_string()))?;
    let current = replica.snapshots().current();
    let as_new = |view: &SnapshotView| {
        view.manifest().last.map(|id| id.index) >= header.last.map(|id| id.index)
    };
    if let Some(view) = current.filter(as_new) {
        return Ok(view);
    }
    receive_records(&mut parts, &mut writer).await?;
    writer.remove_others().map_err(|e| LinkError(e.to_string()))?;
    let manifest = Manifest {
        last: header.last,
        membership_at: header.membership_at,
        membership: header.membership,
    };
    writer.stage(manifest).await.map_err(|e| LinkError(e.to_string()))
}

async fn receive_records(
    parts: &mut Inbound<pb::InstallSnapshotRequest>,
    writer: &mut SnapshotWriter,
) -> Result<(), LinkError> {
    while let Some(part) = parts.next().await.transpose()? {
        let Some(pb::install_snapshot_request::Part::Records(records)) = part.part else {
            return Err(LinkError("records of a snapshot were expected".into()));
        };
        for record in &records.records {
            writer.put(&record.key, &record.value).map_err(|e| LinkError(e.to_string()))?;
        }
        if records.complete {
            return Ok(());
        }
    }
    Err(LinkError("the snapshot was cut off".into()))
}

async fn refuse(answers: &mpsc::Sender<pb::ReplicateResponse>, session: u64, error: LinkError) {
    let result = Some(pb::replicate_response::Result::Error(error.0));
    // When nobody listens any more the session is over anyway.
    let _ = answers.send(pb::ReplicateResponse { session, result }).await;
}

/// Feeds a session's requests to openraft and sends its answers back.
fn start_session<M: Machine>(
    replica: Replica<M>,
    session: u64,
    answers: mpsc::Sender<pb::ReplicateResponse>,
) -> mpsc::UnboundedSender<AppendRequest> {
    // Unbounded, but the sender's openraft bounds the requests in flight.
    let (requests, stream) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let results = replica.raft().stream_append(UnboundedReceiverStream::new(stream));
        let mut results = std::pin::pin!(results);
        while let Some(result) = results.next().await {
            let result = match result {
                Ok(result) => write_answer(result),
                Err(fatal) => pb::replicate_response::Result::Error(fatal.to_string()),
            };
            let response = pb::ReplicateResponse { session, result: Some(result) };
            if answers.send(response).await.is_err() {
                return;
            }
        }
    });
    requests
}

fn write_answer(result: AppendResult) -> pb::replicate_response::Result {
    use pb::replicate_response::Result as Answer;
    match result {
        Ok(Some(id)) => Answer::Matched(codec::log_id_to_wire(id)),
        Ok(None) => Answer::MatchedNothing(true),
        Err(StreamAppendError::Conflict(id)) => Answer::Conflict(codec::log_id_to_wire(id)),
        Err(StreamAppendError::HigherVote(vote)) => Answer::HigherVote(codec::vote_to_wire(&vote)),
    }
}

fn read_request(frame: pb::ReplicateRequest) -> Result<AppendRequest, codec::CodecError> {
    let prev = frame.prev.map(codec::log_id_from_wire);
    let first = prev.map_or(0, |id| id.index + 1);
    let entries = frame.entries.iter().zip(first..);
    let vote = frame.vote.ok_or_else(|| codec::missing("vote"))?;
    Ok(AppendRequest {
        vote: codec::vote_from_wire(vote),
        prev_log_id: prev,
        entries: entries
            .map(|(bytes, i)| codec::decode_entry(i, bytes))
            .collect::<Result<_, _>>()?,
        leader_commit: frame.leader_commit.map(codec::log_id_from_wire),
    })
}
