//! One simulation from its seed to its verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actors::ids::ShardId;
use actors::seat_map::{CommandBody, HoldQuantity, Span, ZoneRef};
use parking_lot::Mutex;
use proto::ids::{BuyerId, ZoneNo};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::chance::Chance;
use super::cluster::Cluster;
use super::nemesis::{Fired, Nemesis};
use super::network;
use super::node::{End, World};
use super::plan::Plan;
use super::trace::Trace;
use super::transport::Network;
use crate::invariant::Violation;
use crate::oracle::{Coverage, Oracle};
use crate::workload::{Buyer, Called, Client, HOLD_CAP_MS, Tally, coach, start_service, trip_id};

/// How long a healed cluster may take until every shard has a leader that answers.
const LEADERS_WITHIN: Duration = Duration::from_secs(30);

/// How long buyers may take to end the visit that they are at.
const BUYERS_WITHIN: Duration = Duration::from_secs(120);

/// How long replicas may take to have everything.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(60);

/// Booking services that buyers use.
const SERVICES: usize = 2;

/// How often the cluster is looked at while it heals.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often every shard is told to check itself.
const AUDIT_EVERY: Duration = Duration::from_secs(3);

/// How long a replica may take to get to an audit's mark before it is not waited for.
const AUDIT_WITHIN: Duration = Duration::from_secs(2);

/// What came of one simulation.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How much time was simulated, in milliseconds.
    pub simulated_ms: u64,
    /// The hash over the trace.
    pub trace_hash: String,
    /// Lines of the trace.
    pub trace_lines: u64,
    /// How often each fault fired.
    pub faults: BTreeMap<&'static str, Fired>,
    /// What came about that has to.
    pub coverage: Coverage,
    /// Why the simulation says nothing, if so.
    pub invalid: Vec<String>,
    /// Messages and frames on the network.
    pub messages: u64,
    /// Of them lost, or sent again by a stream.
    pub lost: u64,
    /// Of them arrived twice.
    pub repeated: u64,
    /// Of them overtaken.
    pub reordered: u64,
    /// What buyers got.
    pub buyers: Tally,
    /// Answers that reached clients, copies included, by code.
    pub answers: BTreeMap<&'static str, u64>,
    /// Entries applied, on all replicas together.
    pub entries_applied: u64,
    /// Audits that replicas made.
    pub audits: u64,
    /// Calls that an order of all of them explains, found without the log.
    pub explained: u64,
    /// Violations by invariant.
    pub violations_by_invariant: BTreeMap<&'static str, u64>,
    /// Violations, the first of them.
    pub violations: Vec<Violation>,
}

/// How to simulate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// To the end.
    #[default]
    Whole,
    /// To the end, and every line of the trace goes to standard output.
    Printed,
    /// Until something is violated.
    UntilViolated,
}

/// Simulates a plan in a thread of its own, since chance and time belong to a thread.
///
/// # Panics
/// When the system gives no thread.
#[must_use]
pub fn simulate(plan: &Plan, manner: Manner) -> Report {
    let (seed, plan) = (plan.seed, plan.clone());
    let work = move || {
        raft::runtime::simulate(seed);
        raft::mutant::plant(plan.mutant);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without input and output needs nothing of the system");
        runtime.block_on(run(plan, manner))
    };
    let thread = std::thread::Builder::new().name(format!("seed-{seed}")).spawn(work);
    let thread = thread.expect("the system has a thread for every simulation");
    thread.join().unwrap_or_else(|_| Report::panicked(seed))
}

