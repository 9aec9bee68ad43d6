//! What makes the steps of a plan happen, and ends them.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::MutexGuard;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cluster::{Cluster, SERVING_TIMEOUT};
use super::damage;
use super::fault::{Fault, Target};
use super::history::History;
use super::network::{CLIENTS, Flow, Rule};
use super::ordered;
use super::plan::{CALM_MS, Plan, Step};
use super::process::Process;

/// How often something is looked at again that is waited for.
const POLL: Duration = Duration::from_millis(20);

/// How long a node that comes back may take to answer.
const UP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a slow disk answers between two stops.
const BREATH: Duration = Duration::from_millis(5);

/// The largest file of a node whose files are limited, in bytes.
const FILE_LIMIT_BYTES: u64 = 4_096;

/// A leadership that was taken away.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Moment {
    /// When, in microseconds after the run began.
    pub at_us: u64,
    /// Of which shard.
    pub shard: u32,
}

/// A step that happened, or did not.
#[derive(Clone, Debug, Serialize)]
pub struct Fired {
    /// The step.
    #[serde(flatten)]
    pub step: Step,
    /// When it happened, in milliseconds after the run began; absent when it did not.
    pub fired_ms: Option<u64>,
    /// When it was over.
    pub ended_ms: u64,
    /// Whom it met.
    pub nodes: Vec<u64>,
    /// Acknowledged holds in the second before.
    pub holds_before: u64,
    /// Leaderships that it took away.
    pub moments: Vec<Moment>,
    /// What else there is to say.
    pub notes: Vec<String>,
    /// Something that it waited for did not come about in time.
    pub timed_out: bool,
}

/// Carries out the steps of a run.
#[derive(Clone)]
pub struct Nemesis {
    cluster: Arc<Cluster>,
    history: Arc<History>,
}

