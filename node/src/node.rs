//! A node, from start to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actors::clock::Clock;
use actors::machine::ShardMachine;
use actors::shard::{ShardHandle, ShardSettings};
use proto::ids::{NodeId, ShardId, TripId};
use proto::limits::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES};
use proto::{pb, ring};
use ractor::{Actor as _, ActorCell};
use raft::disk::RealDisk;
use raft::network::grpc::{GrpcTransport, PeerService};
use raft::{OpenError, RaftConfig, RaftNode};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, server::Router};
use tracing::{info, warn};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::detours::Detours;
use crate::faults::{Faults, Token};
use crate::identity::Identity;
use crate::service::{ChangesService, ClusterService, FaultsService, inventory_server};
use crate::shards::{Shard, Shards};
use crate::status::{NodeState, closed};
use crate::supervisor::Supervisor;
use crate::threads::ReplicationThreads;
use crate::{admin, drain, snapshots};

/// Services whose health can be asked for; the empty name is the node as a whole.
const SERVICES: [&str; 5] = [
    "",
    "seatgrid.v1.Inventory",
    "seatgrid.v1.Changes",
    "seatgrid.v1.Cluster",
    "seatgrid.v1.Faults",
];

/// Streams on one connection: a pipeline is one, a unary call is one.
const MAX_STREAMS_PER_CONNECTION: u32 = 16_384;

/// How long open calls may go on once the node has drained.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the founder of a shard looks whether it may found it.
const FOUND_AFTER: Duration = Duration::from_millis(20);

/// Failures that wait to be told.
const FAILURES_QUEUED: usize = 16;

/// Why a node could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration does not know the node.
    #[error("the configuration has no node {0}")]
    UnknownNode(u64),
    /// The data directory belongs to somebody else.
    #[error("{0}")]
    Identity(String),
    /// The log or the snapshots could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The threads that replicate could not be started.
    #[error("the threads that replicate could not be started: {0}")]
    Threads(std::io::Error),
    /// An actor could not be started.
    #[error("an actor could not be started: {0}")]
    Actor(#[from] ractor::SpawnErr),
    /// The token of those who may order faults cannot be used.
    #[error("the token of [faults] cannot be used: {0}")]
    FaultsToken(String),
    /// A service could not be built.
    #[error("a service could not be built: {0}")]
    Service(String),
}

impl StartError {
    /// What the operator can do, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnknownNode(_) => Some("every node has a [[cluster.nodes]] of its own there"),
            Self::Open(error) => error.hint(),
            Self::Listen { .. } => {
                Some("is the node running already? its addresses are in the configuration")
            }
            Self::FaultsToken(_) => Some("head -c 32 /dev/urandom | base64 > the file makes one"),
            Self::Identity(_) | Self::Threads(_) | Self::Actor(_) | Self::Service(_) => None,
        }
    }
}

/// A running node.
pub struct Node {
    state: NodeState,
    raft: RaftNode<ShardMachine>,
    supervisor: ActorCell,
    /// What listens. It ends by itself once the node closes.
    servers: JoinSet<()>,
    /// What goes on for as long as the node lives.
    tasks: JoinSet<()>,
    failures: mpsc::Receiver<String>,
    closing: watch::Sender<bool>,
    /// Last: everything else has stopped by then.
    _threads: ReplicationThreads,
}

impl Node {
    /// Opens the data directory, starts every shard and listens.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: &Config, id: u64, data_dir: &Path) -> Result<Self, StartError> {
        let member = config.member(id).ok_or(StartError::UnknownNode(id))?;
        let shard_count = *config.cluster.shards.get_ref();
        let cluster_id = config.cluster.id.clone();
        Identity { cluster_id: cluster_id.clone(), node_id: id, shards: shard_count }
            .claim(data_dir)
            .map_err(StartError::Identity)?;
        let (raft, recovery) = RaftNode::open(
            raft_config(config, id, data_dir),
            Arc::new(RealDisk::new()),
            Arc::new(Detours::new(GrpcTransport::default(), config.detours())),
        )?;
        info!(node = id, ?recovery, "opened the write-ahead log");

