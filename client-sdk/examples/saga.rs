//! A checkout: hold, pay, confirm; or give the seat back.
//!
//! `cargo run -p seatgrid-client-sdk --example saga -- http://127.0.0.1:7001`

use std::time::Duration;

use seatgrid_client_sdk::ids::TripId;
use seatgrid_client_sdk::layout::Layout;
use seatgrid_client_sdk::pb::LatePolicy;
use seatgrid_client_sdk::{
    BeginPayment, Client, Confirm, Error, HoldBest, HoldGuard, OpenTrip, Options,
};

/// A coach of two rows.
const COACH: &str = r#"{
    "name": "Small coach",
    "zones": [{"name": "Standard"}],
    "rows": {"from": 1, "to": 2, "pattern": "AB_CD"}
}"#;

/// What came of a checkout.
#[derive(Debug, PartialEq, Eq)]
pub enum Checkout {
    /// The seats are booked.
    Booked(Vec<String>),
    /// The payment failed, and the seats are free again.
    GivenBack,
    /// The payment came too late, and the seats are gone: the money goes back.
    Refunded,
}

/// Two checkouts: one whose payment is accepted, and one whose payment is declined.
pub async fn run(endpoint: &str) -> Result<[Checkout; 2], Error> {
    let client = Client::connect([endpoint], Options::default()).await?;
    let trip = TripId::new("example/saga")?;
    let coach = Layout::parse("coach.json", COACH).expect("the layout above is well formed");
    client.open_trip(OpenTrip::new(&trip, &coach)).await?;
    let accepted = checkout(&client, &trip, async || true).await?;
    let declined = checkout(&client, &trip, async || false).await?;
    println!("{accepted:?}, {declined:?}");
    Ok([accepted, declined])
}

/// Holds the best two seats, lets `pay` pay for them, and confirms.
///
/// Wherever this function ends early, by an error or because its task is dropped, the guard gives the
/// seats back.
async fn checkout(
    client: &Client,
    trip: &TripId,
    pay: impl AsyncFnOnce() -> bool,
) -> Result<Checkout, Error> {
    let best = HoldBest::new(trip, 2).adjacent().ttl(Duration::from_secs(60));
    let guard: HoldGuard = client.guard(client.hold_best(best).await?);

    // From here to the end of the window the hold cannot expire, however slow the provider is.
    let window = BeginPayment::from(guard.held()).window(Duration::from_secs(120));
    client.begin_payment(window).await?;
    if !pay().await {
        guard.release().await?;
        return Ok(Checkout::GivenBack);
    }

    // The money is taken: from here on the hold is not given back, but confirmed until that is certain.
    let held = guard.into_held();
    let confirm = Confirm::from(&held).late(LatePolicy::Reacquire);
    loop {
        match client.confirm(confirm.clone()).await {
            Ok(_) => return Ok(Checkout::Booked(held.seats)),
            Err(error) if error.is_retryable() => {}
            Err(Error::Refused(_)) => return Ok(Checkout::Refunded),
            Err(error) => return Err(error),
        }
    }
}

#[allow(dead_code)]
#[tokio::main]
async fn main() -> Result<(), Error> {
    let given = std::env::args().nth(1).or_else(|| std::env::var("SEATGRID_ENDPOINTS").ok());
    run(&given.unwrap_or_else(|| "http://127.0.0.1:7001".to_owned())).await.map(drop)
}
