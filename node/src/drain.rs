//! Leaving without being missed: others lead a node's shards before it closes.

use std::time::Duration;

use actors::machine::ShardMachine;
use futures::future::join_all;
use raft::{Replica, ShardLog as _};

use crate::shards::{Shard, Shards};

/// How long a node that is told to stop hands leadership over.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a hand-over may take before it is tried again: twice the longest election by default.
const HAND_OVER_PATIENCE: Duration = Duration::from_millis(250);

/// Hands over every shard that this node leads. A shard whose followers do not take it in time is left to
/// an election.
pub(crate) async fn hand_leadership_over(shards: &Shards) {
    let all = join_all(shards.iter().map(hand_over));
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, all).await;
}

async fn hand_over(shard: &Shard) {
    loop {
        // Without a quorum there is nobody to hand anything over to.
        if !shard.replica.leadership().confirmed {
            return;
        }
        let turn = shard.handle.shard().get() as usize;
        let Some(to) = shard.replica.successor(turn) else { return };
        // A replica that has stopped has handed everything over.
        if shard.replica.hand_over(to).await.is_err() {
            return;
        }
        let elsewhere = led_elsewhere(&shard.replica);
        if tokio::time::timeout(HAND_OVER_PATIENCE, elsewhere).await.is_ok() {
            return;
        }
    }
}

/// Completes when another replica is known to lead: only then can those who wait here be sent on.
async fn led_elsewhere(replica: &Replica<ShardMachine>) {
    loop {
        let moves = replica.leadership_moves();
        let leadership = replica.leadership();
        if !leadership.leads && leadership.leader.is_some() {
            return;
        }
        moves.await;
    }
}