        let (closing, closed_signal) = watch::channel(false);
        let (failed, failures) = mpsc::channel(FAILURES_QUEUED);
        let (mut servers, mut tasks) = (JoinSet::new(), JoinSet::new());
        let peers = Server::builder()
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .add_service(PeerService::server(raft.peers()));
        let threads = ReplicationThreads::start().map_err(StartError::Threads)?;
        let address = *member.peer.get_ref();
        serve(&mut servers, threads.handle(), peers, address, closed_signal.clone()).await?;

        let (supervisor, _) = Supervisor::spawn(None, Supervisor, failed.clone()).await?;
        let supervisor = supervisor.get_cell();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let mut shards = Vec::new();
        for number in 0..shard_count {
            let passivate_after = config.passivate_after();
            let snapshots = raft.snapshots(number)?;
            let settings = ShardSettings {
                shard: ShardId::new(number),
                clock: Arc::clone(&clock),
                snapshots: snapshots.clone(),
                first_proposal: rand::random(),
                passivate_after,
            };
            let handle = ShardHandle::spawn(settings, supervisor.clone()).await?;
            let start = raft.start(number, Arc::new(handle.machine()), snapshots);
            let replica = threads.within(start).await?;
            handle.attach(Arc::new(replica.clone()));
            // Where it is told of changes: it wakes several times for each entry.
            tasks.spawn_on(watch_replica(replica.clone(), failed.clone()), threads.handle());
            shards.push(Shard { handle, replica });
        }
        let shards = Shards::new(id, shards, config.endpoints());
        found_preferred(config, id, &shards, &mut tasks);

        let state = NodeState {
            id,
            cluster_id: cluster_id.into(),
            shards: shards.clone(),
            wal: raft.wal().clone(),
            traffic: Arc::default(),
            clock,
            faults: Arc::new(faults(config)?),
            started: Instant::now(),
            draining: Arc::new(AtomicBool::new(false)),
            closing: closed_signal.clone(),
        };
        let clients = client_services(&state).await?;
        let (here, address) = (Handle::current(), *member.client.get_ref());
        serve(&mut servers, &here, clients, address, closed_signal.clone()).await?;
        serve_admin(&mut servers, state.clone(), *member.admin.get_ref(), closed_signal).await?;
        let after = u64::from(*config.storage.snapshot_after_mib.get_ref()) << 20;
        tasks.spawn(snapshots::keep_writing(shards, raft.wal().clone(), after));
        stop_when_the_log_fails(&raft, failed);
        let _threads = threads;
        Ok(Self { state, raft, supervisor, servers, tasks, failures, closing, _threads })
    }

    /// Completes when something broke that only a restart of the process mends; says what.
    pub async fn failed(&mut self) -> String {
        let failure = self.failures.recv().await;
        failure.unwrap_or_else(|| "the node has stopped".to_owned())
    }

    /// Makes the next command on a trip panic on this node: see [`ShardHandle::inject_panic`].
    pub async fn inject_panic(&self, trip: &TripId) -> bool {
        self.state.shards.of(trip).handle.inject_panic(trip.clone()).await
    }

    /// Hands leadership over, lets open calls end, and stops. Everything acknowledged is on disk.
    pub async fn drain_and_stop(mut self) {
        self.state.draining.store(true, Ordering::Release);
        info!(node = self.state.id, "draining");
        drain::hand_leadership_over(&self.state.shards).await;
        // Nobody listens any more: then the servers have ended by themselves.
        let _ = self.closing.send(true);
        self.raft.peers().close();
        let closing = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            self.servers.shutdown().await;
        }
        self.tasks.shutdown().await;
        for shard in self.state.shards.iter() {
            shard.replica.stop().await;
        }
        self.supervisor.stop_children(None);
        self.supervisor.stop(None);
        self.raft.close();
        info!(node = self.state.id, "stopped");
    }
}

/// Faults that may be ordered, where the configuration has them on.
fn faults(config: &Config) -> Result<Faults, StartError> {
    let Some(file) = config.faults.token_file.as_ref().filter(|_| *config.faults.enabled.get_ref())
    else {
        return Ok(Faults::default());
    };
    warn!("faults can be ordered on this node by whoever has the token");
    Token::read(file).map(Faults::on).map_err(StartError::FaultsToken)
}

