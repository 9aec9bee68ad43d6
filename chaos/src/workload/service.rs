//! A booking service: the loop of attempts of the SDK, and its knowledge of the cluster, over simulated
//! nodes.

use std::sync::Arc;
use std::time::Duration;

use client_sdk::pb::{GetTopologyResponse, LeaderHint, NodeInfo, ShardInfo};
use client_sdk::simulation::{Failure, Health, Member, Shared, keep_fresh};
use client_sdk::{Error, Options};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::sim::chance::Chance;
use crate::sim::network::{CLIENTS, KEEP_ALIVE};
use crate::sim::node::World;

/// What the name of a node's address begins with.
const ADDRESS: &str = "http://node-";

/// What all buyers of a booking service share.
pub type Service = Arc<Shared<SimNode>>;

/// A booking service that has just been started.
///
/// # Panics
/// When a node's address is none.
#[must_use]
pub fn start_service(world: &World, chance: Chance) -> Service {
    let endpoints: Vec<String> = (1..=world.nodes).map(endpoint).collect();
    let chance = Mutex::new(chance);
    let draw = move || chance.lock().draw();
    let service = Shared::new(&endpoints, world.clone(), Options::default(), draw);
    let service = service.expect("every node has an address");
    tokio::spawn(keep_fresh(Arc::downgrade(&service)));
    service
}

fn endpoint(node: u64) -> String {
    format!("{ADDRESS}{node}")
}

/// A node, as a booking service sees it.
pub struct SimNode {
    /// Its number.
    pub number: u64,
    world: World,
    health: Health,
}

impl Member for SimNode {
    type Setting = World;

    fn open(endpoint: &str, world: &World) -> Result<Self, Error> {
        let number = endpoint.strip_prefix(ADDRESS).and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| Error::Protocol { message: endpoint.to_owned() })?;
        Ok(Self { number, world: world.clone(), health: Health::new(&Options::default()) })
    }

    fn health(&self) -> &Health {
        &self.health
    }

    async fn view(&self) -> Result<GetTopologyResponse, Error> {
        let silent = || Error::Unavailable { message: format!("node {} is silent", self.number) };
        self.look().await.ok_or_else(silent)
    }
}

impl SimNode {
    /// The cluster as the node knows it, if it answers.
    async fn look(&self) -> Option<GetTopologyResponse> {
        let (network, number) = (&self.world.network, self.number);
        let &there = network.send(CLIENTS, number).first()?;
        tokio::time::sleep_until(there).await;
        tokio::time::timeout(KEEP_ALIVE, network.awake(number)).await.ok()?;
        let (life, shown) = network.at(number)?;
        let seen = shown.replicas.iter().map(|replica| {
            let status = replica.status();
            ShardInfo {
                shard: replica.group(),
                leader: status.leadership.leader.unwrap_or(0),
                term: status.leadership.term,
                voters: status.voters.into_keys().collect(),
            }
        });
        let nodes =
            (1..=self.world.nodes).map(|node_id| NodeInfo { node_id, endpoint: endpoint(node_id) });
        let view = GetTopologyResponse {
            cluster_id: "simulation".to_owned(),
            shard_count: self.world.shards,
            nodes: nodes.collect(),
            shards: seen.collect(),
        };
        let &back = network.send(number, CLIENTS).first()?;
        tokio::time::sleep_until(back).await;
        life.goes_on().then_some(view)
    }

    /// Learns from an attempt whether the node answers.
    pub(super) fn note<T>(&self, came: &Result<T, Failure>) {
        match came {
            Err(Failure::Lost(_)) => self.health.failure(Instant::now().into_std()),
            _ if self.health.is_troubled() => self.health.success(),
            _ => {}
        }
    }
}

/// Who leads a shard, as an answer says it.
pub(super) fn hint(shard: u32, leader: Option<u64>) -> Option<LeaderHint> {
    leader.map(|node_id| LeaderHint { shard, node_id, endpoint: endpoint(node_id) })
}

/// How long an attempt may take, within a call's deadline.
pub(super) fn patience(service: &Service, deadline: Instant) -> Instant {
    let patience: Duration = service.options().attempt_timeout;
    deadline.min(Instant::now() + patience)
}
