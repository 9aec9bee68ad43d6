//! What operators ask of nodes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proto::ids::{NodeId, ShardId};
use proto::pb;
use proto::pb::cluster_client::ClusterClient;
use tonic::transport::Channel;

use crate::attempt::{Attempts, Failure, Verdict};
use crate::call::timed;
use crate::client::Client;
use crate::error::Error;
use crate::node::{Node, with_scheme};
use crate::refresh;

/// How long a node may take to write the snapshots of all its replicas.
pub const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(300);

/// What a call to a node answers.
type Answer<T> = Result<tonic::Response<T>, tonic::Status>;

impl Client {
    /// The cluster as the first node that answers knows it.
    pub async fn topology(&self) -> Result<pb::GetTopologyResponse, Error> {
        let mut last = Error::Unavailable { message: "no node is known".into() };
        for node in self.shared.topology.nodes() {
            match refresh::ask(&node).await {
                Ok(view) => {
                    self.shared.topology.merge(&view)?;
                    return Ok(view);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// State of the node at `endpoint` and its replicas.
    pub async fn status(&self, endpoint: &str) -> Result<pb::GetStatusResponse, Error> {
        let node = self.node(endpoint)?;
        let mut cluster = cluster(&node);
        self.at(&node, cluster.get_status(pb::GetStatusRequest {})).await
    }

    /// Asks the leader of a shard to hand over, to `to` or to any other voter.
    pub async fn transfer_leader(&self, shard: ShardId, to: Option<NodeId>) -> Result<(), Error> {
        let to_node = to.map_or(0, NodeId::get);
        let request = pb::TransferLeaderRequest { shard: shard.get(), to_node };
        let call = move |node: Arc<Node>, left| async move {
            Ok(cluster(&node).transfer_leader(timed(request, left)).await?.into_inner())
        };
        // An election takes longer than a command.
        let patience = self.shared.options.deadline;
        self.shared.unary_within(patience, shard, call).await.map(drop)
    }

    /// Makes the node at `endpoint` write a snapshot of its replicas now. It takes as long as it takes to
    /// write what has changed, up to [`SNAPSHOT_PATIENCE`].
    pub async fn snapshot_now(&self, endpoint: &str) -> Result<pb::SnapshotNowResponse, Error> {
        let node = self.node(endpoint)?;
        let mut cluster = cluster(&node);
        let call = cluster.snapshot_now(pb::SnapshotNowRequest {});
        self.at_within(SNAPSHOT_PATIENCE, &node, call).await
    }

    /// Puts an audit mark into the log of a shard; returns its log index.
    pub async fn start_audit(&self, shard: ShardId) -> Result<u64, Error> {
        let request = pb::StartAuditRequest { shard: shard.get() };
        let call = move |node: Arc<Node>, left| async move {
            Ok(cluster(&node).start_audit(timed(request, left)).await?.into_inner())
        };
        Ok(self.shared.unary(shard, call).await?.index)
    }

    /// What the replica of the node at `endpoint` found at a mark.
    pub async fn get_audit(
        &self,
        endpoint: &str,
        shard: ShardId,
        index: u64,
    ) -> Result<pb::GetAuditResponse, Error> {
        let node = self.node(endpoint)?;
        let mut cluster = cluster(&node);
        let request = pb::GetAuditRequest { shard: shard.get(), index };
        self.at(&node, cluster.get_audit(request)).await
    }

    /// The node at an address: one that is known, or a new connection.
    pub(crate) fn node(&self, endpoint: &str) -> Result<Arc<Node>, Error> {
        let wanted = with_scheme(endpoint);
        let known = self.shared.topology.nodes();
        match known.into_iter().find(|node| node.endpoint == wanted) {
            Some(node) => Ok(node),
            None => Ok(Arc::new(Node::new(&wanted, &self.shared.options)?)),
        }
    }

    /// One call to one node, not repeated, within the deadline.
    pub(crate) async fn at<T>(
        &self,
        node: &Node,
        call: impl Future<Output = Answer<T>>,
    ) -> Result<T, Error> {
        self.at_within(self.shared.options.deadline, node, call).await
    }

    async fn at_within<T>(
        &self,
        patience: Duration,
        node: &Node,
        call: impl Future<Output = Answer<T>>,
    ) -> Result<T, Error> {
        let failure = match tokio::time::timeout(patience, call).await {
            Ok(Ok(answer)) => return Ok(answer.into_inner()),
            Ok(Err(status)) => Failure::from(status),
            Err(_) => Failure::Lost(crate::pipeline::Lost::TimedOut),
        };
        let mut attempts = Attempts::default();
        match attempts.judge(failure) {
            Verdict::Final(error) => Err(error),
            Verdict::Again { .. } => Err(attempts.give_up(&format!("asked {}", node.endpoint))),
        }
    }
}

fn cluster(node: &Node) -> ClusterClient<Channel> {
    ClusterClient::new(node.channel.clone())
}
