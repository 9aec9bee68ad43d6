//! Which node leads which shard, as far as the client knows.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use proto::ids::{ShardId, TripId};
use proto::pb::{GetTopologyResponse, LeaderHint};
use proto::ring::{MAX_SHARDS, shard_of};
use tokio::sync::Notify;

use crate::error::Error;
use crate::member::Member;
use crate::node::with_scheme;

/// The cached topology, and a connection to every node in it.
pub(crate) struct Topology<N: Member> {
    setting: N::Setting,
    state: RwLock<State<N>>,
    /// Wakes those who wait for a new leader.
    moved: Notify,
    /// Wakes the task that reads the topology again.
    pub(crate) stale: Notify,
}

struct State<N> {
    cluster_id: String,
    /// In the order in which they became known.
    nodes: Vec<Arc<N>>,
    by_endpoint: HashMap<String, usize>,
    shards: Vec<Shard>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shard {
    /// Place of the leader in `State::nodes`.
    leader: Option<usize>,
    term: u64,
    /// Counts changes of the leader.
    moves: u64,
}

/// Where a request of a shard should go.
pub(crate) struct Route<N> {
    pub(crate) shard: ShardId,
    pub(crate) node: Arc<N>,
    /// Counts changes of the leader: tells whether one has come since.
    pub(crate) moves: u64,
}

impl<N: Member> Topology<N> {
    /// Starts with the configured nodes and no knowledge of shards.
    pub(crate) fn new(endpoints: &[String], setting: N::Setting) -> Result<Self, Error> {
        let mut state = State {
            cluster_id: String::new(),
            nodes: Vec::new(),
            by_endpoint: HashMap::new(),
            shards: Vec::new(),
        };
        for endpoint in endpoints {
            state.node(endpoint, &setting)?;
        }
        if state.nodes.is_empty() {
            return Err(Error::invalid("endpoints", "at least one endpoint is needed"));
        }
        let (moved, stale) = (Notify::new(), Notify::new());
        Ok(Self { setting, state: RwLock::new(state), moved, stale })
    }

    /// The shard of a trip.
    pub(crate) fn shard_of(&self, trip: &TripId) -> ShardId {
        shard_of(trip, (self.state.read().shards.len() as u32).max(1))
    }

    /// How many shards the cluster has; 0 before the first answer.
    pub(crate) fn shard_count(&self) -> u32 {
        self.state.read().shards.len() as u32
    }

    /// The cluster's name; empty before the first answer.
    pub(crate) fn cluster_id(&self) -> String {
        self.state.read().cluster_id.clone()
    }

    /// Every node that is known.
    pub(crate) fn nodes(&self) -> Vec<Arc<N>> {
        self.state.read().nodes.clone()
    }

    /// Where to send a request of `shard`: to its leader, or to any node, which will say who leads.
    pub(crate) fn route(&self, shard: ShardId, turn: usize) -> Route<N> {
        let state = self.state.read();
        let known = state.shards.get(shard.get() as usize).copied().unwrap_or_default();
        let at = known.leader.unwrap_or(turn % state.nodes.len());
        Route { shard, node: state.nodes[at].clone(), moves: known.moves }
    }

    /// A node other than `not`, to ask who leads.
    pub(crate) fn another(&self, not: &Arc<N>, turn: usize) -> Option<Arc<N>> {
        let state = self.state.read();
        let others = state.nodes.iter().filter(|node| !Arc::ptr_eq(node, not));
        let count = others.clone().count();
        others.clone().nth(turn % count.max(1)).cloned()
    }

    /// A node said who leads; returns whether that was news.
    pub(crate) fn learn(&self, hint: &LeaderHint) -> bool {
        if hint.endpoint.is_empty() {
            return false;
        }
        let mut state = self.state.write();
        let Ok(at) = state.node(&hint.endpoint, &self.setting) else { return false };
        let Some(shard) = state.shards.get_mut(hint.shard as usize) else { return false };
        if shard.leader == Some(at) {
            return false;
        }
        *shard = Shard { leader: Some(at), term: shard.term, moves: shard.moves + 1 };
        drop(state);
        self.moved.notify_waiters();
        true
    }

