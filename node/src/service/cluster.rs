//! `Cluster`: what operators and clients ask about the cluster.

use std::time::Duration;

use proto::pb::cluster_server::Cluster;
use proto::pb::{self, Code, Problem};
use tonic::{Request, Response, Status};

use crate::shards::Shard;
use crate::status::NodeState;
use crate::wire;

/// How long a snapshot that was asked for may take.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves `seatgrid.v1.Cluster`.
pub(crate) struct ClusterService {
    node: NodeState,
}

impl ClusterService {
    pub(crate) fn new(node: NodeState) -> Self {
        Self { node }
    }

    fn shard(&self, number: u32) -> Result<&Shard, Status> {
        self.node.shards.get(number).ok_or_else(|| {
            let count = self.node.shards.count();
            let why = format!("there is no shard {number}, the cluster has {count}");
            Problem::invalid("shard", why).into_status()
        })
    }
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    async fn get_topology(
        &self,
        _request: Request<pb::GetTopologyRequest>,
    ) -> Result<Response<pb::GetTopologyResponse>, Status> {
        Ok(Response::new(self.node.topology()))
    }

    async fn get_status(
        &self,
        _request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        Ok(Response::new(self.node.status().await))
    }

    async fn transfer_leader(
        &self,
        request: Request<pb::TransferLeaderRequest>,
    ) -> Result<Response<pb::TransferLeaderResponse>, Status> {
        let request = request.into_inner();
        let shard = self.shard(request.shard)?;
        let status = shard.replica.status();
        if !status.leadership.leads {
            let problem = Problem {
                leader: self.node.shards.leader(shard.handle.shard(), status.leadership.leader),
                ..Problem::new(Code::NotLeader, "another node leads the shard")
            };
            return Err(problem.into_status());
        }
        let others = || status.voters.keys().copied().filter(|&id| id != self.node.id);
        let to = match request.to_node {
            0 => shard.replica.successor(0),
            to => others().find(|&id| id == to),
        };
        let to = to.ok_or_else(|| {
            let voters: Vec<u64> = others().collect();
            let why = format!("not another voter of the shard; these are: {voters:?}");
            Problem::invalid("to_node", why).into_status()
        })?;
        let stopped = |_| Problem::new(Code::ShuttingDown, "the replica has stopped").into_status();
        shard.replica.hand_over(to).await.map_err(stopped)?;
        Ok(Response::new(pb::TransferLeaderResponse {}))
    }

    async fn snapshot_now(
        &self,
        _request: Request<pb::SnapshotNowRequest>,
    ) -> Result<Response<pb::SnapshotNowResponse>, Status> {
        for shard in self.node.shards.iter() {
            let written = shard.replica.write_snapshot(SNAPSHOT_TIMEOUT).await;
            written.map_err(|_| {
                let shard = shard.handle.shard();
                let why = format!("the snapshot of shard {shard} was not written in time");
                Problem::new(Code::Unavailable, why).into_status()
            })?;
        }
        let replicas = self.node.status().await.replicas;
        Ok(Response::new(pb::SnapshotNowResponse { replicas }))
    }

    async fn start_audit(
        &self,
        request: Request<pb::StartAuditRequest>,
    ) -> Result<Response<pb::StartAuditResponse>, Status> {
        let shard = self.shard(request.into_inner().shard)?;
        let hint = |leader| self.node.shards.hint(shard.handle.shard(), leader);
        let index = shard.handle.start_audit().await;
        let index = index.map_err(|e| wire::failure_problem(e, hint).into_status())?;
        Ok(Response::new(pb::StartAuditResponse { index }))
    }

    async fn get_audit(
        &self,
        request: Request<pb::GetAuditRequest>,
    ) -> Result<Response<pb::GetAuditResponse>, Status> {
        let request = request.into_inner();
        let found = self.shard(request.shard)?.handle.audit(request.index).await;
        let Some(audit) = found else {
            return Ok(Response::new(pb::GetAuditResponse::default()));
        };
        Ok(Response::new(pb::GetAuditResponse {
            ready: true,
            index: audit.index,
            digest: audit.digest,
            trips: audit.trips,
            capacity_seat_legs: audit.tally.capacity,
            free_seat_legs: audit.tally.free,
            held_seat_legs: audit.tally.held,
            sold_seat_legs: audit.tally.sold,
            blocked_seat_legs: audit.tally.blocked,
            violations: audit.violations,
            fenced_trips: audit.fenced,
        }))
    }
}
