//! The shell around the seat maps: when a shard answers by itself, when it asks the log, what it lets go.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use raft::snapshot::{Manifest, SnapshotStore};
use raft::{Committed, Leadership, Machine as _, OnFailure, ShardLog, Stopped};
use seatgrid_actors::ask::{Answer, AnswerSink, Ask, Failure, NEVER, Waiter};
use seatgrid_actors::audit::Audit;
use seatgrid_actors::clock::Clock;
use seatgrid_actors::ids::{BuyerId, CommandId, ShardId, TripId};
use seatgrid_actors::limits::MAX_VACANCY_MS;
use seatgrid_actors::machine::ShardMachine;
use seatgrid_actors::seat_map::{
    Command, CommandBody, Confirm, Hold, Layout, LayoutSpec, Open, Refusal, Release, Reply, Rules,
    SeatSpec, Seats, Span, Stop, ZoneKind, ZoneSpec,
};
use seatgrid_actors::shard::{ShardHandle, ShardSettings};
use tokio::sync::{Notify, oneshot};

/// Everything that a test waits for comes about within this time, or the test fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// A log that commits at once.
struct InstantLog {
    machine: Arc<ShardMachine>,
    entries: AtomicU64,
    leads: AtomicBool,
    may_answer: AtomicBool,
    /// The other that leads where this one does not; 0 is nobody.
    other: AtomicU64,
    /// This one leads, and has asked the other to.
    handing_over: AtomicBool,
    moved: Arc<Notify>,
}

impl ShardLog for InstantLog {
    fn propose(&self, payload: Bytes, _failed: OnFailure) -> BoxFuture<'_, Result<(), Stopped>> {
        let index = self.entries.fetch_add(1, Ordering::SeqCst) + 1;
        let machine = Arc::clone(&self.machine);
        tokio::spawn(async move { machine.apply(vec![Committed { index, payload }]).await });
        Box::pin(async { Ok(()) })
    }

    fn leadership(&self) -> Leadership {
        let leads = self.leads.load(Ordering::SeqCst);
        let may_answer = leads && self.may_answer.load(Ordering::SeqCst);
        let other = self.other.load(Ordering::SeqCst);
        let leader = if leads { Some(1) } else { Some(other).filter(|&id| id > 0) };
        let handing_over = leads && self.handing_over.load(Ordering::SeqCst);
        Leadership { leader, term: 1, leads, confirmed: may_answer, may_answer, handing_over }
    }

    fn leadership_moves(&self) -> BoxFuture<'static, ()> {
        let moved = Arc::clone(&self.moved);
        Box::pin(moved.notified_owned())
    }
}

/// Milliseconds that have passed, microseconds that a look at the clock takes, and those looked away.
#[derive(Default)]
struct Hands(AtomicU64, AtomicU64, AtomicU64);

impl Clock for Hands {
    fn wall_ms(&self) -> u64 {
        1_000_000
    }

