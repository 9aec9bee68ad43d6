//! `Inventory`: commands one by one, the pipeline, and reads.

use std::sync::Arc;
use std::time::Instant;

use actors::ask::{Ask, NEVER, Waiter};
use actors::line::is_followed;
use actors::seat_map::SeatMap;
use actors::seat_map::limits::{MAX_PLACES, MAX_ROWS, MAX_SEAT_NAME_BYTES, MAX_SEATS};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use proto::ids::{ShardId, TripId};
use proto::limits::MAX_PAGE_SIZE;
use proto::pb::inventory_server::Inventory;
use proto::pb::pipeline_command::Command as Wire;
use proto::pb::pipeline_reply::Reply;
use proto::pb::{self, Code, Problem};
use proto::pipeline::{Commands, Replies};
use tonic::{Request, Response, Status, Streaming};

use super::answers::{One, encode};
use super::{line, pipeline};
use crate::faults::{self, LONGEST_SILENCE, Met};
use crate::status::NodeState;
use crate::wire;

/// Trips on a page when the caller does not say.
const DEFAULT_PAGE_SIZE: u32 = 100;

/// All seat names of a streamed trip, at most, in bytes: those of the largest layout.
const MAX_SEAT_NAMES_BYTES: usize = MAX_SEATS * MAX_SEAT_NAME_BYTES;

/// Serves `seatgrid.v1.Inventory`.
pub(crate) struct InventoryService {
    node: NodeState,
}

impl InventoryService {
    pub(crate) fn new(node: NodeState) -> Self {
        Self { node }
    }

    /// Sends a command to its trip and waits for the answer. `resent`: see [`Ask`].
    async fn ask(&self, wire: Wire, resent: bool) -> Result<Reply, Status> {
        let came = Instant::now();
        let routed = wire::route(wire).map_err(Problem::into_status)?;
        let hold = if is_followed() { line::arrived(&routed) } else { None };
        let met = self.node.faults.meet(&routed);
        if met == Some(Met::Overloaded) {
            return Err(faults::overloaded().into_status());
        }
        let shard = self.node.shards.of(&routed.trip);
        if let Some(hold) = hold {
            line::routed(hold, &routed, shard.handle.shard());
        }
        let (sink, answer) = One::new();
        let waiter = Waiter { sink, tag: 0 };
        let (trip, command) = (routed.trip, routed.command);
        // When the caller's time is over, this future is dropped.
        let wanted_until_ms = NEVER;
        shard.handle.admit(vec![Ask { trip, command, waiter, resent, wanted_until_ms }]);
        let stopped = || Problem::new(Code::ShuttingDown, "the node is stopping").into_status();
        let answer = answer.await.map_err(|_| stopped())?;
        match met {
            Some(Met::Late(by)) => tokio::time::sleep(by).await,
            Some(Met::Lost) => return Err(super::faults::silence(LONGEST_SILENCE).await),
            _ => {}
        }
        self.node.traffic.answered(came);
        if let Some(hold) = hold {
            line::replied(hold, answer.code());
        }
        match encode(&self.node.shards, shard.handle.shard(), answer, true) {
            Reply::Problem(problem) => Err((*problem).into_status()),
            reply => Ok(reply),
        }
    }

    /// Looks at a trip.
    async fn look<T: Send + 'static>(
        &self,
        trip: TripId,
        mode: pb::ReadMode,
        look: impl FnOnce(&SeatMap, ShardId) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let handle = &self.node.shards.of(&trip).handle;
        let shard = handle.shard();
        let stale = mode == pb::ReadMode::Stale;
        let seen = handle.read(trip, stale, move |map| look(map, shard)).await;
        let hint = |leader| self.node.shards.hint(shard, leader);
        seen.unwrap_or_else(|failure| Err(wire::read_problem(failure, hint)))
            .map(Response::new)
            .map_err(Problem::into_status)
    }
}

/// What gRPC libraries say when they send a call again by themselves: how many attempts there were before.
const ATTEMPTS_KEY: &str = "grpc-previous-rpc-attempts";

/// Whether the caller has sent this call before.
fn is_resent<T>(request: &Request<T>) -> bool {
    request.metadata().get(ATTEMPTS_KEY).is_some_and(|attempts| attempts != "0")
}