fn raft_config(config: &Config, id: u64, data_dir: &Path) -> RaftConfig {
    let mib = |value: u32| u64::from(value) << 20;
    let segment = mib(*config.storage.segment_mib.get_ref()).min(u64::from(u32::MAX));
    RaftConfig {
        cluster_id: config.cluster.id.clone(),
        node_id: id,
        peers: config.peers().into_iter().filter(|&(peer, _)| peer != id).collect(),
        data_dir: PathBuf::from(data_dir),
        heartbeat: Duration::from_millis(*config.raft.heartbeat_ms.get_ref()),
        election_timeout_min: Duration::from_millis(*config.raft.election_timeout_min_ms.get_ref()),
        election_timeout_max: Duration::from_millis(*config.raft.election_timeout_max_ms.get_ref()),
        wal_segment_bytes: u32::try_from(segment).expect("it was just bounded"),
        wal_cache_bytes: usize::try_from(mib(*config.storage.log_cache_mib.get_ref()))
            .unwrap_or(usize::MAX),
    }
}

/// The node that a shard prefers founds it, and so leads it first: leaders begin spread out. It waits
/// until it is sure that the shard has no past.
fn found_preferred(config: &Config, id: u64, shards: &Shards, tasks: &mut JoinSet<()>) {
    let peers = config.peers();
    let nodes: Vec<NodeId> = peers.keys().map(|&id| NodeId::new(id)).collect();
    for shard in shards.iter() {
        if ring::preference(shard.handle.shard(), &nodes)[0].get() != id {
            continue;
        }
        let (replica, peers) = (shard.replica.clone(), peers.clone());
        tasks.spawn(async move {
            while !replica.may_vote() {
                tokio::time::sleep(FOUND_AFTER).await;
            }
            if replica.found(peers).await.is_err() {
                warn!(shard = replica.group(), "a shard could not be founded");
            }
        });
    }
}

async fn watch_replica(replica: raft::Replica<ShardMachine>, failed: mpsc::Sender<String>) {
    let why = replica.failed().await;
    // When nobody listens the node is stopping already.
    let _ = failed.send(format!("the replica of shard {} stopped: {why}", replica.group())).await;
}

/// A failed flush is never retried: what the disk has is unknown from then on.
fn stop_when_the_log_fails(raft: &RaftNode<ShardMachine>, failed: mpsc::Sender<String>) {
    raft.wal().on_failure(move |error| {
        // When the queue is full, the node is about to stop for an earlier failure.
        let _ = failed.try_send(format!("the write-ahead log failed: {error}"));
    });
}

async fn client_services(state: &NodeState) -> Result<Router, StartError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in SERVICES {
        health.set_service_status(service, tonic_health::ServingStatus::Serving).await;
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let failed = |e: tonic_reflection::server::Error| StartError::Service(e.to_string());
    let changes = ChangesService::new(state.clone());
    Ok(Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(Some(MAX_STREAMS_PER_CONNECTION))
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .add_service(inventory_server(state.clone()))
        .add_service(pb::changes_server::ChangesServer::new(changes))
        .add_service(pb::cluster_server::ClusterServer::new(ClusterService::new(state.clone())))
        .add_service(pb::faults_server::FaultsServer::new(FaultsService::new(state.clone())))
        .add_service(health_service)
        .add_service(reflection().build_v1().map_err(failed)?)
        .add_service(reflection().build_v1alpha().map_err(failed)?))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

/// Listens, and serves on the threads of `on`.
async fn serve(
    tasks: &mut JoinSet<()>,
    on: &Handle,
    services: Router,
    address: SocketAddr,
    closing: watch::Receiver<bool>,
) -> Result<(), StartError> {
    let listener = on.spawn(listen(address)).await;
    let listener = listener.map_err(|error| StartError::Threads(error.into()))??;
    // `Server::tcp_nodelay` does not reach sockets that come from outside: it is set here.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = async move {
        let served = services.serve_with_incoming_shutdown(incoming, closed(closing)).await;
        if let Err(error) = served {
            warn!(%address, %error, "a listener stopped");
        }
    };
    tasks.spawn_on(served, on);
    Ok(())
}

async fn serve_admin(
    tasks: &mut JoinSet<()>,
    state: NodeState,
    address: SocketAddr,
    closing: watch::Receiver<bool>,
) -> Result<(), StartError> {
    let listener = listen(address).await?;
    let router = admin::router(state);
    tasks.spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(closed(closing)).await;
        if let Err(error) = served {
            warn!(%address, %error, "the admin port stopped");
        }
    });
    Ok(())
}
