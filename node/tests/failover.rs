//! Leaders that go and trips that break: what others notice of it.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;

use proto::ids::TripId;
use proto::pb::{self, Code};
use seatgrid_client_sdk::{Client, Event, Hold, Options};
use support::Cluster;

/// Trips of one shard, as the cluster tells it.
async fn trips_of_one_shard(cluster: &Cluster, count: usize) -> Vec<String> {
    let mut by_shard: Vec<Vec<String>> = vec![Vec::new(); 3];
    for n in 0.. {
        let trip = format!("trip-{n}");
        cluster.open(&trip, 8).await;
        let shard = cluster.trip(&trip).await.position.unwrap().shard as usize;
        by_shard[shard].push(trip);
        if by_shard[shard].len() == count {
            return by_shard.swap_remove(shard);
        }
    }
    unreachable!("some shard gets enough trips")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_one_trip_fences_it_alone_on_every_replica() {
    let cluster = Cluster::start().await;
    let trips = trips_of_one_shard(&cluster, 2).await;
    let (broken, sound) = (trips[0].as_str(), trips[1].as_str());
    cluster.hold(broken, 1, "1A").await.unwrap();
    cluster.hold(sound, 2, "1A").await.unwrap();
    for id in 1..=3 {
        assert!(cluster.node(id).inject_panic(&TripId::new(broken).unwrap()).await);
    }
    let fenced = cluster.hold(broken, 3, "1B").await.unwrap_err();
    assert_eq!(fenced.code(), Code::TripFenced);
    let still = cluster.confirm(broken, 1).await.unwrap_err();
    assert_eq!(still.code(), Code::TripFenced, "it answers nothing any more");
    cluster.confirm(sound, 2).await.unwrap();
    cluster.hold(sound, 4, "1B").await.unwrap();
    cluster.audit().await;
    let fenced = async |id| {
        let mut client = cluster.cluster_client(id).await;
        let status = client.get_status(pb::GetStatusRequest {}).await.unwrap();
        status.into_inner().replicas.iter().map(|replica| replica.fenced_trips).sum::<u64>()
    };
    assert_eq!([fenced(1).await, fenced(2).await, fenced(3).await], [1, 1, 1]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_without_a_gap_when_its_leader_is_gone() {
    let mut cluster = Cluster::start().await;
    cluster.open("trip", 40).await;
    let endpoints: Vec<String> = (1..=3).map(|id| cluster.endpoint(id)).collect();
    let client = Client::connect(&endpoints, Options::default()).await.unwrap();
    let trip = TripId::new("trip").unwrap();
    let mut watch = client.watch(&trip, 0);
    let Event::Snapshot(first) = watch.next().await.unwrap() else {
        panic!("a watch from the beginning begins with a snapshot")
    };
    let mut version = first.version;
    for round in 0..3_u32 {
        let seat = |letter| format!("{}{letter}", round + 1);
        let _held = client.hold(Hold::seats(&trip, [seat('A')])).await.unwrap();
        let gone = cluster.leader_of("trip").await;
        cluster.stop_node(gone).await;
        let _held = client.hold(Hold::seats(&trip, [seat('B')])).await.unwrap();
        for _ in 0..2 {
            let Event::Change(change) = watch.next().await.unwrap() else {
                panic!("every replica has the changes: no snapshot is needed")
            };
            version += 1;
            assert_eq!(change.version, version);
        }
        cluster.start_node(gone).await;
        cluster.wait_until_led().await;
    }
    cluster.audit().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_closes_when_others_lead_its_shards() {
    let mut cluster = Cluster::start().await;
    cluster.wait_until_led().await;
    for gone in 1..=3 {
        cluster.stop_node(gone).await;
        // Asked once, when it has closed: who waits for an election now would wait for nothing.
        let mut led = BTreeSet::new();
        for id in cluster.running() {
            let mut client = cluster.cluster_client(id).await;
            let topology = client.get_topology(pb::GetTopologyRequest {}).await.unwrap();
            let shards = topology.into_inner().shards;
            led.extend(shards.iter().filter(|shard| shard.leader == id).map(|shard| shard.shard));
        }
        assert_eq!(led, BTreeSet::from([0, 1, 2]), "after node {gone} has closed");
        cluster.start_node(gone).await;
        cluster.wait_until_led().await;
    }
    cluster.stop().await;
}
