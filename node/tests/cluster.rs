//! Three real nodes: what clients were told survives stops, and replicas agree.

#![allow(clippy::unwrap_used)]

mod support;

use proto::pb::{self, Code};
use support::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_is_held_and_confirmed_once() {
    let cluster = Cluster::start().await;
    assert_eq!(cluster.open("coach-1", 8).await.places, 8);
    let held = cluster.hold("coach-1", 1, "1A").await.unwrap();
    assert!(held.fence > 0 && held.expires_at_ms > 0);

    let taken = cluster.hold("coach-1", 2, "1A").await.unwrap_err();
    assert_eq!(taken.code(), Code::SeatTaken);
    assert_eq!(taken.blocking[0].seat, "1A");
    assert_eq!(taken.retry_at_ms, held.expires_at_ms);
    assert!(!taken.alternatives.is_empty());

    // A retry gets the first answer; the same id with another body is refused.
    assert_eq!(cluster.hold("coach-1", 1, "1A").await.unwrap().fence, held.fence);
    assert_eq!(cluster.hold("coach-1", 1, "1B").await.unwrap_err().code(), Code::IdReused);

    assert_eq!(cluster.confirm("coach-1", 1).await.unwrap().fence, held.fence);
    let totals = cluster.trip("coach-1").await.totals.unwrap();
    assert_eq!((totals.free, totals.sold), (7, 1));
    cluster.audit().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_stops_and_snapshots() {
    let mut cluster = Cluster::start().await;
    for trip in 0..12 {
        cluster.open(&format!("trip-{trip}"), 4).await;
        cluster.hold(&format!("trip-{trip}"), 100 + trip, "1A").await.unwrap();
        cluster.confirm(&format!("trip-{trip}"), 100 + trip).await.unwrap();
    }
    for id in 1..=3 {
        let mut client = cluster.cluster_client(id).await;
        client.snapshot_now(pb::SnapshotNowRequest {}).await.unwrap();
    }
    // Some state only in the log, some only in the snapshot.
    for trip in 0..6 {
        cluster.hold(&format!("trip-{trip}"), 200 + trip, "1B").await.unwrap();
    }
    cluster.audit().await;
    for id in 1..=3 {
        cluster.stop_node(id).await;
    }
    for id in 1..=3 {
        cluster.start_node(id).await;
    }
    cluster.wait_until_led().await;
    for trip in 0..12_u128 {
        let found = cluster.trip(&format!("trip-{trip}")).await;
        let state = |name: &str| found.seats.iter().find(|s| s.name == name).unwrap().state();
        assert_eq!(state("1A"), pb::SeatState::Sold, "trip-{trip}");
        let second = if trip < 6 { pb::SeatState::Held } else { pb::SeatState::Free };
        assert_eq!(state("1B"), second, "trip-{trip}");
    }
    cluster.audit().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_missed_everything_catches_up_from_a_snapshot() {
    let mut cluster = Cluster::start().await;
    cluster.open("trip", 40).await;
    cluster.stop_node(3).await;
    cluster.wait_until_led().await;
    std::fs::remove_dir_all(cluster.data_dir(3)).unwrap();
    for n in 0..10_u128 {
        cluster.hold("trip", n + 1, &format!("{}A", n + 1)).await.unwrap();
    }
    // Two snapshots each: the log before the first is purged.
    for (hold, seat) in [(50, "1B"), (51, "1C")] {
        for id in [1, 2] {
            let mut client = cluster.cluster_client(id).await;
            client.snapshot_now(pb::SnapshotNowRequest {}).await.unwrap();
        }
        cluster.hold("trip", hold, seat).await.unwrap();
    }
    cluster.start_node(3).await;
    cluster.wait_until_led().await;
    cluster.audit().await;
    // The replicas' log began after what node 3 needed: only a snapshot can have brought it.
    let shard = cluster.trip("trip").await.position.unwrap().shard as usize;
    let replica = async |id| {
        let mut client = cluster.cluster_client(id).await;
        let status = client.get_status(pb::GetStatusRequest {}).await.unwrap();
        status.into_inner().replicas.swap_remove(shard)
    };
    assert!(replica(1).await.purged_index > 0 && replica(2).await.purged_index > 0);
    assert!(replica(3).await.snapshot_index >= replica(1).await.purged_index);
    cluster.stop().await;
}