impl Nemesis {
    /// For this cluster and the history of its buyers.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>, history: Arc<History>) -> Self {
        Self { cluster, history }
    }

    /// Carries out all steps, each at its time, and waits until the last is over.
    pub async fn run(&self, plan: &Plan, seed: u64) -> Vec<Fired> {
        let mut running = JoinSet::new();
        for step in plan.schedule(seed) {
            let nemesis = self.clone();
            running.spawn(async move {
                tokio::time::sleep_until(nemesis.history.at_ms(step.at_ms)).await;
                nemesis.fire(step).await
            });
        }
        let mut fired = running.join_all().await;
        fired.sort_by_key(|fired| fired.step.at_ms);
        fired
    }

    async fn fire(&self, step: Step) -> Fired {
        let mut fired = Fired {
            step,
            fired_ms: None,
            ended_ms: 0,
            nodes: Vec::new(),
            holds_before: self.history.holds_lately(CALM_MS).values().sum(),
            moments: Vec::new(),
            notes: Vec::new(),
            timed_out: false,
        };
        if let Err(error) = self.carry_out(&mut fired).await {
            fired.timed_out = error.kind() == io::ErrorKind::TimedOut;
            fired.notes.push(error.to_string());
        }
        fired.ended_ms = self.history.now_us() / 1_000;
        fired
    }

    async fn carry_out(&self, fired: &mut Fired) -> io::Result<()> {
        let Step { fault, target, .. } = fired.step;
        if fault.takes_data() {
            self.wait_until_caught_up().await?;
        }
        fired.nodes = self.nodes(target).await?;
        match fault {
            Fault::RollingRestart => self.restart_in_turn(fired).await,
            Fault::HandOver => self.hand_over(fired).await,
            Fault::LoseAnswers | Fault::DelayAnswers | Fault::Overloaded => {
                self.have_ordered(fired).await
            }
            Fault::Snapshot => self.snapshot(fired).await,
            Fault::Reset | Fault::HalfOpen | Fault::HangUp => self.break_connections(fired).await,
            Fault::Flap => self.flap(fired).await,
            _ if fault.takes_the_process() => self.take_processes(fired).await,
            _ => self.bend_flows(fired).await,
        }
    }

    /// Whom a target means now.
    async fn nodes(&self, target: Target) -> io::Result<Vec<u64>> {
        let lately = self.history.holds_lately(CALM_MS);
        let busiest = lately.iter().max_by_key(|(_, holds)| **holds).map(|(&shard, _)| shard);
        let leader = match target {
            Target::All => return Ok(self.cluster.ids().collect()),
            Target::Node(id) => return Ok(vec![id]),
            Target::Leader | Target::Follower => {
                let leaders = self.cluster.leaders_soon().await;
                let shard = busiest.or_else(|| leaders.keys().next().copied());
                let leader = shard.and_then(|shard| leaders.get(&shard).copied());
                leader.ok_or_else(|| io::Error::other("the busiest shard has no leader"))?
            }
        };
        if target == Target::Leader {
            return Ok(vec![leader]);
        }
        let follower = self.cluster.ids().find(|&id| id != leader);
        follower.map(|id| vec![id]).ok_or_else(|| io::Error::other("there is no follower"))
    }

    /// It happens now: notes when, and what the nodes that it meets lead.
    async fn note_moment(&self, fired: &mut Fired, nodes: &[u64]) {
        let led = self.led_by(nodes).await;
        self.note_moments(fired, led);
    }

    /// The shards that these nodes lead.
    async fn led_by(&self, nodes: &[u64]) -> BTreeSet<u32> {
        let leaders = self.cluster.leaders_soon().await;
        let led = leaders.into_iter().filter(|(_, leader)| nodes.contains(leader));
        led.map(|(shard, _)| shard).collect()
    }

    fn note_moments(&self, fired: &mut Fired, shards: impl IntoIterator<Item = u32>) {
        let at_us = self.history.now_us();
        fired.moments.extend(shards.into_iter().map(|shard| Moment { at_us, shard }));
        fired.fired_ms.get_or_insert(at_us / 1_000);
    }

    /// Faults of processes and their files. Nobody else has the processes in the meantime.
    async fn take_processes(&self, fired: &mut Fired) -> io::Result<()> {
        let Step { fault, for_ms, .. } = fired.step;
        let nodes = fired.nodes.clone();
        let mut processes = Vec::new();
        for &id in &nodes {
            let process = self.cluster.process_if_free(id);
            let busy = || io::Error::other(format!("node {id} is in the hands of another fault"));
            processes.push(process.ok_or_else(busy)?);
        }
        self.note_moment(fired, &nodes).await;
        if fault == Fault::PowerCut {
            // All machines stop at one moment, however long it takes to cut the power of each.
            processes.iter().try_for_each(|process| process.pause())?;
        }
        let step = &fired.step;
        let hit = processes.iter_mut().map(|process| hit(step, process));
        for notes in futures::future::join_all(hit).await {
            fired.notes.extend(notes?);
        }
        let over = Instant::now() + Duration::from_millis(for_ms);
        if fault == Fault::SlowDisk {
            stutter(&processes, Duration::from_millis(fired.step.delay_ms), over).await?;
        }
        tokio::time::sleep_until(over).await;
        for process in &mut processes {
            // Some end where they cannot write, as they should; with nothing to write they go on.
            if fault.may_end_the_node() {
                fired.notes.extend(process.ended());
            }
            relieve(fault, process)?;
            if !process.is_started() {
                process.start()?;
            }
        }
        if fault.takes_data() {
            for (id, process) in nodes.iter().zip(&mut processes) {
                self.nurse(*id, process, fired).await?;
            }
        }
        Ok(())
    }

    /// A node with damaged files answers, or refuses to start with a reason: then it starts anew, as an
    /// operator would have it.
    async fn nurse(
        &self,
        id: u64,
        process: &mut MutexGuard<'_, Process>,
        fired: &mut Fired,
    ) -> io::Result<()> {
        let deadline = Instant::now() + UP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(why) = process.ended() {
                fired.notes.push(format!("{why}; it starts again without its data"));
                std::fs::remove_dir_all(process.data_dir())?;
                process.start()?;
            }
            if self.cluster.statuses().await.contains_key(&id) {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(too_late(format!("node {id} does not answer within {UP_TIMEOUT:?}")))
    }

    async fn restart_in_turn(&self, fired: &mut Fired) -> io::Result<()> {
        for id in fired.nodes.clone() {
            let mut process = self.cluster.process(id).await;
            self.note_moment(fired, &[id]).await;
            process.stop().await?;
            process.start()?;
            self.nurse(id, &mut process, fired).await?;
            drop(process);
            self.wait_until_caught_up().await?;
        }
        Ok(())
    }

    async fn hand_over(&self, fired: &mut Fired) -> io::Result<()> {
        let Step { for_ms, every_ms, target, .. } = fired.step;
        let end = Instant::now() + Duration::from_millis(for_ms);
        loop {
            if let Ok(nodes) = self.nodes(target).await {
                for shard in self.led_by(&nodes).await {
                    match self.cluster.hand_over(shard).await {
                        // The leader has begun to hand over: until then it served.
                        Ok(()) => self.note_moments(fired, [shard]),
                        Err(error) => {
                            fired.notes.push(format!("shard {shard} was not handed over: {error}"));
                        }
                    }
                }
            }
            if every_ms == 0 || Instant::now() >= end {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
        }
    }

    async fn have_ordered(&self, fired: &mut Fired) -> io::Result<()> {
        let Some(order) = ordered::order(&fired.step) else { return Ok(()) };
        let (nodes, at_ms) = (fired.nodes.clone(), self.history.now_us() / 1_000);
        let lasts = Duration::from_millis(fired.step.for_ms);
        let cluster = &self.cluster;
        let carried_out = nodes.iter().map(|&id| {
            ordered::carry_out(&cluster.faults, cluster.direct(id), order.clone(), lasts)
        });
        let mut met = 0;
        for (id, done) in nodes.iter().zip(futures::future::join_all(carried_out).await) {
            match done {
                Ok(commands) => met += commands,
                Err(error) => fired.notes.push(format!("node {id}: {error}")),
            }
        }
        fired.notes.push(format!("{met} commands were met"));
        // One that met nobody has not happened.
        fired.fired_ms = (met > 0).then_some(at_ms);
        Ok(())
    }

    async fn snapshot(&self, fired: &mut Fired) -> io::Result<()> {
        fired.fired_ms = Some(self.history.now_us() / 1_000);
        let written = fired.nodes.iter().map(|&id| self.cluster.snapshot(id));
        for (id, written) in fired.nodes.iter().zip(futures::future::join_all(written).await) {
            if let Err(error) = written {
                fired.notes.push(format!("node {id} wrote no snapshot: {error}"));
            }
        }
        Ok(())
    }

    async fn break_connections(&self, fired: &mut Fired) -> io::Result<()> {
        let Step { fault, for_ms, every_ms, .. } = fired.step;
        let network = &self.cluster.network;
        let nodes = fired.nodes.clone();
        self.note_moment(fired, &nodes).await;
        let end = Instant::now() + Duration::from_millis(for_ms);
        loop {
            for &node in &nodes {
                match fault {
                    Fault::HangUp => network.reset(CLIENTS, node),
                    Fault::HalfOpen => self.others(node).for_each(|id| network.silence(node, id)),
                    _ => self.others(node).for_each(|id| network.reset(node, id)),
                }
            }
            if every_ms == 0 || Instant::now() >= end {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
        }
    }

    async fn flap(&self, fired: &mut Fired) -> io::Result<()> {
        let Step { for_ms, every_ms, .. } = fired.step;
        let nodes = fired.nodes.clone();
        self.note_moment(fired, &nodes).await;
        let end = Instant::now() + Duration::from_millis(for_ms);
        while Instant::now() < end {
            let cut = self.cluster.network.begin(self.rules(&fired.step, &nodes));
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
            self.cluster.network.end(cut);
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
        }
        Ok(())
    }

    async fn bend_flows(&self, fired: &mut Fired) -> io::Result<()> {
        let nodes = fired.nodes.clone();
        self.note_moment(fired, &nodes).await;
        let bent = self.cluster.network.begin(self.rules(&fired.step, &nodes));
        tokio::time::sleep(Duration::from_millis(fired.step.for_ms)).await;
        self.cluster.network.end(bent);
        Ok(())
    }

    fn others(&self, node: u64) -> impl Iterator<Item = u64> + '_ {
        self.cluster.ids().filter(move |&id| id != node)
    }

    /// What a fault does to the flows.
    fn rules(&self, step: &Step, nodes: &[u64]) -> Vec<(Flow, Rule)> {
        let bent = Rule { held: false, delay_ms: step.delay_ms, bytes_per_s: step.bytes_per_s };
        let mut rules = Vec::new();
        for &node in nodes {
            let with_clients = self.others(node).chain([CLIENTS]);
            match step.fault {
                Fault::Isolate => {
                    rules.extend(with_clients.flat_map(|id| [(node, id), (id, node)]).map(held))
                }
                Fault::Clog => rules.extend(with_clients.map(|id| held((id, node)))),
                Fault::Mute => rules.extend(self.others(node).map(|id| held((node, id)))),
                Fault::Deafen => rules.extend(self.others(node).map(|id| held((id, node)))),
                Fault::Bridge => rules.extend(self.others(node).flat_map(|a| {
                    self.others(node).filter(move |&b| b != a).map(move |b| held((a, b)))
                })),
                Fault::Delay | Fault::Slow => rules.extend(
                    self.others(node).flat_map(|id| [(node, id), (id, node)]).map(|f| (f, bent)),
                ),
                _ => rules
                    .extend(self.others(node).flat_map(|id| [(node, id), (id, node)]).map(held)),
            }
        }
        rules
    }

    /// A fault that takes data may only come when no other node still lacks some.
    async fn wait_until_caught_up(&self) -> io::Result<()> {
        let deadline = Instant::now() + SERVING_TIMEOUT;
        while !self.cluster.is_caught_up().await {
            if Instant::now() >= deadline {
                return Err(too_late(format!(
                    "not all replicas catch up within {SERVING_TIMEOUT:?}"
                )));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}

fn too_late(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

fn held(flow: Flow) -> (Flow, Rule) {
    (flow, Rule::HELD)
}

/// What a fault does to one process at once.
async fn hit(step: &Step, process: &mut Process) -> io::Result<Option<String>> {
    match step.fault {
        Fault::Pause => process.pause().map(|()| None),
        Fault::Stop => process.stop().await.map(|()| None),
        Fault::FileLimit => process.limit_files(Some(FILE_LIMIT_BYTES)).map(|()| None),
        Fault::Wipe => {
            process.kill().await?;
            std::fs::remove_dir_all(process.data_dir()).map(|()| None)
        }
        Fault::FlipBit => {
            process.kill().await?;
            damage::flip_log_bit(process.data_dir()).map(Some)
        }
        Fault::TruncateLog => {
            process.kill().await?;
            damage::truncate_log(process.data_dir()).map(Some)
        }
        Fault::FlipSnapshotBit => {
            process.kill().await?;
            damage::flip_snapshot_bit(process.data_dir()).map(Some)
        }
        Fault::PowerCut => {
            process.machine().volume()?.cut_power()?;
            process.kill().await?;
            process.machine().volume()?.restore_power().map(|()| None)
        }
        Fault::FullDisk => process.machine().volume()?.fill().map(|()| None),
        Fault::HungDisk => process.machine().volume()?.freeze().map(|()| None),
        // Its disk stutters from now on.
        Fault::SlowDisk => Ok(None),
        Fault::ClockJump => process.machine().clock()?.jump(step.jump_ms).map(|()| None),
        _ => process.kill().await.map(|()| None),
    }
}

/// Ends what a fault does to one process, but for its new start.
fn relieve(fault: Fault, process: &Process) -> io::Result<()> {
    match fault {
        Fault::Pause => process.resume(),
        Fault::FileLimit if process.is_started() => process.limit_files(None),
        Fault::FullDisk => process.machine().volume()?.free(),
        Fault::HungDisk => process.machine().volume()?.thaw(),
        Fault::ClockJump => process.machine().clock()?.set_right(),
        _ => Ok(()),
    }
}

/// Disks that stop for so long, answer for a moment, and stop again.
async fn stutter(
    processes: &[MutexGuard<'_, Process>],
    stop: Duration,
    until: Instant,
) -> io::Result<()> {
    while Instant::now() < until {
        for process in processes {
            process.machine().volume()?.freeze()?;
        }
        tokio::time::sleep(stop).await;
        for process in processes {
            process.machine().volume()?.thaw()?;
        }
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}
