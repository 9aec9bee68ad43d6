//! A node in this process that answers as it is told: commands go to a function, topology is fixed.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::{Stream, StreamExt as _};
use proto::pipeline::{Commands, Replies};
use seatgrid_client_sdk::pb;
use seatgrid_client_sdk::pb::changes_server::{Changes, ChangesServer};
use seatgrid_client_sdk::pb::cluster_server::{Cluster, ClusterServer};
use seatgrid_client_sdk::pb::inventory_server::{Inventory, InventoryServer};
use seatgrid_client_sdk::pb::pipeline_reply::Reply;
use seatgrid_client_sdk::pb::{PipelineCommand, PipelineReply};
use tokio::sync::{mpsc, oneshot, watch};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

pub type Events = Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send>>;
type Outbound = Pin<Box<dyn Stream<Item = Result<Replies, Status>> + Send>>;

/// What a node does with one command: any number of replies, or none.
pub type Answer = Arc<dyn Fn(&PipelineCommand) -> Vec<PipelineReply> + Send + Sync>;

/// What a node sends to a watcher who has a version.
pub type Feed = Arc<dyn Fn(u64) -> Events + Send + Sync>;

/// What tests look at and turn.
#[derive(Clone)]
pub struct Node {
    pub address: SocketAddr,
    pub endpoint: String,
    state: Arc<State>,
    stop: Arc<once::Slot<oneshot::Sender<()>>>,
}

struct State {
    answer: Answer,
    feed: Option<Feed>,
    topology: watch::Receiver<pb::GetTopologyResponse>,
    /// Pipelines opened so far.
    pipelines: AtomicUsize,
    /// Commands received so far.
    commands: AtomicUsize,
    /// Ends every pipeline when it changes.
    cut: watch::Sender<u64>,
    silent: AtomicBool,
    /// Connections outlive a server that is dropped: what comes over them is turned away.
    stopped: AtomicBool,
}

/// A mutex for one value that is taken once.
mod once {
    pub struct Slot<T>(std::sync::Mutex<Option<T>>);

    impl<T> Slot<T> {
        pub fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(Some(value)))
        }

        pub fn take(&self) -> Option<T> {
            self.0.lock().unwrap().take()
        }
    }
}

impl Node {
    /// Starts a node on a free port.
    pub async fn start(
        topology: watch::Receiver<pb::GetTopologyResponse>,
        answer: Answer,
        feed: Option<Feed>,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, topology, answer, feed)
    }

    /// Starts a node on a listener of one's own.
    pub fn serve(
        listener: tokio::net::TcpListener,
        topology: watch::Receiver<pb::GetTopologyResponse>,
        answer: Answer,
        feed: Option<Feed>,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            answer,
            feed,
            topology,
            pipelines: AtomicUsize::new(0),
            commands: AtomicUsize::new(0),
            cut: watch::channel(0).0,
            silent: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tonic::transport::Server::builder()
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .add_service(InventoryServer::new(Service(state.clone())))
            .add_service(ChangesServer::new(Service(state.clone())))
            .add_service(ClusterServer::new(Service(state.clone())));
        tokio::spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            tokio::select! {
                served = server.serve_with_incoming(incoming) => served.unwrap(),
                _ = stopped => {}
            }
        });
        let stop = Arc::new(once::Slot::new(stop));
        Self { address, endpoint: format!("http://{address}"), state, stop }
    }

    /// Breaks every open pipeline.
    pub fn cut(&self) {
        self.state.cut.send_modify(|n| *n += 1);
    }

    /// Takes commands and answers none of them.
    pub fn set_silent(&self, silent: bool) {
        self.state.silent.store(silent, Ordering::SeqCst);
    }

    /// Stops listening and drops what runs.
    pub fn stop(&self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        self.cut();
        drop(self.stop.take());
    }

    /// Pipelines opened so far.
    pub fn pipelines(&self) -> usize {
        self.state.pipelines.load(Ordering::SeqCst)
    }

    /// Commands received so far.
    pub fn commands(&self) -> usize {
        self.state.commands.load(Ordering::SeqCst)
    }
}

