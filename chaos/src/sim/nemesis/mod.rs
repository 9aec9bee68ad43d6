//! Who makes things fail, mends them, and restarts what has stopped: one agenda, worked off in order.

mod disks;
mod links;
mod machines;
mod story;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::chance::Chance;
use super::cluster::{Cluster, NotStarted};
use super::fault::Fault;
use super::network::Weather;
use super::node::End;
use super::plan::Event;
use story::Forgets;

/// How long a process that stopped by itself stays down, in milliseconds.
const RESTART_MS: (u64, u64) = (100, 1_500);

/// How long a process stays down whose story goes on with it, in milliseconds.
const SOON_MS: (u64, u64) = (50, 300);

/// How long a machine without power stays down, in milliseconds.
const OUTAGE_MS: (u64, u64) = (100, 8_000);

/// How long what is not a crash goes on, in milliseconds.
const FAULT_MS: (u64, u64) = (50, 10_000);

/// How long to wait before a start that failed is tried again, in milliseconds.
const RETRY_MS: u64 = 500;

/// A fault without a command that succeeded so shortly before was not under load, in milliseconds.
const LOAD_MS: u64 = 2_000;

/// What is to be done at some time.
#[derive(Clone, Debug)]
enum Task {
    Fault(Event),
    Restart(u64),
    Crash(u64, End),
    Resume(u64),
    MendWays(Vec<(u64, u64)>),
    ResetLinks(u64),
    LurkForSnapshot(u64),
    FairWeather,
    MendDisk(u64),
    MendClock(u64),
    Snapshots,
    LurkForAnswer { all: bool },
    Forget(u64, Forgets),
    MeetDeposed { shard: usize, deposed: u64 },
}

/// How often a kind of fault fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Fired {
    /// In all.
    pub times: u64,
    /// Of them shortly after a command had succeeded.
    pub under_load: u64,
}

/// The one who does it.
pub struct Nemesis {
    /// The cluster.
    pub cluster: Cluster,
    exits: mpsc::Receiver<(u64, u64, String)>,
    /// While an event strikes, its own; else that of everything that follows by itself.
    chance: Chance,
    agenda: BTreeMap<(Instant, u64), Task>,
    tasks: u64,
    events: Vec<Event>,
    /// Strikes at the next answer: at all nodes, or at the one that leads.
    lurking: Option<bool>,
    /// The node whose log fails once it has got a snapshot.
    lurking_install: Option<u64>,
    /// The node that stays down at the end.
    spared: Option<u64>,
    fired: BTreeMap<&'static str, Fired>,
}

