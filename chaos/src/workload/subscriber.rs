//! Somebody who follows the changes of a trip, now at one replica, now at another.

use std::time::Duration;

use actors::ids::TripId;
use tokio::time::Instant;

use super::buyer::Buyer;
use super::call::Client;
use crate::sim::network::Arrival;

/// Streams that are opened one after the other, at most.
const STREAMS: u64 = 4;

/// How long one is followed, at most, in milliseconds.
const STREAM_MS: u64 = 8_000;

impl Buyer {
    /// One visit of a subscriber: it comes back where it was, at whichever replica.
    pub(super) async fn subscribe(&mut self, trip: &TripId) {
        let mut has = None;
        for _ in 0..self.client.chance().between(1, STREAMS) {
            has = self.client.follow(trip, has).await.or(has);
            self.pause(300).await;
        }
    }
}

impl Client {
    /// Follows a trip from a version on, until the stream breaks or it has been long enough; gives the
    /// version that it came to.
    async fn follow(&mut self, trip: &TripId, mut has: Option<u64>) -> Option<u64> {
        let shard = self.shard(trip);
        let node = self.leader_or_any(shard);
        let until = Instant::now() + Duration::from_millis(self.chance().between(0, STREAM_MS));
        let world = self.world().clone();
        let (life, shown) = world.connect(node).await?;
        let handle = shown.shards[shard.get() as usize].clone();
        let opened = tokio::time::timeout_at(until, handle.watch(trip.clone(), has)).await;
        let mut events = opened.ok()?.ok()?;
        let mut last = Arrival::first();
        while let Ok(Some(event)) = tokio::time::timeout_at(until, events.recv()).await {
            let Some(arrived) = world.deliver(node, &life, last).await else { break };
            last = arrived;
            has = Some(world.oracle.watched(shard, trip, has, &event));
        }
        has
    }
}
