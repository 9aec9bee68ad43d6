//! `Faults`: what may be ordered to go wrong.

use std::time::Duration;

use actors::ask::{Answer, Ask, NEVER, Waiter};
use actors::seat_map::{Command, CommandBody, ExpireNow, Reply};
use proto::pb::faults_server::Faults as Service;
use proto::pb::order_fault_request::Effect;
use proto::pb::pipeline_reply::Reply as Wire;
use proto::pb::{self, Code, Problem};
use raft::ShardLog as _;
use tonic::{Request, Response, Status};
use tracing::warn;

use super::answers::{One, encode};
use crate::faults::is_meant;
use crate::status::NodeState;
use crate::wire;

/// What the metadata `authorization` begins with.
const BEARER: &str = "Bearer ";

/// Serves `seatgrid.v1.Faults`.
pub(crate) struct FaultsService {
    node: NodeState,
}

impl FaultsService {
    pub(crate) fn new(node: NodeState) -> Self {
        Self { node }
    }

    fn admit<T>(&self, request: Request<T>) -> Result<T, Status> {
        let presented = request.metadata().get("authorization");
        let presented = presented.and_then(|value| value.to_str().ok()?.strip_prefix(BEARER));
        self.node.faults.admit(presented).map_err(Problem::into_status)?;
        Ok(request.into_inner())
    }
}

#[tonic::async_trait]
impl Service for FaultsService {
    async fn order_fault(
        &self,
        request: Request<pb::OrderFaultRequest>,
    ) -> Result<Response<pb::OrderFaultResponse>, Status> {
        let order = self.admit(request)?;
        let of_leaders = matches!(order.effect, Some(Effect::ChangeLeaders(_)));
        let fault = self.node.faults.order(order).map_err(Problem::into_status)?;
        warn!(fault = fault.fault_id, order = ?fault.order, "a fault was ordered");
        if of_leaders {
            tokio::spawn(change_leaders(self.node.clone(), fault.fault_id));
        }
        Ok(Response::new(pb::OrderFaultResponse { fault: Some(fault) }))
    }

    async fn list_faults(
        &self,
        request: Request<pb::ListFaultsRequest>,
    ) -> Result<Response<pb::ListFaultsResponse>, Status> {
        self.admit(request)?;
        let faults = self.node.faults.list();
        Ok(Response::new(pb::ListFaultsResponse { node_id: self.node.id, faults }))
    }

    async fn end_fault(
        &self,
        request: Request<pb::EndFaultRequest>,
    ) -> Result<Response<pb::EndFaultResponse>, Status> {
        let id = self.admit(request)?.fault_id;
        let ended = self.node.faults.end(id);
        warn!(fault = id, ended, "ordered faults were ended");
        let ended = u32::try_from(ended).unwrap_or(u32::MAX);
        Ok(Response::new(pb::EndFaultResponse { ended }))
    }

    async fn expire_now(
        &self,
        request: Request<pb::ExpireNowRequest>,
    ) -> Result<Response<pb::ExpireNowResponse>, Status> {
        let request = self.admit(request)?;
        let trip = wire::trip_id(&request.trip_id).map_err(Problem::into_status)?;
        let named = (!request.hold_id.is_empty()).then(|| wire::hold_id(&request.hold_id));
        let hold = named.transpose().map_err(Problem::into_status)?;
        warn!(%trip, ?hold, "holds were told to expire");
        let shard = self.node.shards.of(&trip);
        let (sink, answer) = One::new();
        let body = CommandBody::ExpireNow(ExpireNow { hold });
        let command = Command { id: wire::new_command_id(), body };
        let waiter = Waiter { sink, tag: 0 };
        shard.handle.admit(vec![Ask {
            trip,
            command,
            waiter,
            resent: true,
            wanted_until_ms: NEVER,
        }]);
        let stopped = || Problem::new(Code::ShuttingDown, "the node is stopping").into_status();
        match answer.await.map_err(|_| stopped())? {
            Answer::Decided { outcome: Ok(Reply::Expired { count }), .. } => {
                Ok(Response::new(pb::ExpireNowResponse { expired: count }))
            }
            answer => match encode(&self.node.shards, shard.handle.shard(), answer, true) {
                Wire::Problem(problem) => Err((*problem).into_status()),
                _ => Err(super::inventory::mixed_up()),
            },
        }
    }
}

/// Hands shards over that this node leads, until the order ends.
async fn change_leaders(node: NodeState, fault: u64) {
    let mut turn = 0;
    while let Some(order) = node.faults.leaders_to_change(fault) {
        let shards = u32::try_from(node.shards.count()).unwrap_or(u32::MAX);
        for shard in node.shards.iter().filter(|s| is_meant(&order, s.handle.shard(), shards)) {
            let leads = shard.replica.leadership().leads;
            if let Some(to) = shard.replica.successor(turn).filter(|_| leads) {
                // A replica that has stopped leads nothing.
                let _ = shard.replica.hand_over(to).await;
                node.faults.met_leader(fault);
            }
        }
        turn += 1;
        tokio::time::sleep(order.every).await;
    }
}

/// Keeps a caller waiting whose answer is lost, for as long as a patient one waits.
pub(super) async fn silence(longest: Duration) -> Status {
    tokio::time::sleep(longest).await;
    Problem::new(Code::UnknownOutcome, "a fault was ordered: the answer is lost").into_status()
}
