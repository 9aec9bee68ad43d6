//! Faults that a booking service orders on its staging cluster, and what its SDK makes of them.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use proto::ids::{BuyerId, TripId};
use proto::pb::order_fault_request::Effect;
use proto::pb::{self, Code};
use seatgrid_client_sdk::{Client, Confirm, Error, Faults, Hold, Options, new_hold_id};
use support::Cluster;

const TOKEN: &str = "a token that nobody guesses";

/// A cluster that takes orders, a client that is soon out of patience, and the file of the token.
async fn staging() -> (Cluster, Client, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), TOKEN).unwrap();
    let settings = format!("[faults]\nenabled = true\ntoken_file = {:?}\n", file.path());
    let cluster = Cluster::with_settings(&settings).await;
    cluster.open("trip", 40).await;
    cluster.open("other", 40).await;
    let endpoints: Vec<String> = (1..=3).map(|id| cluster.endpoint(id)).collect();
    let options = Options {
        attempt_timeout: Duration::from_millis(200),
        ..Options::default().deadline(Duration::from_secs(1))
    };
    let client = Client::connect(&endpoints, options).await.unwrap();
    (cluster, client, file)
}

fn trip(name: &str) -> TripId {
    TripId::new(name).unwrap()
}

fn scope(trip: &str, command: &str, buyer: &str) -> Option<pb::FaultScope> {
    Some(pb::FaultScope {
        trip_id: trip.into(),
        command: command.into(),
        buyer_id: buyer.into(),
        per_mille: 0,
    })
}

/// Orders the same of every node.
async fn order(cluster: &Cluster, faults: &Faults, scope: Option<pb::FaultScope>, effect: Effect) {
    let order = pb::OrderFaultRequest { scope, effect: Some(effect), for_ms: 60_000 };
    for id in 1..=3 {
        faults.order(&cluster.endpoint(id), order.clone()).await.unwrap();
    }
}

