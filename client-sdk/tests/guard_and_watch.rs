//! The hold guard, watching, and opening large trips.
#![allow(clippy::unwrap_used)]

mod fake;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fake::{Events, Node, topology, yes};
use futures::StreamExt as _;
use seatgrid_client_sdk::ids::TripId;
use seatgrid_client_sdk::pb::pipeline_command::Command;
use seatgrid_client_sdk::pb::watch_response::Event as Wire;
use seatgrid_client_sdk::pb::{self, PipelineCommand};
use seatgrid_client_sdk::{Client, Event, Hold, OpenTrip, Options};
use tokio::sync::watch;

fn trip() -> TripId {
    TripId::new("trip-1").unwrap()
}

/// A node that writes down which commands come.
async fn recording() -> (Node, Arc<Mutex<Vec<&'static str>>>) {
    let seen: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let log = seen.clone();
    let node = fake::single(Arc::new(move |command: &PipelineCommand| {
        log.lock().unwrap().push(match command.command.as_ref().unwrap() {
            Command::Hold(_) => "hold",
            Command::Confirm(_) => "confirm",
            Command::Release(_) => "release",
            Command::Extend(_) => "extend",
            Command::OpenTrip(_) => "open_trip",
            _ => "other",
        });
        yes(command)
    }))
    .await;
    (node, seen)
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_guard_that_is_dropped_releases_its_hold() {
    let (node, seen) = recording().await;
    let client = Client::connect([&node.endpoint], Options::default()).await.unwrap();
    drop(client.hold_guarded(Hold::seats(&trip(), ["1A"])).await.unwrap());
    until("the release", || *seen.lock().unwrap() == ["hold", "release"]).await;
}

#[tokio::test]
async fn a_guarded_call_that_is_dropped_releases_what_it_may_have_held() {
    let (node, seen) = recording().await;
    let client = Client::connect([&node.endpoint], Options::default()).await.unwrap();
    node.set_silent(true);
    let hold = Hold::seats(&trip(), ["1A"]);
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.hold_guarded(hold).await.map(drop) }
    });
    until("the hold", || node.commands() == 1).await;
    node.set_silent(false);
    call.abort();
    until("the release", || *seen.lock().unwrap() == ["release"]).await;
}

#[tokio::test]
async fn a_guard_that_is_confirmed_or_kept_releases_nothing() {
    let (node, seen) = recording().await;
    let client = Client::connect([&node.endpoint], Options::default()).await.unwrap();
    let guard = client.hold_guarded(Hold::seats(&trip(), ["1A"])).await.unwrap();
    guard.confirm().await.unwrap();
    let guard = client.hold_guarded(Hold::seats(&trip(), ["1B"])).await.unwrap();
    let held = guard.into_held();
    client.confirm(&held).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["hold", "confirm", "hold", "confirm"]);
}

#[tokio::test]
async fn a_guard_extends_itself_until_it_ends() {
    let (node, seen) = recording().await;
    let client = Client::connect([&node.endpoint], Options::default()).await.unwrap();
    let guard = client.hold_guarded(Hold::seats(&trip(), ["1A"])).await.unwrap();
    let guard = guard.auto_extend(Duration::from_millis(30));
    let extended = || seen.lock().unwrap().iter().filter(|&&what| what == "extend").count() >= 3;
    until("the third extension", extended).await;
    guard.release().await.unwrap();
    assert_eq!(seen.lock().unwrap().last(), Some(&"release"));
}

#[tokio::test]
async fn a_trip_too_large_for_one_message_is_streamed() {
    let (node, seen) = recording().await;
    let client = Client::connect([&node.endpoint], Options::default()).await.unwrap();
    let row = |n: u32| pb::Row {
        deck: 0,
        places: (0..100)
            .map(|p| pb::Place { seat: format!("{n}-{p}"), ..Default::default() })
            .collect(),
    };
    let layout =
        |rows: u32| pb::Layout { rows: (0..rows).map(row).collect(), ..Default::default() };
    let small = OpenTrip::with_wire_layout(&trip(), layout(10));
    client.open_trip(small).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["open_trip"]);
    let large = OpenTrip::with_wire_layout(&trip(), layout(1_000));
    let parts = client.open_trip(large).await.unwrap().places;
    assert!(parts > 3, "{parts} parts");
}

fn change(version: u64) -> pb::WatchResponse {
    let change = pb::Change { version, ..Default::default() };
    pb::WatchResponse { event: Some(Wire::Change(change)) }
}

fn snapshot(version: u64) -> pb::WatchResponse {
    let trip = pb::GetTripResponse { version, ..Default::default() };
    pb::WatchResponse { event: Some(Wire::Snapshot(trip)) }
}

#[tokio::test]
async fn a_watch_resumes_after_a_break_and_repairs_gaps() {
    let asked: Arc<Mutex<Vec<u64>>> = Arc::default();
    let log = asked.clone();
    let feed = move |from: u64| -> Events {
        log.lock().unwrap().push(from);
        let events = match from {
            // Ends after two changes.
            0 => vec![snapshot(4), change(5), change(6)],
            // Leaves 8 out.
            6 => vec![change(6), change(7), change(9)],
            // Has forgotten what came between.
            7 => vec![snapshot(20), change(21)],
            _ => return futures::stream::pending().boxed(),
        };
        futures::stream::iter(events.into_iter().map(Ok)).boxed()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (_tx, rx) = watch::channel(topology(std::slice::from_ref(&endpoint), &[1], 1));
    let _node = Node::serve(listener, rx, Arc::new(yes), Some(Arc::new(feed)));
    let client = Client::connect([endpoint], Options::default()).await.unwrap();
    let mut watch = client.watch(&trip(), 0);
    let mut versions = Vec::new();
    while versions.len() < 6 {
        versions.push(match watch.next().await.unwrap() {
            Event::Snapshot(trip) => (true, trip.version),
            Event::Change(change) => (false, change.version),
        });
    }
    let expected = [(true, 4), (false, 5), (false, 6), (false, 7), (true, 20), (false, 21)];
    assert_eq!(versions, expected);
    assert_eq!(*asked.lock().unwrap(), [0, 6, 7]);
}