impl Nemesis {
    /// A nemesis that leaves everything alone until it is told to begin.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        exits: mpsc::Receiver<(u64, u64, String)>,
        chance: Chance,
        events: Vec<Event>,
    ) -> Self {
        let (agenda, fired) = (BTreeMap::new(), BTreeMap::new());
        Self {
            cluster,
            exits,
            chance,
            agenda,
            tasks: 0,
            events,
            lurking: None,
            lurking_install: None,
            spared: None,
            fired,
        }
    }

    /// How often each fault fired.
    #[must_use]
    pub fn fired(&self) -> &BTreeMap<&'static str, Fired> {
        &self.fired
    }

    /// Begins to make things fail.
    pub fn begin(&mut self) {
        for event in std::mem::take(&mut self.events) {
            self.plan(event.at_ms, Task::Fault(event));
        }
    }

    /// Works the agenda off until a time.
    pub async fn work_until(&mut self, end: Instant) {
        let answers = self.cluster.world.oracle.answers_come();
        let mut snapshots = self.cluster.world.oracle.snapshots_come();
        loop {
            let next = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let wake = next.map_or(end, |at| at.min(end));
            tokio::select! {
                biased;
                exit = self.exits.recv() => {
                    if let Some((node, life, why)) = exit {
                        self.exited(node, life, &why);
                    }
                }
                () = answers.notified(), if self.lurking.is_some() => self.strike_at_answer(),
                _ = snapshots.changed(), if self.lurking_install.is_some() => {
                    self.strike_at_install(*snapshots.borrow_and_update());
                }
                () = tokio::time::sleep_until(wake) => {
                    if wake == end {
                        return;
                    }
                    if let Some((_, task)) = self.agenda.pop_first() {
                        self.work(task).await;
                    }
                }
            }
        }
    }

    /// Mends everything and makes nothing fail any more. `spared` stays down, if it is.
    pub fn rest(&mut self, spared: Option<u64>) {
        self.agenda.clear();
        (self.lurking, self.lurking_install, self.spared) = (None, None, spared);
        self.cluster.world.trace.line(format_args!("the faults stop; {spared:?} stays down"));
        self.cluster.world.network.mend();
        self.cluster.running.values().for_each(|process| process.gate.open());
        for (node, machine) in &self.cluster.machines {
            machine.spindle.recover();
            machine.clock.run_right();
            machine.disk.clear_faults();
            machine.disk.set_capacity(None);
            machine.trees.fail_syncs(0);
            if spared != Some(*node) && !self.cluster.running.contains_key(node) {
                self.agenda.insert((Instant::now(), self.tasks), Task::Restart(*node));
                self.tasks += 1;
            }
        }
    }

    /// Whether every node runs that was not spared, and every replica has what its leader has.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let running = self.cluster.running.len() + usize::from(self.spared.is_some());
        running as u64 == self.cluster.world.nodes && self.cluster.has_caught_up()
    }

    fn plan(&mut self, after_ms: u64, task: Task) {
        let at = Instant::now() + Duration::from_millis(after_ms);
        self.agenda.insert((at, self.tasks), task);
        self.tasks += 1;
    }

    fn exited(&mut self, node: u64, life: u64, why: &str) {
        if self.cluster.running.get(&node).is_some_and(|process| process.number == life) {
            self.cluster.world.trace.line(format_args!("node {node} gives up: {why}"));
            self.crash(node, End::Kill, RESTART_MS);
        }
    }

    fn crash(&mut self, node: u64, how: End, (least, most): (u64, u64)) {
        if self.cluster.end(node, how) {
            let after = self.chance.between(least, most);
            self.plan(after, Task::Restart(node));
        }
    }

    async fn work(&mut self, task: Task) {
        let world = &self.cluster.world;
        match task {
            Task::Fault(event) => self.fire(event).await,
            Task::Restart(node) => self.restart(node).await,
            Task::Crash(node, how) => self.crash(node, how, OUTAGE_MS),
            Task::Resume(node) => self.resume(node),
            Task::MendWays(ways) => world.network.mend_ways(&ways),
            Task::ResetLinks(node) => {
                (1..=world.nodes).for_each(|other| world.network.reset(node, other));
            }
            Task::FairWeather => world.network.set_weather(Weather::FAIR),
            Task::MendDisk(node) => {
                if let Some(machine) = self.cluster.machines.get(&node) {
                    machine.spindle.recover();
                    machine.disk.set_capacity(None);
                }
            }
            Task::MendClock(node) => {
                if let Some(machine) = self.cluster.machines.get(&node) {
                    machine.clock.run_right();
                }
            }
            Task::Snapshots => self.cluster.write_snapshots(),
            Task::LurkForSnapshot(node) => self.lurking_install = Some(node),
            Task::LurkForAnswer { all } => self.lurking = Some(all),
            Task::Forget(node, how) => drop(self.forget(node, how, SOON_MS)),
            Task::MeetDeposed { shard, deposed } => self.meet_deposed(shard, deposed),
        }
    }

    async fn restart(&mut self, node: u64) {
        match self.cluster.start(node).await {
            Ok(()) => {}
            Err(NotStarted::Later) => self.plan(RETRY_MS, Task::Restart(node)),
            Err(NotStarted::Damaged) => {
                if !self.cluster.is_damaged(node) {
                    let what = format!("node {node}: its log is damaged, and nobody damaged it");
                    self.cluster.world.oracle.stuck(&what);
                }
                if let Some(machine) = self.cluster.machines.get_mut(&node) {
                    machine.replace_disks();
                }
                self.plan(RETRY_MS, Task::Restart(node));
            }
        }
    }

    /// A node that runs, any.
    fn victim(&mut self) -> Option<u64> {
        let running: Vec<u64> = self.cluster.running.keys().copied().collect();
        self.chance.pick(&running).copied()
    }

    /// The leader of some shard.
    fn leader(&mut self) -> Option<u64> {
        let shard = self.chance.below(u64::from(self.cluster.world.shards));
        self.cluster.leader(shard as usize)
    }

    /// A leader as often as any node.
    fn leader_or_any(&mut self) -> Option<u64> {
        if self.chance.per_mille(500) { self.leader() } else { self.victim() }
    }

    /// Makes something fail, if it can now.
    async fn fire(&mut self, event: Event) {
        let everything_else = std::mem::replace(&mut self.chance, Chance::new(event.draw));
        self.cluster.notice_repairs();
        let under_load = self.cluster.world.oracle.said_yes_within(LOAD_MS);
        let ms = self.chance.between(FAULT_MS.0, FAULT_MS.1);
        if let Some(details) = self.strike(event.fault, ms).await {
            let name = event.fault.name();
            let fired = self.fired.entry(name).or_default();
            fired.times += 1;
            fired.under_load += u64::from(under_load);
            self.cluster.world.trace.line(format_args!("FAULT {name} {details}"));
        }
        self.chance = everything_else;
    }

    /// What a fault did, unless it cannot happen now.
    async fn strike(&mut self, fault: Fault, ms: u64) -> Option<String> {
        if let Some(details) = self.harm_links(fault, ms) {
            return Some(details);
        }
        if let Some(details) = self.harm_machine(fault, ms).await {
            return Some(details);
        }
        match self.harm_disk(fault, ms) {
            Some(details) => Some(details),
            None => self.begin_story(fault),
        }
    }
}
