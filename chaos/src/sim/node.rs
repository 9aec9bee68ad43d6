//! One node: a machine that lasts, and a process on it that comes and goes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actors::ids::ShardId;
use actors::shard::{ShardHandle, ShardSettings};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};
use raft::disk::{Fault, MemDisk, PowerCut};
use raft::network::peer::PeerHandler;
use raft::runtime::Gate;
use raft::snapshot::MemSnapshots;
use raft::wal::Wal;
use raft::{Leadership, OpenError, RaftConfig, RaftNode, Replica, ShardLog as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::chance::Chance;
use super::clock::NodeClock;
use super::disk::Spindle;
use super::network::{Arrival, CLIENTS, KEEP_ALIVE, Life};
use super::plan::{Plan, Storage};
use super::trace::Trace;
use super::transport::{Network, SimTransport, address};
use crate::oracle::{Oracle, Witness};

/// How often a node looks whether it is time for a snapshot.
const SNAPSHOT_LOOK: Duration = Duration::from_millis(500);

/// How long a snapshot may take.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(20);

/// How often the founder of a shard looks whether it may found it.
const FOUND_AFTER: Duration = Duration::from_millis(20);

/// Reasons to stop that wait to be told.
const EXITS_QUEUED: usize = 64;

/// What a process shows to the network.
#[derive(Clone)]
pub struct Shown {
    /// Answers peers.
    pub peers: Arc<PeerHandler<Witness>>,
    /// Answers clients.
    pub shards: Arc<[ShardHandle]>,
    /// Their replicas, which know who leads.
    pub replicas: Arc<[Replica<Witness>]>,
    /// The clock by which it measures deadlines.
    pub clock: Arc<NodeClock>,
}

/// What all nodes share.
#[derive(Clone)]
pub struct World {
    /// The network.
    pub network: Arc<Network>,
    /// What happened.
    pub trace: Trace,
    /// Who watches.
    pub oracle: Oracle,
    /// How many nodes there are; they count from 1.
    pub nodes: u64,
    /// How many shards there are.
    pub shards: u32,
    /// What nodes keep.
    pub storage: Storage,
    /// Where processes say that they must stop: node, life and why.
    pub exits: mpsc::Sender<(u64, u64, String)>,
}

impl World {
    /// A world, and where its processes say that they must stop.
    #[must_use]
    pub fn new(
        (network, trace, oracle): (Arc<Network>, Trace, Oracle),
        plan: &Plan,
    ) -> (Self, mpsc::Receiver<(u64, u64, String)>) {
        let (exits, told) = mpsc::channel(EXITS_QUEUED);
        let Plan { nodes, shards, storage, .. } = *plan;
        (Self { network, trace, oracle, nodes, shards, storage, exits }, told)
    }

    /// A client's stream to a node: who answers there; `None` when nobody does in time.
    pub async fn connect(&self, node: u64) -> Option<(Life, Shown)> {
        let at = self.network.send_in_order(CLIENTS, node, Arrival::first());
        self.network.arrived(CLIENTS, node, at).await;
        if !self.network.passable(CLIENTS, node).await {
            return None;
        }
        tokio::time::timeout(KEEP_ALIVE, self.network.awake(node)).await.ok()?;
        self.network.at(node)
    }

    /// Brings a client the next frame of a stream; gives its arrival, `None` when the stream has broken.
    pub async fn deliver(&self, node: u64, life: &Life, before: Arrival) -> Option<Arrival> {
        tokio::time::timeout(KEEP_ALIVE, self.network.awake(node)).await.ok()?;
        let at = self.network.send_in_order(node, CLIENTS, before);
        self.network.arrived(node, CLIENTS, at).await;
        let arrives = self.network.passable(node, CLIENTS).await && life.goes_on();
        arrives.then_some(at)
    }

    fn peers(&self) -> BTreeMap<u64, String> {
        (1..=self.nodes).map(|node| (node, address(node))).collect()
    }
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is killed; the machine goes on.
    Kill,
    /// The machine loses its power.
    PowerCut,
}

/// A machine: what is there whether a process runs or not.
pub struct Hardware {
    /// The node.
    pub node: u64,
    /// The disk of the write-ahead log.
    pub disk: MemDisk,
    /// The disk of the snapshots.
    pub trees: MemSnapshots,
    /// How fast they are.
    pub spindle: Arc<Spindle>,
    /// Its clocks.
    pub clock: Arc<NodeClock>,
    chance: Chance,
}

impl Hardware {
    /// A new machine.
    #[must_use]
    pub fn new(node: u64, world: &World, mut chance: Chance) -> Self {
        Self {
            node,
            disk: MemDisk::new(),
            trees: MemSnapshots::new(),
            spindle: Spindle::new(chance.fork("spindle"), world.storage.snapshot_step_ms),
            clock: Arc::new(NodeClock::new(world.trace.clone())),
            chance,
        }
    }

    /// Replaces the disks by empty ones.
    pub fn replace_disks(&mut self) {
        (self.disk, self.trees) = (MemDisk::new(), MemSnapshots::new());
    }

    /// The files of the write-ahead log that hold records.
    #[must_use]
    pub fn segments(&self) -> Vec<PathBuf> {
        use raft::disk::Disk as _;
        let dir = data_dir().join("wal");
        let names = self.disk.list(&dir).unwrap_or_default();
        let segments = names.into_iter().filter(|name| name.starts_with("seg-"));
        segments.map(|name| dir.join(name)).collect()
    }
}

fn data_dir() -> PathBuf {
    PathBuf::from("/node")
}

/// A process.
pub struct Process {
    /// Its life.
    pub life: Life,
    /// The number of its life.
    pub number: u64,
    /// Its shards.
    pub shards: Vec<(ShardHandle, Replica<Witness>)>,
    /// Whether its tasks run or stand still.
    pub gate: Gate,
    raft: RaftNode<Witness>,
    supervisor: ActorCell,
    tasks: JoinSet<()>,
}

impl Process {
    /// Starts a process as `node::Node` does.
    ///
    /// # Errors
    /// When the log or the snapshots cannot be opened.
    pub async fn start(
        world: &World,
        hardware: &mut Hardware,
        number: u64,
    ) -> Result<Self, OpenError> {
        let node = hardware.node;
        let (life, gate) = (Life::begin(), Gate::new());
        let transport = SimTransport::new(world, node, life.clone());
        let (raft, recovery) = RaftNode::open_simulated(
            config(world, node),
            Arc::new(hardware.disk.clone()),
            Arc::new(transport),
            hardware.trees.clone(),
        )?;
        let (records, torn) = (recovery.records, recovery.torn_bytes);
        world.trace.line(format_args!("node {node} starts: {records} records, {torn} bytes torn"));
        let mut tasks = JoinSet::new();
        let (spindle, wal) = (Arc::clone(&hardware.spindle), raft.wal().clone());
        tasks.spawn(gate.guard(async move { spindle.drive(wal).await }));
        let (spun, oracle) = (gate.clone(), world.oracle.clone());
        tasks.spawn(async move {
            spun.spun().await;
            oracle.stuck(&format!("node {node}: its tasks wake each other without end"));
        });
        let exits = Exits { world: world.clone(), node, life: life.clone(), number };
        let failed = exits.clone();
        raft.wal().on_failure(move |error| failed.tell(&format!("the log failed: {error}")));
        let supervisor = Supervisor::spawn(None, Supervisor, exits.clone()).await;
        let (supervisor, _) = supervisor.expect("the supervisor's start does not fail");
        let supervisor = supervisor.get_cell();
        let mut shards = Vec::new();
        for shard in 0..world.shards {
            let snapshots = raft.snapshots(shard)?;
            let settings = ShardSettings {
                shard: ShardId::new(shard),
                clock: hardware.clock.clone(),
                snapshots: snapshots.clone(),
                first_proposal: hardware.chance.draw(),
                passivate_after: Duration::from_millis(world.storage.passivate_after_ms),
            };
            let handle = ShardHandle::spawn(settings, supervisor.clone()).await;
            let handle = handle.expect("the supervisor was just started");
            let machine = Arc::new(Witness {
                machine: handle.machine(),
                oracle: world.oracle.clone(),
                spindle: Arc::clone(&hardware.spindle),
                node,
                shard: ShardId::new(shard),
                life: life.clone(),
                life_number: number,
            });
            // What openraft spawns while it starts is behind the gate, and whatever that spawns.
            let replica = gate.guard(raft.start(shard, machine, snapshots)).await?;
            handle.attach(Arc::new(replica.clone()));
            let (watched, exits) = (replica.clone(), exits.clone());
            tasks.spawn(async move {
                exits.tell(&format!("shard {shard} stopped: {}", watched.failed().await));
            });
            tasks.spawn(trace_leadership(world.clone(), node, shard, replica.clone()));
            shards.push((handle, replica));
        }
        found_preferred(world, node, &shards, &mut tasks);
        let replicas = shards.iter().map(|(_, replica)| replica.clone()).collect();
        let after_bytes = world.storage.snapshot_after_bytes;
        tasks.spawn(gate.guard(keep_writing(replicas, raft.wal().clone(), after_bytes)));
        let shown = Shown {
            peers: raft.peers(),
            shards: shards.iter().map(|(handle, _)| handle.clone()).collect(),
            replicas: shards.iter().map(|(_, replica)| replica.clone()).collect(),
            clock: Arc::clone(&hardware.clock),
        };
        world.network.listen(node, life.clone(), shown);
        Ok(Self { life, number, shards, gate, raft, supervisor, tasks })
    }

    /// Ends the process. What it does from now on reaches neither disk nor network; its tasks are
    /// stopped in the background.
    pub fn end(mut self, world: &World, hardware: &mut Hardware, how: End) {
        self.life.end();
        world.network.gone(hardware.node);
        // Even a process that stands still can be ended.
        self.gate.open();
        self.tasks.abort_all();
        match how {
            End::Kill => {
                hardware.disk = hardware.disk.kill();
                hardware.trees = hardware.trees.kill();
            }
            End::PowerCut => {
                // In half of all cuts a batch is on its way to the disk: written, and not flushed.
                if hardware.chance.per_mille(500) {
                    hardware.disk.inject(Fault::PowerOff { after: 1 });
                    self.raft.wal().step();
                }
                let seed = hardware.chance.draw();
                hardware.disk = hardware.disk.power_cut(PowerCut::Seeded(seed));
                hardware.trees = hardware.trees.power_cut(seed);
            }
        }
        tokio::spawn(async move {
            for (_, replica) in &self.shards {
                replica.stop().await;
            }
            // One after the other: whom they had not answered learns it in the same order every time.
            let mut actors = self.supervisor.get_children();
            actors.sort_by_key(ActorCell::get_id);
            actors.iter().for_each(|actor| actor.stop(None));
            self.supervisor.stop(None);
        });
    }

    /// Makes every replica write a snapshot, in the background.
    pub fn write_snapshots(&self) {
        for (_, replica) in &self.shards {
            let replica = replica.clone();
            tokio::spawn(self.gate.guard(async move {
                // What is not written in time is written later.
                let _ = replica.write_snapshot(SNAPSHOT_TIMEOUT).await;
            }));
        }
    }
}

fn config(world: &World, node: u64) -> RaftConfig {
    RaftConfig {
        cluster_id: "simulation".to_owned(),
        node_id: node,
        peers: world.peers().into_iter().filter(|(peer, _)| *peer != node).collect(),
        data_dir: data_dir(),
        heartbeat: Duration::from_millis(50),
        election_timeout_min: Duration::from_millis(200),
        election_timeout_max: Duration::from_millis(300),
        wal_segment_bytes: world.storage.segment_bytes,
        wal_cache_bytes: world.storage.cache_bytes,
    }
}

/// Writes down what a replica believes about who leads.
async fn trace_leadership(world: World, node: u64, shard: u32, replica: Replica<Witness>) {
    let mut before = Leadership::default();
    loop {
        let changes = replica.changes();
        let now = replica.leadership();
        if (now.leader, now.term, now.leads) != (before.leader, before.term, before.leads) {
            let (leader, term) = (now.leader.unwrap_or(0), now.term);
            let line = format_args!("node {node} shard {shard}: {leader} leads in term {term}");
            world.trace.line(line);
            world.oracle.covered(|coverage| coverage.elections += u64::from(now.leads));
            before = now;
        }
        if !changes.await {
            return;
        }
    }
}

/// The node that a shard prefers founds it, once it is sure that the shard has no past.
fn found_preferred(
    world: &World,
    node: u64,
    shards: &[(ShardHandle, Replica<Witness>)],
    tasks: &mut JoinSet<()>,
) {
    for (handle, replica) in shards {
        if u64::from(handle.shard().get()) % world.nodes + 1 != node {
            continue;
        }
        let (replica, peers) = (replica.clone(), world.peers());
        tasks.spawn(async move {
            while !replica.may_vote() {
                tokio::time::sleep(FOUND_AFTER).await;
            }
            // A replica that has stopped ends its process by other ways.
            let _ = replica.found(peers).await;
        });
    }
}

/// Writes snapshots after so much new log, for ever.
async fn keep_writing(replicas: Vec<Replica<Witness>>, wal: Wal, after_bytes: u64) {
    let mut written_at = 0;
    loop {
        tokio::time::sleep(SNAPSHOT_LOOK).await;
        let appended = wal.stats().bytes_appended;
        if appended - written_at < after_bytes {
            continue;
        }
        written_at = appended;
        for replica in &replicas {
            // What is not written in time is written later.
            let _ = replica.write_snapshot(SNAPSHOT_TIMEOUT).await;
        }
    }
}

/// How a process says that it must stop.
#[derive(Clone)]
struct Exits {
    world: World,
    node: u64,
    life: Life,
    number: u64,
}

impl Exits {
    fn tell(&self, why: &str) {
        if self.life.goes_on() {
            // When the queue is full, many reasons are there already.
            let _ = self.world.exits.try_send((self.node, self.number, why.to_owned()));
        }
    }
}

/// The root of a process's actors: when a shard's actor dies, the process stops.
struct Supervisor;

impl Actor for Supervisor {
    type Msg = ();
    type State = Exits;
    type Arguments = Exits;

    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        exits: Exits,
    ) -> Result<Exits, ActorProcessingErr> {
        Ok(exits)
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        exits: &mut Exits,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(_, why) = event {
            exits.tell(&format!("an actor failed: {why}"));
        }
        Ok(())
    }
}