    fn monotonic_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic_micros(&self) -> u64 {
        self.2.fetch_add(self.1.load(Ordering::SeqCst), Ordering::SeqCst)
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

struct One(parking_lot::Mutex<Option<oneshot::Sender<Answer>>>);

impl AnswerSink for One {
    fn answer(&self, _tag: u32, answer: Answer) {
        let sender = self.0.lock().take().expect("an answer comes once");
        sender.send(answer).unwrap();
    }
}

struct Rig {
    handle: ShardHandle,
    log: Arc<InstantLog>,
    hands: Arc<Hands>,
    snapshots: raft::snapshot::ShardSnapshots,
    _dir: tempfile::TempDir,
}

impl Rig {
    async fn new(passivate_after: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = SnapshotStore::open(dir.path()).unwrap();
        let snapshots = store.shard(0, |_| true).unwrap();
        let (root, _) = Root::spawn(None, Root, ()).await.unwrap();
        let hands = Arc::new(Hands::default());
        let settings = ShardSettings {
            shard: ShardId::new(0),
            clock: hands.clone(),
            snapshots: snapshots.clone(),
            first_proposal: 1,
            passivate_after,
        };
        let handle = ShardHandle::spawn(settings, root.get_cell()).await.unwrap();
        let log = Arc::new(InstantLog {
            machine: Arc::new(handle.machine()),
            entries: AtomicU64::new(0),
            leads: AtomicBool::new(true),
            may_answer: AtomicBool::new(true),
            other: AtomicU64::new(7),
            handing_over: AtomicBool::new(false),
            moved: Arc::default(),
        });
        handle.attach(log.clone());
        let rig = Self { handle, log, hands, snapshots, _dir: dir };
        let open = rig.ask(99, CommandBody::Open(Arc::new(trip()))).await;
        assert!(matches!(
            open,
            Answer::Decided { outcome: Ok(Reply::Opened { places: 4, .. }), .. }
        ));
        rig
    }

    async fn ask(&self, id: u128, body: CommandBody) -> Answer {
        self.ask_until(NEVER, id, body).await
    }

    async fn ask_until(&self, wanted_until_ms: u64, id: u128, body: CommandBody) -> Answer {
        self.ask_trip("trip", wanted_until_ms, id, body).await
    }

    async fn ask_trip(
        &self,
        trip: &str,
        wanted_until_ms: u64,
        id: u128,
        body: CommandBody,
    ) -> Answer {
        let (sender, answer) = oneshot::channel();
        let sink = Arc::new(One(parking_lot::Mutex::new(Some(sender))));
        let command = Command { id: CommandId::from_u128(id).unwrap(), body };
        let (trip, waiter) = (TripId::new(trip).unwrap(), Waiter { sink, tag: 0 });
        self.handle.admit(vec![Ask { trip, command, waiter, resent: false, wanted_until_ms }]);
        tokio::time::timeout(DEADLINE, answer).await.unwrap().unwrap()
    }

    async fn hold(&self, id: u128, seat: &str) -> Answer {
        self.ask(id, hold_of(seat)).await
    }

    fn entries(&self) -> u64 {
        self.log.entries.load(Ordering::SeqCst)
    }

    async fn audit(&self) -> Audit {
        let mark = self.handle.start_audit().await.unwrap();
        self.wait_for("the audit has seen every trip", async |rig| {
            rig.handle.audit(mark).await.is_some()
        })
        .await;
        self.handle.audit(mark).await.unwrap()
    }

    async fn wait_for(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let until_it_holds = async {
            while !holds(self).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, until_it_holds).await.is_ok(), "never: {what}");
    }
}

fn trip() -> Open {
    let zone = ZoneSpec { name: "all".into(), kind: ZoneKind::Numbered };
    let seat = |name: &str| SeatSpec {
        name: name.into(),
        zone: Default::default(),
        deck: 0,
        attributes: Default::default(),
    };
    let spec = LayoutSpec {
        zones: vec![zone],
        seats: ["1A", "1B", "1C", "1D"].map(seat).into(),
        rows: Vec::new(),
    };
    let stop = |name: &str| Stop {
        name: name.into(),
        arrives_at: None,
        departs_at: None,
        boarding: true,
        alighting: true,
    };
    Open {
        title: "trip".into(),
        stops: [stop("A"), stop("B")].into(),
        layout: Arc::new(Layout::new(spec).unwrap()),
        rules: Rules::default(),
    }
}

fn other_layout() -> Arc<Layout> {
    let spec = trip().layout.spec().clone();
    let seats = spec.seats.iter().take(2).cloned().collect();
    Arc::new(Layout::new(LayoutSpec { seats, ..spec }).unwrap())
}

fn hold_of(seat: &str) -> CommandBody {
    CommandBody::Hold(Hold {
        buyer: BuyerId::new("alice").unwrap(),
        seats: Seats::Names([seat.into()].into()),
        legs: Span::Whole,
        ttl_ms: 60_000,
    })
}

fn is_held(answer: &Answer) -> bool {
    matches!(answer, Answer::Decided { outcome: Ok(Reply::Held(_)), .. })
}

fn is_taken(answer: &Answer) -> bool {
    matches!(answer, Answer::Decided { outcome: Err(Refusal::SeatsTaken(_)), .. })
}

#[tokio::test]
async fn a_refusal_needs_the_log_only_while_the_lease_is_not_confirmed() {
    let rig = Rig::new(DEADLINE).await;
    assert!(is_held(&rig.hold(1, "1A").await));
    let before = rig.entries();
    assert!(is_taken(&rig.hold(2, "1A").await));
    assert!(is_held(&rig.hold(1, "1A").await), "a retry gets the first answer");
    assert_eq!(rig.entries(), before, "neither went through the log");
    rig.log.may_answer.store(false, Ordering::SeqCst);
    assert!(is_taken(&rig.hold(3, "1A").await));
    assert_eq!(rig.entries(), before + 1, "a leader that might be deposed asks the log");
    let (_, measures) = rig.handle.measure().await.unwrap();
    assert_eq!(
        (measures.before_log, measures.through_log),
        (2, 3),
        "opening the trip is the third"
    );
    assert_eq!((measures.entry_commands.sum, measures.entry_commands.counts[0]), (3, 3));
    let counted: Vec<_> = measures.answers().collect();
    assert_eq!(counted, [("open", "OK", 1), ("hold", "OK", 2), ("hold", "SEAT_TAKEN", 2)]);
}

/// An entry that does not decode would stop every replica of the shard, again at each start.
#[tokio::test]
async fn what_cannot_be_read_back_never_enters_the_log_however_little_the_leader_may_answer() {
    let rig = Rig::new(DEADLINE).await;
    rig.log.may_answer.store(false, Ordering::SeqCst);
    let before = rig.entries();
    let open = |open: Open| CommandBody::Open(Arc::new(open));
    let titled = open(Open { title: "x".repeat(300).into(), ..trip() });
    let other = Open { layout: other_layout(), ..trip() };
    let inner = Command { id: CommandId::from_u128(1_000).unwrap(), body: open(other) };
    let bodies = [hold_of(&"x".repeat(33)), titled, CommandBody::Batch(vec![inner])];
    for (id, body) in (1..).zip(&bodies) {
        for trip in ["trip", "nowhere"] {
            let answer = rig.ask_trip(trip, NEVER, id, body.clone()).await;
            assert!(matches!(answer, Answer::Decided { outcome: Err(_), .. }), "{answer:?}");
        }
    }
    assert_eq!(rig.entries(), before);
    assert!(is_held(&rig.hold(100, "1A").await), "the shard goes on");
}

#[tokio::test]
async fn a_follower_says_who_leads_and_answers_nothing() {
    let rig = Rig::new(DEADLINE).await;
    rig.log.leads.store(false, Ordering::SeqCst);
    let answer = rig.hold(1, "1A").await;
    assert!(matches!(answer, Answer::Failed(Failure::NotLeader { leader: Some(7) })), "{answer:?}");
}

/// A shard that has lost its leader a moment ago, and somebody who asks it for a seat.
async fn asked_without_a_leader() -> (Arc<Rig>, tokio::task::JoinHandle<Answer>) {
    let rig = Arc::new(Rig::new(DEADLINE).await);
    rig.log.leads.store(false, Ordering::SeqCst);
    rig.log.other.store(0, Ordering::SeqCst);
    let asking = Arc::clone(&rig);
    let asked = tokio::spawn(async move { asking.hold(1, "1A").await });
    rig.wait_for("the command waits", async |rig| rig.handle.count().await.mailbox == 1).await;
    (rig, asked)
}

#[tokio::test(start_paused = true)]
async fn commands_wait_for_a_leader_and_are_carried_out_where_it_is_this_one() {
    let (rig, asked) = asked_without_a_leader().await;
    rig.log.leads.store(true, Ordering::SeqCst);
    rig.log.moved.notify_waiters();
    assert!(is_held(&asked.await.unwrap()));
    assert_eq!(rig.handle.count().await.mailbox, 0);
}

#[tokio::test(start_paused = true)]
async fn commands_that_waited_are_sent_to_a_leader_elsewhere() {
    let (rig, asked) = asked_without_a_leader().await;
    rig.log.other.store(9, Ordering::SeqCst);
    rig.log.moved.notify_waiters();
    let answer = asked.await.unwrap();
    assert!(matches!(answer, Answer::Failed(Failure::NotLeader { leader: Some(9) })), "{answer:?}");
}

/// Who is cut off must say so: its callers try another.
#[tokio::test(start_paused = true)]
async fn commands_wait_for_a_leader_only_for_a_while_and_those_after_them_not_at_all() {
    let (rig, asked) = asked_without_a_leader().await;
    let nobody =
        |answer: &Answer| matches!(answer, Answer::Failed(Failure::NotLeader { leader: None }));
    let began = tokio::time::Instant::now();
    assert!(nobody(&asked.await.unwrap()));
    assert!(began.elapsed() <= Duration::from_millis(MAX_VACANCY_MS));
    let began = tokio::time::Instant::now();
    assert!(nobody(&rig.hold(2, "1A").await));
    assert_eq!(began.elapsed(), Duration::ZERO);
    rig.log.leads.store(true, Ordering::SeqCst);
    assert!(is_held(&rig.hold(3, "1A").await), "a leader is found without being looked for");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_hands_over_keeps_commands_until_the_other_leads() {
    let rig = Arc::new(Rig::new(DEADLINE).await);
    rig.log.handing_over.store(true, Ordering::SeqCst);
    let before = rig.entries();
    let asking = Arc::clone(&rig);
    let asked = tokio::spawn(async move { asking.hold(1, "1A").await });
    rig.wait_for("the command waits", async |rig| rig.handle.count().await.mailbox == 1).await;
    rig.log.leads.store(false, Ordering::SeqCst);
    rig.log.moved.notify_waiters();
    let answer = asked.await.unwrap();
    assert!(matches!(answer, Answer::Failed(Failure::NotLeader { leader: Some(7) })), "{answer:?}");
    assert_eq!(rig.entries(), before, "the log was not asked");
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_any_more_is_not_carried_out() {
    let rig = Rig::new(DEADLINE).await;
    rig.hands.0.store(500, Ordering::SeqCst);
    let entries = rig.entries();
    let late = rig.ask_until(500, 1, hold_of("1A")).await;
    assert!(matches!(late, Answer::Failed(Failure::Late)), "{late:?}");
    assert_eq!(rig.entries(), entries);
    let in_time = rig.ask_until(501, 1, hold_of("1A")).await;
    assert!(is_held(&in_time), "the same id is free: {in_time:?}");
}

#[tokio::test]
async fn the_leader_expires_what_is_due_by_itself() {
    let rig = Rig::new(DEADLINE).await;
    assert!(is_held(&rig.hold(1, "1A").await));
    rig.hands.0.store(59_000, Ordering::SeqCst);
    assert!(is_taken(&rig.hold(2, "1A").await), "a second before its time it is held");
    rig.hands.0.store(60_001, Ordering::SeqCst);
    rig.wait_for("the hold expires without a command", async |rig| {
        rig.handle.count().await.live_holds == 0
    })
    .await;
    assert_eq!(rig.handle.measure().await.unwrap().1.expired_holds, 1);
    assert!(is_held(&rig.hold(3, "1A").await));
}

#[tokio::test]
async fn live_holds_are_counted_as_they_come_and_go() {
    let rig = Rig::new(DEADLINE).await;
    let live = async || rig.handle.count().await.live_holds;
    for (id, seat) in [(1, "1A"), (2, "1B"), (3, "1C")] {
        assert!(is_held(&rig.hold(id, seat).await));
    }
    assert!(is_held(&rig.hold(1, "1A").await), "a retry is no hold of its own");
    assert_eq!(live().await, 3);
    let hold = CommandId::from_u128(1).unwrap().into();
    rig.ask(11, CommandBody::Confirm(Confirm { hold, fence: None, late: None })).await;
    let hold = CommandId::from_u128(2).unwrap().into();
    rig.ask(12, CommandBody::Release(Release { hold })).await;
    assert_eq!(live().await, 1);
    // One command finds a hold that is due, and makes another.
    rig.hands.0.store(60_001, Ordering::SeqCst);
    assert!(is_held(&rig.hold(4, "1C").await));
    assert_eq!(live().await, 1);
    let audit = rig.audit().await;
    assert_eq!(audit.violations, Vec::<String>::new(), "the audit walks over all holds");
}

#[tokio::test]
async fn an_idle_trip_leaves_the_memory_and_comes_back_as_it_was() {
    let rig = Rig::new(Duration::from_millis(50)).await;
    assert!(is_held(&rig.hold(1, "1A").await));
    let confirm = CommandBody::Confirm(Confirm {
        hold: CommandId::from_u128(1).unwrap().into(),
        fence: None,
        late: None,
    });
    rig.ask(2, confirm).await;
    assert_eq!(rig.handle.count().await.active, 1, "what is in no snapshot stays");

    let machine = rig.handle.machine();
    let writer = machine.write_snapshot(rig.snapshots.begin().await.unwrap()).await.unwrap();
    let manifest = Manifest { last: None, membership_at: None, membership: Bytes::new() };
    writer.commit(manifest).await.unwrap();
    machine.snapshot_done(true);
    rig.wait_for("the trip is passivated", async |rig| rig.handle.count().await.active == 0).await;

    assert!(is_taken(&rig.hold(3, "1A").await), "the booking is still there");
    assert!(is_held(&rig.hold(4, "1B").await));
    let audit = rig.audit().await;
    assert_eq!((audit.tally.sold, audit.tally.held, audit.violations), (1, 1, Vec::new()));
}

/// A thousand trips beside the first, each with a hold.
async fn rig_of_many_trips() -> Rig {
    let rig = Rig::new(Duration::from_secs(60)).await;
    for number in 0..1_000 {
        let open = CommandBody::Open(Arc::new(trip()));
        let name = format!("trip-{number}");
        rig.ask_trip(&name, NEVER, 10_000 + number, open).await;
        assert!(is_held(&rig.ask_trip(&name, NEVER, 20_000 + number, hold_of("1A")).await));
    }
    rig
}

#[tokio::test]
async fn an_audit_sees_every_trip_as_it_was_at_the_mark_whatever_happens_meanwhile() {
    let at_once = rig_of_many_trips().await.audit().await;
    assert_eq!((at_once.trips, at_once.tally.held, at_once.tally.free), (1_001, 1_000, 3_004));

    let rig = rig_of_many_trips().await;
    // Every step ends after one trip.
    rig.hands.1.store(1_000, Ordering::SeqCst);
    let mark = rig.handle.start_audit().await.unwrap();
    let names: Vec<String> = (0..1_000).map(|number| format!("trip-{number}")).collect();
    let holds = names.iter().rev().zip(30_000..);
    let holds = holds.map(|(name, id)| rig.ask_trip(name, NEVER, id, hold_of("1B")));
    assert!(futures::future::join_all(holds).await.iter().all(is_held));
    let opened = rig.ask_trip("late", NEVER, 40_000, CommandBody::Open(Arc::new(trip()))).await;
    assert!(matches!(opened, Answer::Decided { outcome: Ok(Reply::Opened { .. }), .. }));
    rig.wait_for("the audit is done", async |rig| rig.handle.audit(mark).await.is_some()).await;
    assert_eq!(rig.handle.audit(mark).await.unwrap(), at_once);
    let later = rig.audit().await;
    assert_eq!((later.trips, later.tally.held), (1_002, 2_000));
    assert_eq!(later.violations, Vec::<String>::new());
}
