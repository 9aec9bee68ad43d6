//! Where things live: which shard owns a trip, and which nodes prefer a shard.
//!
//! Node and client run this same code, so a client sends a command to the right node at once. The golden
//! vectors in the tests pin the functions for ever: a change would lose every trip.

use xxhash_rust::xxh3::xxh3_64;

use crate::ids::{NodeId, ShardId, TripId};

/// Most shards a cluster may have: each is a Raft group with its own heartbeats.
pub const MAX_SHARDS: u32 = 4_096;

/// The shard that owns `trip` in a cluster of `shards` shards.
///
/// Consistent: growing from n to n + 1 shards moves 1/(n + 1) of the trips, all of them to the new shard.
///
/// # Panics
///
/// When `shards` is zero; a cluster has at least one.
#[must_use]
pub fn shard_of(trip: &TripId, shards: u32) -> ShardId {
    assert!(shards > 0, "a cluster has at least one shard");
    ShardId::new(jump_hash(xxh3_64(trip.as_str().as_bytes()), shards))
}

/// The nodes in the order in which they should own `shard`, the most preferred first.
///
/// Rendezvous hashing (Thaler and Ravishankar, 1996): a node that joins or leaves moves only the shards
/// that it wins or held. The first `n` nodes hold the replicas, the very first should lead.
#[must_use]
pub fn preference(shard: ShardId, nodes: &[NodeId]) -> Vec<NodeId> {
    let mut ranked: Vec<(u64, NodeId)> =
        nodes.iter().map(|&node| (score(shard, node), node)).collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    ranked.into_iter().map(|(_, node)| node).collect()
}

fn score(shard: ShardId, node: NodeId) -> u64 {
    let mut key = [0_u8; 12];
    key[..4].copy_from_slice(&shard.get().to_le_bytes());
    key[4..].copy_from_slice(&node.get().to_le_bytes());
    xxh3_64(&key)
}

/// Jump consistent hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014).
fn jump_hash(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0_i64, 0_i64);
    while next < i64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let step = (1_u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * step) as i64;
    }
    bucket as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(n: u32) -> TripId {
        TripId::new(&format!("trip-{n}")).unwrap()
    }

    #[test]
    fn golden_vectors_never_change() {
        let shards: Vec<u32> = (0..12).map(|n| shard_of(&trip(n), 8).get()).collect();
        assert_eq!(shards, GOLDEN_SHARDS);
        let first: Vec<u64> = (0..8)
            .map(|s| {
                preference(ShardId::new(s), &[NodeId::new(1), NodeId::new(2), NodeId::new(3)])[0]
                    .get()
            })
            .collect();
        assert_eq!(first, GOLDEN_LEADERS);
    }

    const GOLDEN_SHARDS: [u32; 12] = [2, 0, 5, 4, 1, 5, 0, 7, 5, 6, 5, 6];
    const GOLDEN_LEADERS: [u64; 8] = [3, 2, 1, 3, 3, 2, 1, 2];

    #[test]
    fn growing_by_one_shard_moves_trips_only_to_the_new_one() {
        let mut moved = 0;
        for n in 0..20_000 {
            let (before, after) = (shard_of(&trip(n), 8), shard_of(&trip(n), 9));
            if before != after {
                assert_eq!(after, ShardId::new(8));
                moved += 1;
            }
        }
        assert!((1_900..2_600).contains(&moved), "a ninth should move, {moved} of 20000 did");
    }

    #[test]
    fn trips_spread_evenly_over_shards() {
        let mut load = [0_u32; 16];
        for n in 0..160_000 {
            load[shard_of(&trip(n), 16).get() as usize] += 1;
        }
        assert!(load.iter().all(|&n| (9_000..11_000).contains(&n)), "{load:?}");
    }

    #[test]
    fn a_node_that_leaves_moves_only_its_own_shards() {
        let all = [NodeId::new(1), NodeId::new(2), NodeId::new(3), NodeId::new(4)];
        for shard in (0..500).map(ShardId::new) {
            let before = preference(shard, &all)[0];
            let after = preference(shard, &all[..3])[0];
            assert!(before == after || before == NodeId::new(4));
        }
    }
}
