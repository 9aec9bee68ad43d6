//! What a node tells about itself is what `docs/OBSERVABILITY.md` says, and counts what happened.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proto::ids::TripId;
use seatgrid_client_sdk::{Client, Confirm, Hold, Options};
use support::{Cluster, DEADLINE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What `/metrics` of a node says.
async fn scrape(cluster: &Cluster, id: u64) -> String {
    let address = cluster.config.member(id).unwrap().admin.get_ref();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The types of all metrics by their names.
fn types(metrics: &str) -> BTreeMap<String, String> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(n, t)| (n.into(), t.into())).collect()
}

/// The same from the table of the documentation.
fn documented() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OBSERVABILITY.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `seatgrid_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        (cells[1].to_owned(), cells[2].to_owned())
    })
    .collect()
}

/// The sum of a series over all nodes; `labels` is how the line goes on after the name.
async fn sum(cluster: &Cluster, series: &str) -> f64 {
    let mut sum = 0.0;
    for id in cluster.running() {
        let metrics = scrape(cluster, id).await;
        let values = metrics.lines().filter_map(|line| line.strip_prefix(series));
        sum += values.map(|v| v.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>();
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_documented_and_counts_what_happened() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    let client = Client::connect([cluster.endpoint(1)], Options::default()).await.unwrap();
    let trip = TripId::new("trip").unwrap();
    let held = client.hold(Hold::seats(&trip, ["1A"])).await.unwrap();
    assert!(client.hold(Hold::seats(&trip, ["1B"])).await.is_ok());
    assert!(client.hold(Hold::seats(&trip, ["1A"])).await.is_err());
    client.confirm(Confirm::from(&held)).await.unwrap();

    let answered = |command: &str, outcome: &str| {
        format!("seatgrid_commands_total{{command=\"{command}\",outcome=\"{outcome}\"}}")
    };
    // On a slow machine the client may have to ask twice: what is exact is `shard_shell.rs`'s.
    assert!(sum(&cluster, &answered("hold", "OK")).await >= 2.0);
    assert!(sum(&cluster, &answered("hold", "SEAT_TAKEN")).await >= 1.0);
    assert!(sum(&cluster, &answered("confirm", "OK")).await >= 1.0);
    assert!(sum(&cluster, &answered("open", "OK")).await >= 1.0);
    let through_log = sum(&cluster, "seatgrid_answers_total{way=\"through_log\"}").await;
    let before_log = sum(&cluster, "seatgrid_answers_total{way=\"before_log\"}").await;
    assert!(through_log + before_log >= 5.0);
    assert!(through_log >= 4.0, "two holds, a confirm and an open change something");
    // Every one of these commands was the only one of its entry.
    assert_eq!(sum(&cluster, "seatgrid_entry_commands_count").await, through_log);
    assert!(sum(&cluster, "seatgrid_commit_seconds_count").await >= through_log);
    assert!(sum(&cluster, "seatgrid_answer_seconds_count").await >= 5.0);
    assert!(sum(&cluster, "seatgrid_pipelines_open").await >= 1.0);
    followers_count(&cluster).await;

    // A node that has answered no command has no series for it.
    let mut told = BTreeMap::new();
    for id in cluster.running() {
        told.extend(types(&scrape(&cluster, id).await));
    }
    assert_eq!(told, documented());
    cluster.stop().await;
}

/// Waits until all three replicas have the one hold that still lives.
async fn followers_count(cluster: &Cluster) {
    let deadline = Instant::now() + DEADLINE;
    while sum(cluster, "seatgrid_shard_live_holds").await != 3.0 {
        assert!(Instant::now() < deadline, "a replica counts other live holds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
