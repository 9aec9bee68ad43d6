//! Who makes things fail, mends them, and restarts what has stopped: one agenda, worked off in order.

use std::collections::BTreeMap;
use std::time::Duration;

use raft::disk::Fault as DiskFault;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::chance::Chance;
use super::cluster::{Cluster, NotStarted};
use super::fault::Fault;
use super::network::Weather;
use super::node::End;

/// How long a process that stopped by itself stays down, in milliseconds.
const RESTART_MS: (u64, u64) = (100, 1_500);

/// How long a machine without power stays down, in milliseconds.
const OUTAGE_MS: (u64, u64) = (100, 8_000);

/// How long what is not a crash goes on, in milliseconds.
const FAULT_MS: (u64, u64) = (50, 10_000);

/// How long to wait before a start that failed is tried again, in milliseconds.
const RETRY_MS: u64 = 500;

/// What is to be done at some time.
#[derive(Clone, Debug)]
enum Task {
    Fault,
    Restart(u64),
    MendWay(u64, u64),
    UnclogWay(u64, u64),
    FairWeather,
    MendDisk(u64),
    MendClock(u64),
}

/// The one who does it.
pub struct Nemesis {
    /// The cluster.
    pub cluster: Cluster,
    exits: mpsc::Receiver<(u64, u64, String)>,
    chance: Chance,
    agenda: BTreeMap<(Instant, u64), Task>,
    tasks: u64,
    faults: Vec<Fault>,
    gap_ms: (u64, u64),
    fired: BTreeMap<&'static str, u64>,
}

