//! What goes wrong between nodes.

use super::super::fault::Fault;
use super::super::network::Weather;
use super::{Nemesis, Task};

/// Both directions between two nodes.
pub(super) fn both(a: u64, b: u64) -> [(u64, u64); 2] {
    [(a, b), (b, a)]
}

impl Nemesis {
    pub(super) fn harm_links(&mut self, fault: Fault, ms: u64) -> Option<String> {
        let nodes = self.cluster.world.nodes;
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
                self.cut(vec![(from, to)], ms);
                Some(format!("{from} to {to}"))
            }
            Fault::OneWayLoss => {
                let (from, to) = self.two();
                let lost = self.chance.between(100, 900);
                self.cluster.world.network.lose(from, to, lost);
                self.plan(ms, Task::MendWays(vec![(from, to)]));
                Some(format!("{from} to {to}: {lost} per mille"))
            }
            Fault::Partition => {
                let apart: Vec<u64> = (1..=nodes).filter(|_| self.chance.per_mille(500)).collect();
                let ways = self.ways_between(&apart);
                if ways.is_empty() {
                    return None;
                }
                self.cut(ways, ms);
                Some(format!("{apart:?} from the others"))
            }
            Fault::IsolatedLeader => {
                let leader = self.leader()?;
                let ways = self.ways_between(&[leader]);
                self.cut(ways, ms);
                Some(format!("{leader}"))
            }
            Fault::Bridge => {
                let (a, b) = self.two();
                self.cut(both(a, b).into(), ms);
                Some(format!("{a} and {b} apart"))
            }
            Fault::Clog => {
                let (from, to) = self.two();
                let slow = 1 + self.chance.skewed(2_000);
                self.cluster.world.network.clog(from, to, slow);
                self.plan(ms, Task::MendWays(vec![(from, to)]));
                Some(format!("{from} to {to}: {slow} ms"))
            }
            Fault::Trickle => {
                let (from, to) = self.two();
                let each = self.chance.between(5, 300);
                self.cluster.world.network.trickle(from, to, each);
                self.plan(ms, Task::MendWays(vec![(from, to)]));
                Some(format!("{from} to {to}: {each} ms each"))
            }
            Fault::Reset => {
                let (a, b) = self.two();
                self.cluster.world.network.reset(a, b);
                Some(format!("{a} and {b}"))
            }
            _ => None,
        }
    }

    /// Every way between some nodes and the others, in both directions.
    pub(super) fn ways_between(&self, apart: &[u64]) -> Vec<(u64, u64)> {
        let nodes = self.cluster.world.nodes;
        let all = (1..=nodes).flat_map(|a| (1..=nodes).map(move |b| (a, b)));
        all.filter(|(a, b)| apart.contains(a) != apart.contains(b)).collect()
    }

    /// Cuts ways for a while.
    pub(super) fn cut(&mut self, ways: Vec<(u64, u64)>, ms: u64) {
        for &(from, to) in &ways {
            self.cluster.world.network.cut(from, to);
        }
        self.cluster.notice_cut_leaders();
        self.plan(ms, Task::MendWays(ways));
    }

    fn two(&mut self) -> (u64, u64) {
        let nodes = self.cluster.world.nodes;
        let a = self.chance.between(1, nodes);
        (a, (a + self.chance.below(nodes - 1)) % nodes + 1)
    }
}