    /// Takes a node's view of the cluster: of each shard what is newer.
    pub(crate) fn merge(&self, view: &GetTopologyResponse) -> Result<(), Error> {
        let count = view.shard_count;
        if count == 0 || count > MAX_SHARDS {
            return Err(Error::protocol(format!("a topology of {count} shards")));
        }
        let mut state = self.state.write();
        if state.shards.is_empty() {
            state.shards = vec![Shard::default(); count as usize];
            state.cluster_id.clone_from(&view.cluster_id);
        } else if state.shards.len() != count as usize || state.cluster_id != view.cluster_id {
            return Err(Error::protocol("a node belongs to another cluster"));
        }
        let mut places = HashMap::new();
        for node in view.nodes.iter().filter(|node| !node.endpoint.is_empty()) {
            places.insert(node.node_id, state.node(&node.endpoint, &self.setting)?);
        }
        let mut moved = false;
        for seen in &view.shards {
            let leader = places.get(&seen.leader).copied();
            let Some(shard) = state.shards.get_mut(seen.shard as usize) else { continue };
            if leader.is_some() && seen.term >= shard.term {
                moved |= shard.leader != leader;
                let moves = shard.moves + u64::from(shard.leader != leader);
                *shard = Shard { leader, term: seen.term, moves };
            }
        }
        drop(state);
        if moved {
            self.moved.notify_waiters();
        }
        Ok(())
    }

    /// Waits until the leader of `route`'s shard is another than it was.
    pub(crate) async fn moved_since(&self, route: &Route<N>) {
        loop {
            let notified = self.moved.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let shard = route.shard.get() as usize;
            if self.state.read().shards.get(shard).is_some_and(|now| now.moves != route.moves) {
                return;
            }
            notified.await;
        }
    }
}

impl<N: Member> State<N> {
    /// The place of the node at `endpoint`, which is added if it is new.
    fn node(&mut self, endpoint: &str, setting: &N::Setting) -> Result<usize, Error> {
        let endpoint = with_scheme(endpoint);
        if let Some(&at) = self.by_endpoint.get(&endpoint) {
            return Ok(at);
        }
        self.nodes.push(Arc::new(N::open(&endpoint, setting)?));
        self.by_endpoint.insert(endpoint, self.nodes.len() - 1);
        Ok(self.nodes.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Node;
    use crate::options::Options;
    use proto::pb::{NodeInfo, ShardInfo};

    type Topology = super::Topology<Node>;

    fn endpoint(node: u64) -> String {
        format!("http://127.0.0.1:{}", 7_000 + node)
    }

    fn view(leaders: &[(u64, u64)]) -> GetTopologyResponse {
        GetTopologyResponse {
            cluster_id: "c".into(),
            shard_count: leaders.len() as u32,
            nodes: (1..=3).map(|n| NodeInfo { node_id: n, endpoint: endpoint(n) }).collect(),
            shards: leaders
                .iter()
                .enumerate()
                .map(|(n, &(leader, term))| ShardInfo {
                    shard: n as u32,
                    leader,
                    term,
                    voters: vec![1, 2, 3],
                })
                .collect(),
        }
    }

    fn leader(topology: &Topology, shard: u32) -> String {
        topology.route(ShardId::new(shard), 0).node.endpoint.clone()
    }

    #[tokio::test]
    async fn the_newest_view_of_each_shard_wins() {
        let topology = Topology::new(&[endpoint(1)], Options::default()).unwrap();
        topology.merge(&view(&[(2, 5), (3, 7)])).unwrap();
        assert_eq!((leader(&topology, 0), leader(&topology, 1)), (endpoint(2), endpoint(3)));
        topology.merge(&view(&[(1, 4), (1, 8)])).unwrap();
        assert_eq!((leader(&topology, 0), leader(&topology, 1)), (endpoint(2), endpoint(1)));
        topology.merge(&view(&[(0, 9), (0, 9)])).unwrap();
        assert_eq!(leader(&topology, 0), endpoint(2), "no leader known is no news");
    }

    #[tokio::test]
    async fn a_hint_moves_a_leader_and_wakes_who_waits() {
        let topology = Topology::new(&[endpoint(1)], Options::default()).unwrap();
        topology.merge(&view(&[(2, 5)])).unwrap();
        let route = topology.route(ShardId::new(0), 0);
        let hint = LeaderHint { shard: 0, node_id: 3, endpoint: endpoint(3) };
        let waiting = topology.moved_since(&route);
        assert!(topology.learn(&hint));
        waiting.await;
        assert!(!topology.learn(&hint), "the same again is no news");
        assert_eq!(leader(&topology, 0), endpoint(3));
    }

    #[tokio::test]
    async fn another_cluster_is_refused() {
        let topology = Topology::new(&[endpoint(1)], Options::default()).unwrap();
        topology.merge(&view(&[(2, 5)])).unwrap();
        let other = GetTopologyResponse { cluster_id: "d".into(), ..view(&[(2, 5)]) };
        assert!(topology.merge(&other).is_err());
        assert!(topology.merge(&view(&[(2, 5), (2, 5)])).is_err());
    }
}