/// A command's reply came back as something else: a defect of ours.
pub(super) fn mixed_up() -> Status {
    Problem::new(Code::Internal, "the reply is of another kind than the command").into_status()
}

/// Writes the methods whose command and reply have a name of their own. A macro inside an `async_trait`
/// is expanded after it, so the signatures stand here as it would have made them.
macro_rules! unary {
    ($($method:ident $request:ident $wire:ident => $reply:ident $response:ident;)*) => {$(
        fn $method<'life0, 'async_trait>(
            &'life0 self,
            request: Request<pb::$request>,
        ) -> BoxFuture<'async_trait, Result<Response<pb::$response>, Status>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move {
                let resent = is_resent(&request);
                match self.ask(Wire::$wire(request.into_inner().into()), resent).await? {
                    Reply::$reply(response) => Ok(Response::new(response)),
                    _ => Err(mixed_up()),
                }
            })
        }
    )*};
}

#[tonic::async_trait]
impl Inventory for InventoryService {
    type PipelineStream = BoxStream<'static, Result<Replies, Status>>;

    unary! {
        open_trip OpenTripRequest OpenTrip => Opened OpenTripResponse;
        hold HoldRequest Hold => Held HoldResponse;
        extend ExtendRequest Extend => Extended ExtendResponse;
        begin_payment BeginPaymentRequest BeginPayment => PaymentBegun BeginPaymentResponse;
        confirm ConfirmRequest Confirm => Confirmed ConfirmResponse;
        release ReleaseRequest Release => Released ReleaseResponse;
        cancel CancelRequest Cancel => Cancelled CancelResponse;
        swap SwapRequest Swap => Swapped SwapResponse;
        block BlockRequest Block => Blocked BlockResponse;
        unblock UnblockRequest Unblock => Unblocked UnblockResponse;
        set_sale SetSaleRequest SetSale => SaleSet SetSaleResponse;
        batch BatchRequest Batch => Batch BatchResponse;
    }

    async fn hold_best(
        &self,
        request: Request<pb::HoldBestRequest>,
    ) -> Result<Response<pb::HoldBestResponse>, Status> {
        let resent = is_resent(&request);
        match self.ask(Wire::HoldBest(request.into_inner()), resent).await? {
            Reply::Held(held) => Ok(Response::new(pb::HoldBestResponse { held: Some(held) })),
            _ => Err(mixed_up()),
        }
    }

    async fn hold_quantity(
        &self,
        request: Request<pb::HoldQuantityRequest>,
    ) -> Result<Response<pb::HoldQuantityResponse>, Status> {
        let resent = is_resent(&request);
        match self.ask(Wire::HoldQuantity(request.into_inner()), resent).await? {
            Reply::Held(held) => Ok(Response::new(pb::HoldQuantityResponse { held: Some(held) })),
            _ => Err(mixed_up()),
        }
    }

    async fn open_trip_stream(
        &self,
        request: Request<Streaming<pb::OpenTripStreamRequest>>,
    ) -> Result<Response<pb::OpenTripStreamResponse>, Status> {
        let resent = is_resent(&request);
        let trip = gather_trip(request.into_inner()).await?;
        match self.ask(Wire::OpenTrip(trip.into()), resent).await? {
            Reply::Opened(opened) => {
                Ok(Response::new(pb::OpenTripStreamResponse { opened: Some(opened) }))
            }
            _ => Err(mixed_up()),
        }
    }

    async fn pipeline(
        &self,
        request: Request<Streaming<Commands>>,
    ) -> Result<Response<Self::PipelineStream>, Status> {
        Ok(Response::new(pipeline::serve(&self.node, request.into_inner())))
    }

    async fn get_trip(
        &self,
        request: Request<pb::GetTripRequest>,
    ) -> Result<Response<pb::GetTripResponse>, Status> {
        let request = request.into_inner();
        let mode = request.mode();
        let trip = wire::trip_id(&request.trip_id).map_err(Problem::into_status)?;
        let legs = wire::legs(request.legs).map_err(Problem::into_status)?;
        let id = trip.clone();
        let look =
            move |map: &SeatMap, shard| wire::trip_view(map, &id, shard, legs, request.seats);
        self.look(trip, mode, look).await
    }

