//! The rungs: each is one layer more around the same decision.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actors::ask::{Answer, AnswerSink, Ask, NEVER, Waiter};
use actors::clock::Clock;
use actors::ids::{LogIndex, LogPosition, ShardId, Timestamp, TripId};
use actors::machine::ShardMachine;
use actors::seat_map::{Command, CommandBody, SeatMap};
use actors::shard::{ShardHandle, ShardSettings};
use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use raft::disk::RealDisk;
use raft::network::grpc::{GrpcTransport, PeerService};
use raft::snapshot::{ShardSnapshots, SnapshotStore};
use raft::{
    Committed, Leadership, Machine as _, OnFailure, RaftConfig, RaftNode, Replica, ShardLog,
    Stopped,
};
use tempfile::TempDir;
use tokio::sync::Notify;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::work::{BATCH, TRIPS, Work, open, trip_id};

/// Something that carries commands out, all of them before it returns.
pub(crate) trait Rung {
    /// Carries commands out; returns how long that took.
    fn run(&mut self, commands: Vec<(TripId, Command)>) -> Duration;

    /// Grants so many holds; returns how long that took. What is done between to have free seats again is
    /// not counted.
    fn holds(&mut self, work: &mut Work, mut count: u64) -> Duration {
        let mut time = Duration::ZERO;
        while count > 0 {
            let holds = work.holds(BATCH.min(count as usize));
            if holds.is_empty() {
                let releases = work.releases();
                for some in releases.chunks(BATCH) {
                    self.run(some.to_vec());
                }
                continue;
            }
            count -= holds.len() as u64;
            time += self.run(holds);
        }
        time
    }
}

/// Nothing but the seat maps.
pub(crate) struct Maps {
    maps: Vec<SeatMap>,
    index: u64,
}

impl Maps {
    pub(crate) fn new() -> Self {
        let map = |number| {
            let Command { id, body: CommandBody::Open(open) } = open(number) else {
                unreachable!("it opens a trip")
            };
            let pos = LogPosition::new(LogIndex::new(1), 0);
            SeatMap::open(Timestamp::default(), pos, id, &open).expect("a plain trip opens")
        };
        Self { maps: (0..TRIPS).map(map).collect(), index: 1 }
    }
}

impl Rung for Maps {
    fn run(&mut self, commands: Vec<(TripId, Command)>) -> Duration {
        let number = |trip: &TripId| -> usize {
            let (_, number) = trip.as_str().rsplit_once('-').expect("it has a number");
            number.parse().expect("it has a number")
        };
        let commands: Vec<(usize, Command)> =
            commands.into_iter().map(|(trip, command)| (number(&trip), command)).collect();
        let begun = Instant::now();
        for (trip, command) in &commands {
            self.index += 1;
            let pos = LogPosition::new(LogIndex::new(self.index), 0);
            let done = self.maps[*trip].apply(Timestamp::default(), pos, command);
            assert!(done.is_ok(), "{done:?}");
        }
        begun.elapsed()
    }
}

/// A log that commits at once and costs nothing.
#[derive(Default)]
struct Tape(Mutex<Vec<Bytes>>);