/// A topology in which `leaders[n]` leads shard n; nodes are numbered from 1.
pub fn topology(endpoints: &[String], leaders: &[u64], term: u64) -> pb::GetTopologyResponse {
    let shards = leaders.iter().zip(0..).map(|(&leader, shard)| pb::ShardInfo {
        shard,
        leader,
        term,
        voters: (1..=endpoints.len() as u64).collect(),
    });
    pb::GetTopologyResponse {
        cluster_id: "test".into(),
        shard_count: leaders.len() as u32,
        shards: shards.collect(),
        nodes: endpoints
            .iter()
            .zip(1..)
            .map(|(endpoint, node_id)| pb::NodeInfo { node_id, endpoint: endpoint.clone() })
            .collect(),
    }
}

/// One node that leads the only shard.
pub async fn single(answer: Answer) -> Node {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (tx, rx) = watch::channel(topology(&[endpoint], &[1], 1));
    std::mem::forget(tx);
    Node::serve(listener, rx, answer, None)
}

/// An answer that every hold, confirm and release succeeds.
pub fn yes(command: &PipelineCommand) -> Vec<PipelineReply> {
    use pb::pipeline_command::Command;
    let reply = match command.command.as_ref().unwrap() {
        Command::Hold(_) | Command::HoldBest(_) | Command::HoldQuantity(_) => {
            Reply::Held(pb::HoldResponse { fence: 7, expires_at_ms: 1_000, ..Default::default() })
        }
        Command::Confirm(_) => Reply::Confirmed(pb::ConfirmResponse::default()),
        Command::Release(_) => Reply::Released(pb::ReleaseResponse::default()),
        Command::Extend(_) => {
            Reply::Extended(pb::ExtendResponse { expires_at_ms: 2_000, ..Default::default() })
        }
        Command::BeginPayment(_) => Reply::PaymentBegun(pb::BeginPaymentResponse::default()),
        Command::OpenTrip(_) => Reply::Opened(pb::OpenTripResponse::default()),
        _ => Reply::Problem(pb::Problem::new(pb::Code::Internal, "not scripted").into()),
    };
    vec![PipelineReply { tag: command.tag, reply: Some(reply) }]
}

/// An answer with a problem.
pub fn problem(command: &PipelineCommand, problem: pb::Problem) -> Vec<PipelineReply> {
    vec![PipelineReply { tag: command.tag, reply: Some(Reply::Problem(problem.into())) }]
}

impl State {
    fn alive(&self) -> Result<(), Status> {
        let stopped = self.stopped.load(Ordering::SeqCst);
        if stopped { Err(Status::unavailable("stopped")) } else { Ok(()) }
    }
}

struct Service(Arc<State>);

async fn answer_all(
    state: Arc<State>,
    mut requests: Streaming<Commands>,
    replies: mpsc::Sender<Result<Replies, Status>>,
) {
    let mut cut = state.cut.subscribe();
    loop {
        let request = tokio::select! {
            request = requests.message() => request,
            _ = cut.changed() => {
                let _ = replies.send(Err(Status::unavailable("cut"))).await;
                return;
            }
        };
        let Ok(Some(commands)) = request else { return };
        let commands: Vec<_> = commands.decoded().map(Result::unwrap).collect();
        state.commands.fetch_add(commands.len(), Ordering::SeqCst);
        if state.silent.load(Ordering::SeqCst) {
            continue;
        }
        let answers: Replies = commands.iter().flat_map(|c| (state.answer)(c)).collect();
        if !answers.as_bytes().is_empty() && replies.send(Ok(answers)).await.is_err() {
            return;
        }
    }
}

