//! The SDK's examples, run against a real cluster.

#![allow(clippy::unwrap_used)]

mod support;

#[allow(dead_code, unreachable_pub)]
#[path = "../../client-sdk/examples/hold_confirm.rs"]
mod hold_confirm;
#[allow(dead_code, unreachable_pub)]
#[path = "../../client-sdk/examples/saga.rs"]
mod saga;
#[allow(dead_code, unreachable_pub)]
#[path = "../../client-sdk/examples/watch.rs"]
mod watch;

use saga::Checkout;
use seatgrid_client_sdk::pb::SeatState;
use support::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_do_what_they_say() {
    let cluster = Cluster::start().await;
    let endpoint = cluster.endpoint(2);

    let confirmed = hold_confirm::run(&endpoint).await.unwrap();
    assert!(!confirmed.reacquired);

    let [accepted, declined] = saga::run(&endpoint).await.unwrap();
    assert!(matches!(accepted, Checkout::Booked(seats) if !seats.is_empty()));
    assert_eq!(declined, Checkout::GivenBack);

    let view = watch::run(&endpoint).await.unwrap();
    assert_eq!(view.count(SeatState::Held), 0, "the hold came and went");

    cluster.audit().await;
    cluster.stop().await;
}