impl ShardLog for Tape {
    fn propose(&self, payload: Bytes, _failed: OnFailure) -> BoxFuture<'_, Result<(), Stopped>> {
        self.0.lock().push(payload);
        Box::pin(async { Ok(()) })
    }

    fn leadership(&self) -> Leadership {
        let (leader, term) = (Some(1), 1);
        Leadership {
            leader,
            term,
            leads: true,
            confirmed: true,
            may_answer: true,
            handing_over: false,
        }
    }

    fn leadership_moves(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// A clock that a shard can be run by: holds of the ladder never expire.
struct Since(Instant);

impl Clock for Since {
    fn wall_ms(&self) -> u64 {
        1_800_000_000_000 + self.monotonic_ms()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

struct Root;

impl Actor for Root {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// Counts answers, and wakes whoever waits for the last.
#[derive(Default)]
struct Answers {
    came: AtomicU64,
    more: Notify,
}

impl AnswerSink for Answers {
    fn answer(&self, _tag: u32, answer: Answer) {
        assert!(matches!(&answer, Answer::Decided { outcome: Ok(_), .. }), "{answer:?}");
        self.came.fetch_add(1, Ordering::AcqRel);
        self.more.notify_one();
    }
}

impl Answers {
    async fn all(&self, count: u64) {
        while self.came.load(Ordering::Acquire) < count {
            self.more.notified().await;
        }
    }
}

fn asks(commands: Vec<(TripId, Command)>, sink: &Arc<Answers>) -> Vec<Ask> {
    let ask = |(trip, command)| Ask {
        trip,
        command,
        waiter: Waiter { sink: Arc::clone(sink) as Arc<dyn AnswerSink>, tag: 0 },
        resent: false,
        wanted_until_ms: NEVER,
    };
    commands.into_iter().map(ask).collect()
}

async fn shard(snapshots: ShardSnapshots) -> ShardHandle {
    let (root, _) = Root::spawn(None, Root, ()).await.expect("an actor starts");
    let settings = ShardSettings {
        shard: ShardId::new(0),
        clock: Arc::new(Since(Instant::now())),
        snapshots,
        first_proposal: 1,
        passivate_after: Duration::from_secs(3_600),
    };
    ShardHandle::spawn(settings, root.get_cell()).await.expect("an actor starts")
}

/// A shard on a log that costs nothing.
struct Alone {
    handle: ShardHandle,
    tape: Arc<Tape>,
    applied: u64,
    _dir: TempDir,
}

impl Alone {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder is made");
        let (store, _) = SnapshotStore::open(dir.path()).expect("a new store opens");
        let handle = shard(store.shard(0, |_| true).expect("it is empty")).await;
        let tape = Arc::new(Tape::default());
        handle.attach(tape.clone());
        Self { handle, tape, applied: 0, _dir: dir }
    }

    /// What was proposed, once the commands before have been looked at.
    async fn proposed(&self) -> Vec<Bytes> {
        let _ = self.handle.audit(0).await;
        std::mem::take(&mut *self.tape.0.lock())
    }

    async fn apply(&mut self, entries: &[Bytes]) {
        for payload in entries {
            self.applied += 1;
            let entry = Committed { index: self.applied, payload: payload.clone() };
            self.handle.machine().apply(vec![entry]).await.expect("an entry is applied");
        }
    }
}

/// The trips of a shard, as a follower applies them: entries are decoded, trips looked up, changes kept.
pub(crate) struct Trips {
    runtime: tokio::runtime::Runtime,
    leader: Alone,
    follower: Alone,
}

/// The whole shard as its leader runs it: mailbox, checks before the log, sequencer, apply, answers.
pub(crate) struct Sequencer {
    runtime: tokio::runtime::Runtime,
    leader: Alone,
}

fn one_thread() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts")
}

fn opened(mut rung: impl Rung) -> impl Rung {
    for number in 0..TRIPS {
        rung.run(vec![(trip_id(number), open(number))]);
    }
    rung
}

impl Trips {
    pub(crate) fn start() -> impl Rung {
        let runtime = one_thread();
        let (leader, follower) =
            runtime.block_on(async { (Alone::start().await, Alone::start().await) });
        opened(Self { runtime, leader, follower })
    }
}

impl Rung for Trips {
    fn run(&mut self, commands: Vec<(TripId, Command)>) -> Duration {
        let Self { runtime, leader, follower } = self;
        runtime.block_on(async {
            leader.handle.admit(asks(commands, &Arc::default()));
            let entries = leader.proposed().await;
            leader.apply(&entries).await;
            let begun = Instant::now();
            follower.apply(&entries).await;
            begun.elapsed()
        })
    }
}

impl Sequencer {
    pub(crate) fn start() -> impl Rung {
        let runtime = one_thread();
        let leader = runtime.block_on(Alone::start());
        opened(Self { runtime, leader })
    }
}

impl Rung for Sequencer {
    fn run(&mut self, commands: Vec<(TripId, Command)>) -> Duration {
        let Self { runtime, leader } = self;
        runtime.block_on(async {
            let (answers, count) = (Arc::<Answers>::default(), commands.len() as u64);
            let asks = asks(commands, &answers);
            let begun = Instant::now();
            leader.handle.admit(asks);
            let entries = leader.proposed().await;
            leader.apply(&entries).await;
            answers.all(count).await;
            begun.elapsed()
        })
    }
}

/// Replicas of one shard in this process, each with its own log on the disk, flushed before an answer.
pub(crate) struct Replicas {
    runtime: tokio::runtime::Runtime,
    nodes: Vec<Member>,
}

struct Member {
    handle: ShardHandle,
    replica: Replica<ShardMachine>,
    _raft: RaftNode<ShardMachine>,
    _dir: TempDir,
}

impl Replicas {
    pub(crate) fn start(count: u64) -> impl Rung {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let nodes = runtime.block_on(async {
            let mut incoming = Vec::new();
            for _ in 0..count {
                let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let bound = TcpIncoming::bind(any).expect("a port is free");
                incoming.push(bound.with_nodelay(Some(true)));
            }
            let address = |incoming: &TcpIncoming| {
                format!("http://{}", incoming.local_addr().expect("it is bound"))
            };
            let peers: Vec<(u64, String)> = (1..).zip(incoming.iter().map(address)).collect();
            let mut nodes = Vec::new();
            for (id, incoming) in (1..).zip(incoming) {
                nodes.push(Member::start(id, &peers, incoming).await);
            }
            let voters = peers.into_iter().collect();
            nodes[0].replica.found(voters).await.expect("the shard is new");
            while !nodes[0].replica.status().leadership.may_answer {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            nodes
        });
        opened(Self { runtime, nodes })
    }
}

impl Member {
    async fn start(id: u64, peers: &[(u64, String)], incoming: TcpIncoming) -> Self {
        let dir = tempfile::tempdir().expect("a folder is made");
        let config = RaftConfig {
            cluster_id: "ladder".to_owned(),
            node_id: id,
            peers: peers.iter().filter(|(peer, _)| *peer != id).cloned().collect(),
            data_dir: dir.path().to_owned(),
            heartbeat: Duration::from_millis(50),
            // A busy machine must not change the leader in the midst of a measurement.
            election_timeout_min: Duration::from_millis(1_000),
            election_timeout_max: Duration::from_millis(1_500),
            wal_segment_bytes: 64 << 20,
            wal_cache_bytes: 64 << 20,
        };
        let transport = Arc::new(GrpcTransport::default());
        let (raft, _) =
            RaftNode::open(config, Arc::new(RealDisk::new()), transport).expect("a new log opens");
        let service = Server::builder().add_service(PeerService::server(raft.peers()));
        tokio::spawn(service.serve_with_incoming(incoming));
        let snapshots = raft.snapshots(0).expect("there are none");
        let handle = shard(snapshots.clone()).await;
        let machine = Arc::new(handle.machine());
        let replica = raft.start(0, machine, snapshots).await.expect("a new replica starts");
        handle.attach(Arc::new(replica.clone()));
        Self { handle, replica, _raft: raft, _dir: dir }
    }
}

impl Rung for Replicas {
    fn run(&mut self, commands: Vec<(TripId, Command)>) -> Duration {
        let Self { runtime, nodes } = self;
        runtime.block_on(async {
            let (answers, count) = (Arc::<Answers>::default(), commands.len() as u64);
            let asks = asks(commands, &answers);
            let begun = Instant::now();
            nodes[0].handle.admit(asks);
            answers.all(count).await;
            begun.elapsed()
        })
    }
}