impl Report {
    /// The report of a seed of which nothing is known yet.
    pub(super) fn of(seed: u64) -> Self {
        Self {
            seed,
            simulated_ms: 0,
            trace_hash: String::new(),
            trace_lines: 0,
            faults: BTreeMap::new(),
            coverage: Coverage::default(),
            invalid: Vec::new(),
            messages: 0,
            lost: 0,
            repeated: 0,
            reordered: 0,
            buyers: Tally::default(),
            answers: BTreeMap::new(),
            entries_applied: 0,
            audits: 0,
            explained: 0,
            violations_by_invariant: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    /// The report of a simulation that panicked.
    fn panicked(seed: u64) -> Self {
        let what = "the simulation panicked; the message is above".to_owned();
        Self {
            violations_by_invariant: BTreeMap::from([("no_panic", 1)]),
            violations: vec![Violation { invariant: "no_panic", what, at_ms: 0 }],
            ..Self::of(seed)
        }
    }
}

async fn run(plan: Plan, manner: Manner) -> Report {
    let seed = plan.seed;
    let mut chance = Chance::new(seed);
    let trace = Trace::begin(manner == Manner::Printed);
    let oracle = Oracle::new(trace.clone());
    let network: Arc<Network> = network::Network::new(chance.fork("network"));
    let parts = (Arc::clone(&network), trace.clone(), oracle.clone());
    let (world, exits) = World::new(parts, &plan);
    let cluster = Cluster::new(world.clone(), &mut chance);
    let nemesis = Nemesis::new(cluster, exits, chance.fork("nemesis"), plan.events.clone());
    let mut story = Story {
        plan,
        world,
        nemesis,
        chance,
        tally: Arc::default(),
        open: Arc::new(AtomicBool::new(true)),
        buyers: JoinSet::new(),
        audits: Arc::default(),
        explained: 0,
    };
    let violated = oracle.violated();
    tokio::select! {
        biased;
        () = violated.notified(), if manner == Manner::UntilViolated => {}
        () = story.tell() => {}
    }
    let (trace_hash, trace_lines) = trace.digest();
    let census = network.census();
    let (violations, violations_by_invariant) = oracle.verdict();
    let (buyers, audits) = (story.tally.lock().clone(), *story.audits.lock());
    Report {
        seed,
        simulated_ms: trace.now_ms(),
        trace_hash: format!("{trace_hash:016x}"),
        trace_lines,
        faults: story.nemesis.fired().clone(),
        coverage: oracle.coverage(),
        invalid: invalid(&story.plan, story.nemesis.fired()),
        messages: census.sent,
        lost: census.lost,
        repeated: census.repeated,
        reordered: census.reordered,
        buyers,
        answers: oracle.answers(),
        entries_applied: oracle.entries(),
        audits,
        explained: story.explained,
        violations_by_invariant,
        violations,
    }
}

/// Why a simulation says nothing: what was to fail did not, or nobody was there to suffer it.
fn invalid(plan: &Plan, fired: &BTreeMap<&'static str, Fired>) -> Vec<String> {
    if plan.events.is_empty() {
        return Vec::new();
    }
    if fired.is_empty() {
        return vec![format!("none of {} planned faults fired", plan.events.len())];
    }
    if fired.values().all(|fired| fired.under_load == 0) {
        return vec!["no fault fired under load".to_owned()];
    }
    Vec::new()
}

/// A simulation that goes on.
struct Story {
    plan: Plan,
    world: World,
    nemesis: Nemesis,
    chance: Chance,
    tally: Arc<Mutex<Tally>>,
    /// Buyers begin another visit.
    open: Arc<AtomicBool>,
    buyers: JoinSet<()>,
    audits: Arc<Mutex<u64>>,
    /// Calls that some order of all explains.
    explained: u64,
}

impl Story {
    async fn tell(&mut self) {
        for node in 1..=self.plan.nodes {
            if self.nemesis.cluster.start(node).await.is_err() {
                return self.world.oracle.stuck(&format!("node {node} does not start"));
            }
        }
        if !self.comes_about("every shard has a leader", LEADERS_WITHIN, Self::leads).await {
            return;
        }
        if !self.open_trips().await {
            return;
        }
        self.let_buyers_in();
        let auditing = tokio::spawn(keep_auditing(self.world.clone(), Arc::clone(&self.audits)));
        self.nemesis.begin();
        let end = Instant::now() + Duration::from_millis(self.plan.faults_ms);
        self.nemesis.work_until(end).await;
        auditing.abort();
        self.heal().await;
    }

    /// Works on the agenda until something holds; false, and a violation, when it takes too long.
    async fn comes_about(
        &mut self,
        what: &str,
        within: Duration,
        holds: fn(&mut Self) -> bool,
    ) -> bool {
        let deadline = Instant::now() + within;
        while !holds(self) {
            if Instant::now() >= deadline {
                self.world.oracle.stuck(&format!("after {within:?} it is not so that {what}"));
                return false;
            }
            self.nemesis.work_until(Instant::now() + LOOK_EVERY).await;
        }
        self.world.trace.line(format_args!("{what}"));
        true
    }

    fn leads(&mut self) -> bool {
        (0..self.plan.shards as usize).all(|shard| self.nemesis.cluster.leader(shard).is_some())
    }

    async fn open_trips(&mut self) -> bool {
        let mut client = self.client("opener", 0);
        for number in 0..self.plan.trips {
            let body = CommandBody::Open(Arc::new(coach(number)));
            let opened = client.call(&trip_id(number), body).await;
            if !matches!(opened, Called::Decided(Ok(_))) {
                self.world.oracle.stuck(&format!("trip {number} is not opened: {opened:?}"));
                return false;
            }
        }
        true
    }

    /// A caller of a service of its own.
    fn client(&mut self, name: &str, copied: u64) -> Client {
        let service = start_service(&self.world, self.chance.fork(name));
        Client::new(service, self.world.clone(), self.chance.fork(name), copied)
    }

    fn let_buyers_in(&mut self) {
        let mut service = || start_service(&self.world, self.chance.fork("service"));
        let services: [_; SERVICES] = std::array::from_fn(|_| service());
        for (number, persona) in (0..).zip(self.plan.buyers.clone()) {
            let (chance, copied) = (self.chance.fork("buyer"), self.plan.copied);
            let service = Arc::clone(&services[number as usize % SERVICES]);
            let client = Client::new(service, self.world.clone(), chance, copied);
            let habits = (self.plan.trips, self.plan.pause_ms);
            let buyer = Buyer::new(number, persona, client, habits, Arc::clone(&self.tally));
            let open = Arc::clone(&self.open);
            self.buyers.spawn(buyer.visit_while(move || open.load(Ordering::Relaxed)));
        }
    }

    /// The faults stop; from here on everything has to go on. In some simulations a minority stays dead.
    async fn heal(&mut self) {
        let spared = self.spare();
        self.nemesis.rest(spared);
        if !self.comes_about("every shard has a leader again", LEADERS_WITHIN, Self::leads).await {
            return;
        }
        let canary = self.client("canary", 0);
        let served = serve_everybody(canary, self.world.clone(), self.plan.trips);
        tokio::select! {
            biased;
            () = served => {}
            () = self.nemesis.work_until(Instant::now() + BUYERS_WITHIN) => {}
        }
        self.open.store(false, Ordering::Relaxed);
        let done = |story: &mut Self| {
            while story.buyers.try_join_next().is_some() {}
            story.buyers.is_empty()
        };
        if !self.comes_about("every buyer has gone home", BUYERS_WITHIN, done).await {
            return;
        }
        // Everything that was held and not paid has expired by then.
        let quiet = Instant::now() + Duration::from_millis(HOLD_CAP_MS + 5_000);
        self.nemesis.work_until(quiet).await;
        let even = |story: &mut Self| story.nemesis.is_whole();
        if self.comes_about("every replica has everything", CAUGHT_UP_WITHIN, even).await {
            self.look_at_everything().await;
        }
    }

    /// Perhaps one node that stays dead: never one without which no quorum remembers.
    fn spare(&mut self) -> Option<u64> {
        let node = self.chance.between(1, self.plan.nodes);
        if self.plan.events.is_empty() || !self.chance.per_mille(300) {
            return None;
        }
        self.nemesis.cluster.notice_repairs();
        let whole = self.nemesis.cluster.can_bear_damage();
        whole.then(|| {
            self.nemesis.cluster.end(node, End::Kill);
            node
        })
    }

    async fn look_at_everything(&mut self) {
        self.explained = self.world.oracle.explain();
        audit(&self.world, &self.audits).await;
        for (node, process) in &self.nemesis.cluster.running {
            for (handle, _) in &process.shards {
                let shard = handle.shard();
                let live = handle.count().await.live_holds;
                if live > 0 {
                    let what = format!("node {node}, shard {shard}: {live} holds are stuck");
                    self.world.oracle.stuck(&what);
                }
                for trip in self.world.oracle.trips(shard) {
                    let map = handle.read(trip.clone(), true, Clone::clone).await;
                    match map {
                        Ok(map) => {
                            let (at, digest) = (map.position(), map.digest());
                            let name = trip.as_str();
                            let trace = &self.world.trace;
                            let due = map.next_deadline().map(|due| due.as_unix_ms());
                            trace.line(format_args!(
                                "node {node} {name} at {at}: {digest:016x}, next deadline {due:?}"
                            ));
                            self.world.oracle.at_rest(*node, shard, &trip, &map);
                        }
                        Err(why) => {
                            let trip = trip.as_str();
                            let what = format!("node {node} cannot show trip {trip}: {why:?}");
                            self.world.oracle.stuck(&what);
                        }
                    }
                }
            }
        }
    }
}

/// A healed cluster answers whoever asks.
async fn serve_everybody(mut client: Client, world: World, trips: u64) {
    for number in 0..trips {
        let body = CommandBody::HoldQuantity(HoldQuantity {
            buyer: BuyerId::new("canary").expect("a short word is a buyer id"),
            zone: ZoneRef::Number(ZoneNo::new(1)),
            quantity: 1,
            legs: Span::Whole,
            ttl_ms: 1_000,
        });
        let called = client.call(&trip_id(number), body).await;
        if !matches!(called, Called::Decided(_)) {
            world.oracle.stuck(&format!("a healed cluster does not answer: {called:?}"));
        }
    }
}

/// Tells every shard to check itself, again and again.
async fn keep_auditing(world: World, audits: Arc<Mutex<u64>>) {
    loop {
        tokio::time::sleep(AUDIT_EVERY).await;
        audit(&world, &audits).await;
    }
}

/// Puts a mark into the log of every shard that has a leader, and collects what replicas find there.
async fn audit(world: &World, audits: &Mutex<u64>) {
    for shard in 0..world.shards {
        let at =
            |node| world.network.at(node).map(|(_, shown)| shown.shards[shard as usize].clone());
        let mut mark = None;
        for handle in (1..=world.nodes).filter_map(at) {
            let marked = tokio::time::timeout(AUDIT_WITHIN, handle.start_audit()).await;
            mark = marked.ok().and_then(Result::ok).or(mark);
            if mark.is_some() {
                break;
            }
        }
        let Some(mark) = mark else { continue };
        tokio::time::sleep(LOOK_EVERY).await;
        for node in 1..=world.nodes {
            let Some(handle) = at(node) else { continue };
            if let Some(audit) = handle.audit(mark).await {
                *audits.lock() += 1;
                world.oracle.audited(node, ShardId::new(shard), &audit);
            }
        }
    }
}
