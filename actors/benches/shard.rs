//! What a hold costs a shard that has far more trips than fit a cache: nanoseconds of one core and
//! bytes of memory for each hold, on a leader (pre-check, sequencer, apply) and on a follower (apply).
//!
//! The log commits at once and costs nothing: see the benchmarks of `raft` for what it costs. One pass,
//! because the second hold of a seat is a refusal: `cargo bench -p seatgrid-actors --bench shard`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use raft::snapshot::SnapshotStore;
use raft::{Committed, Leadership, Machine as _, OnFailure, ShardLog, Stopped};
use seatgrid_actors::ask::{Answer, AnswerSink, Ask, NEVER, Waiter};
use seatgrid_actors::clock::Clock;
use seatgrid_actors::ids::{BuyerId, CommandId, SeatNo, ShardId, TripId, ZoneNo};
use seatgrid_actors::seat_map::{
    Attributes, Command, CommandBody, Few, Hold, Layout, LayoutSpec, Open, Reply, Rules, SeatSpec,
    Seats, Span, Stop, ZoneKind, ZoneSpec,
};
use seatgrid_actors::shard::{ShardHandle, ShardSettings};

/// The allocator of the node.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trips of the shard.
const TRIPS: u32 = 3_000;

/// Seats of a trip.
const SEATS: u32 = 400;

/// Legs of a trip.
const LEGS: usize = 9;

/// Holds on a trip before the bench ends; fewer under a profiler: `-- --short`.
const HOLDS_PER_TRIP: u32 = 100;
const HOLDS_PER_TRIP_SHORT: u32 = 20;

/// Commands handed over at once, and so in one entry.
const BATCHES: [usize; 2] = [40, 400];

/// Keeps what is proposed instead of sending it anywhere.
#[derive(Default)]
struct Tape {
    entries: Mutex<Vec<Bytes>>,
}

impl ShardLog for Tape {
    fn propose(&self, payload: Bytes, _failed: OnFailure) -> BoxFuture<'_, Result<(), Stopped>> {
        self.entries.lock().push(payload);
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

struct Frozen;

impl Clock for Frozen {
    fn wall_ms(&self) -> u64 {
        1_000_000
    }

