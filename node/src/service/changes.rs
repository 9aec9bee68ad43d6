//! `Changes`: watching a trip.

use actors::ids::TripId;
use actors::seat_map::Span;
use actors::watch::WatchEvent;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use proto::ids::ShardId;
use proto::pb::changes_server::Changes;
use proto::pb::watch_response::Event;
use proto::pb::{self, Problem};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::status::{NodeState, closed};
use crate::wire;

/// Serves `seatgrid.v1.Changes`.
pub(crate) struct ChangesService {
    node: NodeState,
}

impl ChangesService {
    pub(crate) fn new(node: NodeState) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl Changes for ChangesService {
    type WatchStream = BoxStream<'static, Result<pb::WatchResponse, Status>>;

    async fn watch(
        &self,
        request: Request<pb::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let request = request.into_inner();
        let trip = wire::trip_id(&request.trip_id).map_err(Problem::into_status)?;
        let handle = &self.node.shards.of(&trip).handle;
        let shard = handle.shard();
        let has = (request.from_version > 0).then_some(request.from_version);
        let events = handle.watch(trip.clone(), has).await;
        let hint = |leader| self.node.shards.hint(shard, leader);
        let events = events.map_err(|e| wire::read_problem(e, hint).into_status())?;
        let events = ReceiverStream::new(events).map(move |event| encode(event, &trip, shard));
        let closing = closed(self.node.closing.clone());
        Ok(Response::new(events.take_until(closing).boxed()))
    }
}

fn encode(event: WatchEvent, trip: &TripId, shard: ShardId) -> Result<pb::WatchResponse, Status> {
    let event = match event {
        WatchEvent::Snapshot(map) => {
            let view = wire::trip_view(&map, trip, shard, Span::Whole, true);
            Event::Snapshot(view.map_err(Problem::into_status)?)
        }
        WatchEvent::Change(change, layout) => Event::Change(wire::change(&change, shard, &layout)),
    };
    Ok(pb::WatchResponse { event: Some(event) })
}
