//! Which shard has a trip, and who leads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::machine::ShardMachine;
use actors::shard::ShardHandle;
use proto::ids::{ShardId, TripId};
use proto::pb::LeaderHint;
use proto::ring;
use raft::{Replica, ShardLog as _};

/// One shard on this node: its actor and its replica.
#[derive(Clone, Debug)]
pub struct Shard {
    /// The actor.
    pub handle: ShardHandle,
    /// The replica.
    pub replica: Replica<ShardMachine>,
}

/// All shards of the node, by their numbers.
#[derive(Clone, Debug)]
pub struct Shards {
    /// The node's own number.
    node: u64,
    shards: Arc<[Shard]>,
    endpoints: Arc<BTreeMap<u64, String>>,
}

impl Shards {
    /// `node`: which one this is; `endpoints`: where clients reach each node.
    #[must_use]
    pub fn new(node: u64, shards: Vec<Shard>, endpoints: BTreeMap<u64, String>) -> Self {
        Self { node, shards: shards.into(), endpoints: Arc::new(endpoints) }
    }

    /// The shard that has a trip.
    #[must_use]
    pub fn of(&self, trip: &TripId) -> &Shard {
        let count = u32::try_from(self.shards.len()).expect("shards are bounded by the config");
        &self.shards[ring::shard_of(trip, count).get() as usize]
    }

    /// A shard by its number.
    #[must_use]
    pub fn get(&self, shard: u32) -> Option<&Shard> {
        self.shards.get(shard as usize)
    }

    /// Every shard.
    pub fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter()
    }

    /// How many shards there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shards.len()
    }

    /// Where clients reach a node.
    #[must_use]
    pub fn endpoint(&self, node: u64) -> Option<&str> {
        self.endpoints.get(&node).map(String::as_str)
    }

    /// Where clients reach every node.
    #[must_use]
    pub fn endpoints(&self) -> &BTreeMap<u64, String> {
        &self.endpoints
    }

    /// Who leads a shard; `leader` as the shard knows it.
    #[must_use]
    pub fn leader(&self, shard: ShardId, leader: Option<u64>) -> Option<LeaderHint> {
        let known = || self.get(shard.get())?.replica.leadership().leader;
        let node_id = leader.or_else(known)?;
        let endpoint = self.endpoint(node_id)?.to_owned();
        Some(LeaderHint { shard: shard.get(), node_id, endpoint })
    }

    /// Where the commands of a shard should go that this node does not take. Never back to it: who has
    /// just been sent away would return at once.
    #[must_use]
    pub fn hint(&self, shard: ShardId, leader: Option<u64>) -> Option<LeaderHint> {
        self.leader(shard, leader).filter(|leader| leader.node_id != self.node)
    }
}
