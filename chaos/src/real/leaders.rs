//! Who led each shard when: the nodes are asked again and again while buyers buy.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::cluster::Cluster;
use super::history::History;

/// How often nodes are asked.
const POLL: Duration = Duration::from_millis(200);

/// Changes that are kept: a leader that changes at every poll of an hour.
const MAX_CHANGES: usize = 20_000;

/// From a moment on a shard was led by a node, as far as the nodes said.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Led {
    /// When that was first seen, in milliseconds after the run began.
    pub at_ms: u64,
    /// The shard.
    pub shard: u32,
    /// The node; absent when no node said that it led.
    pub node: Option<u64>,
}

/// Asks until it is dropped; adds every change to `changes`.
pub(super) async fn watch(
    cluster: &Cluster,
    history: &History,
    changes: &parking_lot::Mutex<Vec<Led>>,
) {
    let mut known: BTreeMap<u32, Option<u64>> = BTreeMap::new();
    loop {
        let at_ms = history.now_us() / 1_000;
        let leaders = cluster.leaders().await;
        let shards: Vec<u32> = known.keys().chain(leaders.keys()).copied().collect();
        for shard in shards {
            let node = leaders.get(&shard).copied();
            let mut changes = changes.lock();
            if known.insert(shard, node) != Some(node) && changes.len() < MAX_CHANGES {
                changes.push(Led { at_ms, shard, node });
            }
        }
        tokio::time::sleep(POLL).await;
    }
}