impl Nemesis {
    /// A nemesis that leaves everything alone until it is told to begin.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        exits: mpsc::Receiver<(u64, u64, String)>,
        chance: Chance,
        (faults, gap_ms): (Vec<Fault>, (u64, u64)),
    ) -> Self {
        let (agenda, fired) = (BTreeMap::new(), BTreeMap::new());
        Self { cluster, exits, chance, agenda, tasks: 0, faults, gap_ms, fired }
    }

    /// How often each fault fired.
    #[must_use]
    pub fn fired(&self) -> &BTreeMap<&'static str, u64> {
        &self.fired
    }

    /// Begins to make things fail.
    pub fn begin(&mut self) {
        if !self.faults.is_empty() {
            self.plan(0, Task::Fault);
        }
    }

    /// Works the agenda off until a time.
    pub async fn work_until(&mut self, end: Instant) {
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
        self.cluster.world.trace.line(format_args!("the faults stop; {spared:?} stays down"));
        self.cluster.world.network.mend();
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
            Task::Fault => {
                let (least, most) = self.gap_ms;
                let gap = self.chance.between(least, most);
                self.plan(gap, Task::Fault);
                self.cluster.notice_repairs();
                if let Some(fault) = self.chance.pick(&self.faults.clone()) {
                    self.fire(*fault).await;
                }
            }
            Task::Restart(node) => self.restart(node).await,
            Task::MendWay(from, to) => world.network.cut(from, to, false),
            Task::UnclogWay(from, to) => world.network.clog(from, to, 0),
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
        }
    }

    async fn restart(&mut self, node: u64) {
        match self.cluster.start(node).await {
            Ok(()) => {}
            Err(NotStarted::Later) => self.plan(RETRY_MS, Task::Restart(node)),
            Err(NotStarted::Damaged) => {
                if self.cluster.damaged != Some(node) {
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

    fn two(&mut self) -> (u64, u64) {
        let nodes = self.cluster.world.nodes;
        let a = self.chance.between(1, nodes);
        (a, (a + self.chance.below(nodes - 1)) % nodes + 1)
    }

    /// Cuts ways for a while.
    fn cut(&mut self, ways: &[(u64, u64)]) {
        let ms = self.chance.between(FAULT_MS.0, FAULT_MS.1);
        for &(from, to) in ways {
            self.cluster.world.network.cut(from, to, true);
            self.plan(ms, Task::MendWay(from, to));
        }
    }

    /// Makes something fail, if it can now.
    async fn fire(&mut self, fault: Fault) {
        let Some(details) = self.try_fire(fault).await else { return };
        *self.fired.entry(fault.name()).or_default() += 1;
        let name = fault.name();
        self.cluster.world.trace.line(format_args!("FAULT {name} {details}"));
    }

    async fn try_fire(&mut self, fault: Fault) -> Option<String> {
        let ms = self.chance.between(FAULT_MS.0, FAULT_MS.1);
        let nodes = self.cluster.world.nodes;
        let both = |a: u64, b: u64| [(a, b), (b, a)];
        match fault {
            Fault::BadWeather => {
                let weather = Weather {
                    delay_min_ms: self.chance.between(0, 3),
                    delay_max_ms: 3 + self.chance.skewed(200),
                    lost: self.chance.below(300),
                    repeated: self.chance.below(500),
                };
                self.cluster.world.network.set_weather(weather);
                self.plan(ms, Task::FairWeather);
                Some(format!("{weather:?}"))
            }
            Fault::OneWayCut => {
                let (from, to) = self.two();
                self.cut(&[(from, to)]);
                Some(format!("{from} to {to}"))
            }
            Fault::Partition => {
                let apart: Vec<u64> = (1..=nodes).filter(|_| self.chance.per_mille(500)).collect();
                let sides = |a: &u64| apart.contains(a);
                let ways: Vec<_> = (1..=nodes)
                    .flat_map(|a| (1..=nodes).map(move |b| (a, b)))
                    .filter(|(a, b)| sides(a) != sides(b))
                    .collect();
                self.cut(&ways);
                (!ways.is_empty()).then(|| format!("{apart:?} from the others"))
            }
            Fault::IsolatedLeader => {
                let leader = self.leader()?;
                let ways: Vec<_> =
                    (1..=nodes).filter(|n| *n != leader).flat_map(|n| both(n, leader)).collect();
                self.cut(&ways);
                Some(format!("{leader}"))
            }
            Fault::Bridge => {
                let (a, b) = self.two();
                self.cut(&both(a, b));
                Some(format!("{a} and {b} apart"))
            }
            Fault::Clog => {
                let (from, to) = self.two();
                let slow = 1 + self.chance.skewed(2_000);
                self.cluster.world.network.clog(from, to, slow);
                self.plan(ms, Task::UnclogWay(from, to));
                Some(format!("{from} to {to}: {slow} ms"))
            }
            Fault::Reset => {
                let (a, b) = self.two();
                self.cluster.world.network.reset(a, b);
                Some(format!("{a} and {b}"))
            }
            Fault::Kill => {
                let leads = self.chance.per_mille(500);
                let node = if leads { self.leader()? } else { self.victim()? };
                self.crash(node, End::Kill, OUTAGE_MS);
                Some(format!("{node}"))
            }
            Fault::PowerCut => {
                let node = self.victim()?;
                self.crash(node, End::PowerCut, OUTAGE_MS);
                Some(format!("{node}"))
            }
            Fault::PowerCutOfAll => {
                (1..=nodes).for_each(|node| self.crash(node, End::PowerCut, OUTAGE_MS));
                Some(String::new())
            }
            Fault::HandOver => self.hand_over().await,
            Fault::ClockJump => {
                let node = self.chance.between(1, nodes);
                let jump = self.chance.below(7_200_000).cast_signed() - 3_600_000;
                self.cluster.machines.get(&node)?.clock.jump(jump);
                Some(format!("{node}: {jump} ms"))
            }
            Fault::ClockRate => {
                let node = self.chance.between(1, nodes);
                let rate = self.chance.between(500, 3_000);
                self.cluster.machines.get(&node)?.clock.run_at(rate);
                self.plan(ms, Task::MendClock(node));
                Some(format!("{node}: {rate} per mille"))
            }
            _ => self.harm_disk(fault, ms),
        }
    }

    fn harm_disk(&mut self, fault: Fault, ms: u64) -> Option<String> {
        let node = self.victim()?;
        let machine = self.cluster.machines.get(&node)?;
        match fault {
            Fault::SlowDisk => {
                let most = self.chance.between(5, 400);
                machine.spindle.slow((most / 2, most));
                self.plan(ms, Task::MendDisk(node));
                Some(format!("{node}: up to {most} ms a flush"))
            }
            Fault::HungDisk => {
                machine.spindle.hang();
                self.plan(ms, Task::MendDisk(node));
                Some(format!("{node}"))
            }
            Fault::FullDisk => {
                machine.disk.set_capacity(Some(machine.disk.used()));
                self.plan(ms, Task::MendDisk(node));
                Some(format!("{node}"))
            }
            Fault::FailedFlush => {
                machine.disk.inject(DiskFault::FailSync { after: self.chance.below(20) });
                Some(format!("{node}"))
            }
            Fault::FailedSnapshotSync => {
                machine.trees.fail_syncs(1);
                Some(format!("{node}"))
            }
            _ if !self.cluster.can_bear_damage() => None,
            Fault::FlippedLogBit => {
                self.crash(node, End::Kill, RESTART_MS);
                let machine = self.cluster.machines.get(&node)?;
                let path = self.chance.pick(&machine.segments())?.clone();
                let choice = self.chance.draw();
                machine.disk.damage(&path, |bytes| flip(bytes, choice));
                self.cluster.damaged = Some(node);
                Some(format!("{node}: {}", path.display()))
            }
            Fault::FlippedSnapshotBit => {
                self.crash(node, End::Kill, RESTART_MS);
                let harmed = self.cluster.machines.get(&node)?.trees.damage(self.chance.draw());
                self.cluster.damaged = harmed.then_some(node);
                harmed.then(|| format!("{node}"))
            }
            Fault::EmptyDisks => {
                self.crash(node, End::Kill, OUTAGE_MS);
                self.cluster.machines.get_mut(&node)?.replace_disks();
                self.cluster.damaged = Some(node);
                Some(format!("{node}"))
            }
            _ => None,
        }
    }

    async fn hand_over(&mut self) -> Option<String> {
        let shard = self.chance.below(u64::from(self.cluster.world.shards)) as usize;
        let leader = self.cluster.leader(shard)?;
        let to = self.chance.between(1, self.cluster.world.nodes);
        let replica = &self.cluster.running.get(&leader)?.shards[shard].1;
        // A replica that has stopped has nothing to hand over.
        let _ = replica.hand_over(to).await;
        Some(format!("shard {shard}: {leader} to {to}"))
    }
}

/// Flips a bit in the part of a file that is written.
fn flip(bytes: &mut [u8], choice: u64) {
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let bit = choice.checked_rem(written as u64 * 8).unwrap_or(0) as usize;
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}