    fn monotonic_ms(&self) -> u64 {
        0
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

/// Counts the holds that were granted.
#[derive(Default)]
struct Granted(AtomicU64);

impl AnswerSink for Granted {
    fn answer(&self, _tag: u32, answer: Answer) {
        match answer {
            Answer::Decided { outcome: Ok(Reply::Held(_) | Reply::Opened { .. }), .. } => {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            other => panic!("not granted: {other:?}"),
        }
    }
}

struct Replica {
    handle: ShardHandle,
    tape: Arc<Tape>,
    applied: u64,
    _dir: tempfile::TempDir,
}

impl Replica {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = SnapshotStore::open(dir.path()).unwrap();
        let (root, _) = Root::spawn(None, Root, ()).await.unwrap();
        let settings = ShardSettings {
            shard: ShardId::new(0),
            clock: Arc::new(Frozen),
            snapshots: store.shard(0, |_| true).unwrap(),
            first_proposal: 1,
            passivate_after: Duration::from_secs(3_600),
        };
        let handle = ShardHandle::spawn(settings, root.get_cell()).await.unwrap();
        let tape = Arc::new(Tape::default());
        handle.attach(tape.clone());
        Self { handle, tape, applied: 0, _dir: dir }
    }

    /// Commits what was proposed.
    async fn commit(&mut self) -> Vec<Bytes> {
        // A turn behind the commands: when it is over they have been proposed.
        let _ = self.handle.audit(0).await;
        let entries = std::mem::take(&mut *self.tape.entries.lock());
        for payload in &entries {
            self.apply(payload).await;
        }
        entries
    }

    async fn apply(&mut self, payload: &Bytes) {
        self.applied += 1;
        let entry = Committed { index: self.applied, payload: payload.clone() };
        self.handle.machine().apply(vec![entry]).await.unwrap();
    }
}

fn trip_id(number: u32) -> TripId {
    TripId::new(&format!("2019-03-25/ice-{number}")).unwrap()
}

fn open() -> CommandBody {
    let seat = |number: u32| SeatSpec {
        name: number.to_string().into(),
        zone: ZoneNo::new(0),
        deck: 0,
        attributes: Attributes::NONE,
    };
    let spec = LayoutSpec {
        zones: vec![ZoneSpec { name: "main".into(), kind: ZoneKind::Numbered }],
        seats: (0..SEATS).map(seat).collect(),
        rows: Vec::new(),
    };
    let stop = Stop {
        name: "stop".into(),
        arrives_at: None,
        departs_at: None,
        boarding: true,
        alighting: true,
    };
    CommandBody::Open(Arc::new(Open {
        title: "bench".into(),
        stops: vec![stop; LEGS + 1].into(),
        layout: Arc::new(Layout::new(spec).unwrap()),
        rules: Rules::default(),
    }))
}

/// The holds in an order that visits trips at random.
fn holds(per_trip: u32) -> Vec<(TripId, Command)> {
    let mut order: Vec<u32> = (0..TRIPS * per_trip).collect();
    let mut state = 1_u64;
    for at in (1..order.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        order.swap(at, (state >> 33) as usize % (at + 1));
    }
    let command = |number: u32| {
        let hold = Hold {
            buyer: BuyerId::new(&format!("buyer-{number}")).unwrap(),
            seats: Seats::Numbers(Few::one(SeatNo::new(number / TRIPS * 3))),
            legs: Span::Whole,
            ttl_ms: 60_000,
        };
        let id = CommandId::from_u128(u128::from(number) + 0x1_0000_0000).unwrap();
        (trip_id(number % TRIPS), Command { id, body: CommandBody::Hold(hold) })
    };
    order.into_iter().map(command).collect()
}

fn resident_bytes() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/statm").unwrap();
    stat.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn run(batch: usize, per_trip: u32) {
    let granted = Arc::new(Granted::default());
    let ask = |(trip, command)| Ask {
        trip,
        command,
        waiter: Waiter { sink: granted.clone(), tag: 0 },
        resent: false,
        wanted_until_ms: NEVER,
    };
    let (mut leader, mut follower) = (Replica::start().await, Replica::start().await);
    let body = open();
    for number in 0..TRIPS {
        let id = CommandId::from_u128(u128::from(number) + 1).unwrap();
        leader.handle.admit(vec![ask((trip_id(number), Command { id, body: body.clone() }))]);
        for payload in leader.commit().await {
            follower.apply(&payload).await;
        }
    }
    let holds = holds(per_trip);
    let count = holds.len();
    let mut log = Vec::new();
    let mut holds = holds.into_iter().map(ask);
    let mut time = Duration::ZERO;
    loop {
        let asks: Vec<Ask> = holds.by_ref().take(batch).collect();
        if asks.is_empty() {
            break;
        }
        let begun = Instant::now();
        leader.handle.admit(asks);
        log.extend(leader.commit().await);
        time += begun.elapsed();
    }
    let each = |time: Duration| time.as_nanos() as f64 / count as f64;
    println!("batches of {batch}: leader {:.0} ns a hold", each(time));
    let before = resident_bytes();
    let begun = Instant::now();
    for payload in &log {
        follower.apply(payload).await;
    }
    let time = begun.elapsed();
    let bytes = (resident_bytes() - before) as f64 / count as f64;
    println!("batches of {batch}: follower {:.0} ns and {bytes:.0} bytes a hold", each(time));
    assert_eq!(granted.0.load(Ordering::Relaxed), u64::from(TRIPS) + count as u64);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if std::env::args().any(|argument| argument == "--short") {
        return runtime.block_on(run(BATCHES[0], HOLDS_PER_TRIP_SHORT));
    }
    for batch in BATCHES {
        runtime.block_on(run(batch, HOLDS_PER_TRIP));
    }
}