async fn end_all(cluster: &Cluster, faults: &Faults) -> u32 {
    let mut ended = 0;
    for id in 1..=3 {
        ended += faults.end(&cluster.endpoint(id), None).await.unwrap();
    }
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_can_be_ordered_without_the_switch_and_the_token() {
    let (cluster, client, _file) = staging().await;
    let lose = || pb::OrderFaultRequest {
        scope: None,
        effect: Some(Effect::LoseAnswers(pb::LoseAnswers {})),
        for_ms: 1_000,
    };
    let denied = async |token: &str| {
        let faults = Faults::new(&client, token).unwrap();
        let error = faults.order(&cluster.endpoint(1), lose()).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{error}");
        error.to_string()
    };
    assert!(denied("a token that nobody guessed").await.contains("the token is wrong"));
    let none = proto::pb::faults_client::FaultsClient::new(cluster.channel(1).await)
        .list_faults(pb::ListFaultsRequest {})
        .await
        .unwrap_err();
    assert_eq!(none.code(), tonic::Code::PermissionDenied, "{none}");
    cluster.stop().await;

    let plain = Cluster::start().await;
    let client = Client::connect([plain.endpoint(1)], Options::default()).await.unwrap();
    let faults = Faults::new(&client, TOKEN).unwrap();
    let error = faults.order(&plain.endpoint(1), lose()).await.unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    assert!(error.to_string().contains("[faults] is off"), "{error}");
    plain.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirm_whose_answer_was_lost_has_happened_once() {
    let (cluster, client, _file) = staging().await;
    let faults = Faults::new(&client, TOKEN).unwrap();
    let lost = Effect::LoseAnswers(pb::LoseAnswers {});
    order(&cluster, &faults, scope("trip", "confirm", "ann"), lost).await;

    let hold = async |name: &str, buyer: &str, seat: &str| {
        let hold =
            Hold::seats(&trip(name), [seat]).buyer(BuyerId::new(buyer).unwrap()).id(new_hold_id());
        client.hold(hold).await.unwrap().hold
    };
    let hers = hold("trip", "ann", "1A").await;
    let unknown = client.confirm(Confirm::new(&trip("trip"), hers)).await.unwrap_err();
    assert!(matches!(unknown, Error::Unknown { .. }), "{unknown}");
    // Others are not met: another buyer, another trip.
    let his = hold("trip", "bob", "1B").await;
    client.confirm(Confirm::new(&trip("trip"), his)).await.unwrap();
    let elsewhere = hold("other", "ann", "1A").await;
    client.confirm(Confirm::new(&trip("other"), elsewhere)).await.unwrap();

    let mut met = 0;
    for id in 1..=3 {
        let list = faults.list(&cluster.endpoint(id)).await.unwrap();
        assert_eq!(list.node_id, id);
        met += list.faults.iter().map(|fault| fault.met).sum::<u64>();
    }
    assert!(met > 1, "it was sent again, and lost again: {met}");
    assert_eq!(end_all(&cluster, &faults).await, 3);
    client.confirm(Confirm::new(&trip("trip"), hers)).await.unwrap();
    let seats = cluster.trip("trip").await;
    assert_eq!(seats.totals.unwrap().sold, 2, "hers and his");
    cluster.audit().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_call_waits_for_an_answer_that_is_lost() {
    let (cluster, client, _file) = staging().await;
    let faults = Faults::new(&client, TOKEN).unwrap();
    let lost = Effect::LoseAnswers(pb::LoseAnswers {});
    order(&cluster, &faults, scope("", "hold", ""), lost).await;
    let mut inventory = cluster.inventory(cluster.leader_of("trip").await).await;
    let mut request = tonic::Request::new(support::hold_request("trip", 7, "2A"));
    request.set_timeout(Duration::from_millis(300));
    let status = inventory.hold(request).await.unwrap_err();
    assert!(
        matches!(status.code(), tonic::Code::Cancelled | tonic::Code::DeadlineExceeded),
        "{status}"
    );
    end_all(&cluster, &faults).await;
    let taken = cluster.hold("trip", 8, "2A").await.unwrap_err();
    assert_eq!(taken.code(), Code::SeatTaken, "the hold has happened");
    cluster.hold("trip", 7, "2A").await.unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_answers_and_overload_are_what_the_sdk_sees() {
    let (cluster, client, _file) = staging().await;
    let faults = Faults::new(&client, TOKEN).unwrap();
    let late = Effect::DelayAnswers(pb::DelayAnswers { ms: 120 });
    order(&cluster, &faults, scope("trip", "", ""), late).await;
    let asked = Instant::now();
    let _held = client.hold(Hold::seats(&trip("trip"), ["3A"])).await.unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(120), "{:?}", asked.elapsed());
    end_all(&cluster, &faults).await;

    let overloaded = Effect::RefuseOverloaded(pb::RefuseOverloaded {});
    order(&cluster, &faults, scope("trip", "", ""), overloaded).await;
    let error = client.hold(Hold::seats(&trip("trip"), ["3B"])).await.unwrap_err();
    assert!(matches!(error, Error::Overloaded { .. }), "{error}");
    let _held = client.hold(Hold::seats(&trip("other"), ["3B"])).await.unwrap();
    end_all(&cluster, &faults).await;
    let _held = client.hold(Hold::seats(&trip("trip"), ["3B"])).await.unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_expire_and_leaders_change_on_order() {
    let (cluster, client, _file) = staging().await;
    let faults = Faults::new(&client, TOKEN).unwrap();
    let first = client.hold(Hold::seats(&trip("trip"), ["4A"])).await.unwrap().hold;
    let second = client.hold(Hold::seats(&trip("trip"), ["4B"])).await.unwrap().hold;
    assert_eq!(faults.expire_now(&trip("trip"), Some(first)).await.unwrap(), 1);
    let expired = client.confirm(Confirm::new(&trip("trip"), first)).await.unwrap_err();
    assert_eq!(expired.code(), Code::HoldExpired);
    client.confirm(Confirm::new(&trip("trip"), second)).await.unwrap();
    let _third = client.hold(Hold::seats(&trip("trip"), ["4A"])).await.unwrap();
    assert_eq!(faults.expire_now(&trip("trip"), None).await.unwrap(), 1, "a booking is no hold");

    let before = cluster.leader_of("trip").await;
    let change = Effect::ChangeLeaders(pb::ChangeLeaders { every_ms: 200 });
    let order = pb::OrderFaultRequest {
        scope: scope("trip", "", ""),
        effect: Some(change),
        for_ms: 30_000,
    };
    faults.order(&cluster.endpoint(before), order).await.unwrap();
    let until = Instant::now() + support::DEADLINE;
    while cluster.leader_of("trip").await == before {
        assert!(Instant::now() < until, "node {before} still leads");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    end_all(&cluster, &faults).await;
    let _held = client.hold(Hold::seats(&trip("trip"), ["4C"])).await.unwrap();
    cluster.audit().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_ends_by_itself() {
    let (cluster, client, _file) = staging().await;
    let faults = Faults::new(&client, TOKEN).unwrap();
    let overloaded = Some(Effect::RefuseOverloaded(pb::RefuseOverloaded {}));
    let order = pb::OrderFaultRequest { scope: None, effect: overloaded, for_ms: 300 };
    for id in 1..=3 {
        faults.order(&cluster.endpoint(id), order.clone()).await.unwrap();
    }
    // Longer than the fault, within the client's patience.
    let _held = client.hold(Hold::seats(&trip("trip"), ["5A"])).await.unwrap();
    let until = Instant::now() + support::DEADLINE;
    while !faults.list(&cluster.endpoint(1)).await.unwrap().faults.is_empty() {
        assert!(Instant::now() < until, "it does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.stop().await;
}