    async fn get_hold(
        &self,
        request: Request<pb::GetHoldRequest>,
    ) -> Result<Response<pb::GetHoldResponse>, Status> {
        let request = request.into_inner();
        let trip = wire::trip_id(&request.trip_id).map_err(Problem::into_status)?;
        let hold = wire::hold_id(&request.hold_id).map_err(Problem::into_status)?;
        let look = move |map: &SeatMap, shard| wire::hold_view(map, shard, hold);
        self.look(trip, request.mode(), look).await
    }

    async fn list_trips(
        &self,
        request: Request<pb::ListTripsRequest>,
    ) -> Result<Response<pb::ListTripsResponse>, Status> {
        let request = request.into_inner();
        let size = match request.page_size {
            0 => DEFAULT_PAGE_SIZE,
            size => size.min(MAX_PAGE_SIZE),
        } as usize;
        let mut found: Vec<pb::TripSummary> = Vec::new();
        for shard in self.node.shards.iter() {
            let (after, prefix) = (request.page_token.clone(), request.prefix.clone());
            let page = shard.handle.list(after, prefix, size + 1).await;
            let number = shard.handle.shard().get();
            found.extend(page.trips.into_iter().map(|(id, active)| pb::TripSummary {
                trip_id: id.to_string(),
                shard: number,
                active,
            }));
        }
        found.sort_unstable_by(|a, b| a.trip_id.cmp(&b.trip_id));
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next_page_token = last.map_or_else(String::new, |trip| trip.trip_id.clone());
        Ok(Response::new(pb::ListTripsResponse { trips: found, next_page_token }))
    }

    async fn explain_seat(
        &self,
        request: Request<pb::ExplainSeatRequest>,
    ) -> Result<Response<pb::ExplainSeatResponse>, Status> {
        let request = request.into_inner();
        let trip = wire::trip_id(&request.trip_id).map_err(Problem::into_status)?;
        let legs = wire::legs(request.legs).map_err(Problem::into_status)?;
        let look = move |map: &SeatMap, shard| wire::explain(map, shard, &request.seat, legs);
        self.look(trip, pb::ReadMode::Linearizable, look).await
    }
}

/// Puts the parts of a huge trip together. Its size is bounded by the limits of a layout.
async fn gather_trip(
    mut parts: Streaming<pb::OpenTripStreamRequest>,
) -> Result<pb::OpenTripRequest, Status> {
    use pb::open_trip_stream_request::Part;
    let invalid = |field: &str, why: &str| Problem::invalid(field, why).into_status();
    let mut trip: Option<pb::OpenTripRequest> = None;
    let (mut places, mut name_bytes) = (0, 0);
    while let Some(part) = parts.next().await.transpose()? {
        match (part.part, &mut trip) {
            (Some(Part::Header(header)), None) => trip = Some(header),
            (Some(Part::Rows(rows)), Some(trip)) => {
                let layout = trip.layout.get_or_insert_default();
                for place in rows.rows.iter().flat_map(|row| &row.places) {
                    places += 1;
                    name_bytes += place.seat.len();
                }
                layout.rows.extend(rows.rows);
                let rows = layout.rows.len();
                if rows > MAX_ROWS || places > MAX_PLACES || name_bytes > MAX_SEAT_NAMES_BYTES {
                    let why = format!(
                        "more than {MAX_ROWS} rows, {MAX_PLACES} places or {MAX_SEAT_NAMES_BYTES} \
                         bytes of seat names"
                    );
                    let problem = Problem::new(Code::TooLarge, why);
                    return Err(Problem { field: "rows".into(), ..problem }.into_status());
                }
            }
            (Some(Part::Header(_)), Some(_)) => return Err(invalid("header", "there is one")),
            (Some(Part::Rows(_)), None) => return Err(invalid("rows", "the header comes first")),
            (None, _) => return Err(invalid("part", "it is empty")),
        }
    }
    trip.ok_or_else(|| invalid("header", "it is required"))
}

/// The service, with the limits of its messages.
pub(crate) fn server(node: NodeState) -> pb::inventory_server::InventoryServer<InventoryService> {
    use proto::limits::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
    let service = Arc::new(InventoryService::new(node));
    pb::inventory_server::InventoryServer::from_arc(service)
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_RESPONSE_BYTES)
}