macro_rules! inventory {
    ($($method:ident $request:ident $response:ident;)*) => {
        #[tonic::async_trait]
        impl Inventory for Service {
            type PipelineStream = Outbound;

            async fn pipeline(
                &self,
                request: Request<Streaming<Commands>>,
            ) -> Result<Response<Outbound>, Status> {
                self.0.alive()?;
                self.0.pipelines.fetch_add(1, Ordering::SeqCst);
                let (tx, rx) = mpsc::channel(64);
                tokio::spawn(answer_all(self.0.clone(), request.into_inner(), tx));
                Ok(Response::new(tokio_stream::wrappers::ReceiverStream::new(rx).boxed()))
            }

            async fn open_trip_stream(
                &self,
                request: Request<Streaming<pb::OpenTripStreamRequest>>,
            ) -> Result<Response<pb::OpenTripStreamResponse>, Status> {
                let parts = request.into_inner().count().await as u32;
                let opened = pb::OpenTripResponse { places: parts, ..Default::default() };
                Ok(Response::new(pb::OpenTripStreamResponse { opened: Some(opened) }))
            }

            async fn get_trip(
                &self,
                request: Request<pb::GetTripRequest>,
            ) -> Result<Response<pb::GetTripResponse>, Status> {
                let trip_id = request.into_inner().trip_id;
                if !trip_id.starts_with("null-") {
                    let problem = pb::Problem::new(pb::Code::TripNotFound, "no such trip");
                    return Err(problem.into_status());
                }
                let totals = pb::Totals { capacity: 100, free: 100, ..Default::default() };
                let zone = pb::ZoneTotals { totals: Some(totals), ..Default::default() };
                let trip = pb::GetTripResponse { trip_id, zones: vec![zone], ..Default::default() };
                Ok(Response::new(trip))
            }

            async fn list_trips(
                &self,
                _: Request<pb::ListTripsRequest>,
            ) -> Result<Response<pb::ListTripsResponse>, Status> {
                let trip = |n| pb::TripSummary { trip_id: format!("null-{n}"), shard: 0, active: true };
                let trips = (0..100).map(trip).collect();
                Ok(Response::new(pb::ListTripsResponse { trips, ..Default::default() }))
            }

            $(async fn $method(
                &self,
                _: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                Err(Status::unimplemented(stringify!($method)))
            })*
        }
    };
}

inventory! {
    open_trip OpenTripRequest OpenTripResponse;
    hold HoldRequest HoldResponse;
    hold_best HoldBestRequest HoldBestResponse;
    hold_quantity HoldQuantityRequest HoldQuantityResponse;
    extend ExtendRequest ExtendResponse;
    begin_payment BeginPaymentRequest BeginPaymentResponse;
    confirm ConfirmRequest ConfirmResponse;
    release ReleaseRequest ReleaseResponse;
    cancel CancelRequest CancelResponse;
    swap SwapRequest SwapResponse;
    block BlockRequest BlockResponse;
    unblock UnblockRequest UnblockResponse;
    set_sale SetSaleRequest SetSaleResponse;
    batch BatchRequest BatchResponse;
    get_hold GetHoldRequest GetHoldResponse;
    explain_seat ExplainSeatRequest ExplainSeatResponse;
}

#[tonic::async_trait]
impl Changes for Service {
    type WatchStream = Events;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Events>, Status> {
        match &self.0.feed {
            Some(feed) => Ok(Response::new(feed(request.into_inner().from_version))),
            None => Err(Status::unimplemented("watch")),
        }
    }
}

macro_rules! cluster {
    ($($method:ident $request:ident $response:ident;)*) => {
        #[tonic::async_trait]
        impl Cluster for Service {
            async fn get_topology(
                &self,
                _: Request<pb::GetTopologyRequest>,
            ) -> Result<Response<pb::GetTopologyResponse>, Status> {
                self.0.alive()?;
                Ok(Response::new(self.0.topology.borrow().clone()))
            }

            $(async fn $method(
                &self,
                _: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                Err(Status::unimplemented(stringify!($method)))
            })*
        }
    };
}

cluster! {
    get_status GetStatusRequest GetStatusResponse;
    transfer_leader TransferLeaderRequest TransferLeaderResponse;
    snapshot_now SnapshotNowRequest SnapshotNowResponse;
    start_audit StartAuditRequest StartAuditResponse;
    get_audit GetAuditRequest GetAuditResponse;
}
