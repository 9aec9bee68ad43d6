//! Holds a seat and confirms it.
//!
//! `cargo run -p seatgrid-client-sdk --example hold_confirm -- http://127.0.0.1:7001`

use std::time::Duration;

use seatgrid_client_sdk::ids::{BuyerId, TripId};
use seatgrid_client_sdk::layout::Layout;
use seatgrid_client_sdk::{Client, Confirmed, Error, Hold, OpenTrip, Options};

/// A coach of two rows.
const COACH: &str = r#"{
    "name": "Small coach",
    "zones": [{"name": "Standard"}],
    "rows": {"from": 1, "to": 2, "pattern": "AB_CD"}
}"#;

/// Opens a trip, holds a seat of it and confirms the hold.
pub async fn run(endpoint: &str) -> Result<Confirmed, Error> {
    let client = Client::connect([endpoint], Options::default()).await?;

    // Opening a trip again with the same content is a repetition, not an error.
    let trip = TripId::new("example/hold-confirm")?;
    let coach = Layout::parse("coach.json", COACH).expect("the layout above is well formed");
    client.open_trip(OpenTrip::new(&trip, &coach).title("Köln → Paris")).await?;

    // The request carries its id: sent again, it gets the first answer.
    let hold = Hold::seats(&trip, ["1A"]).buyer(BuyerId::new("ann")?).ttl(Duration::from_secs(60));
    let held = match client.hold(hold).await {
        Ok(held) => held,
        Err(Error::Refused(refusal)) => {
            println!("{refusal}; free instead: {}", refusal.alternatives.join(", "));
            return Err(Error::Refused(refusal));
        }
        Err(error) => return Err(error),
    };
    println!("held {} until {}", held.seats.join(" "), held.expires_at);

    // The fence makes sure that what is confirmed is what was held.
    let confirmed = client.confirm(&held).await?;
    println!("confirmed at {}", confirmed.position);
    Ok(confirmed)
}

#[allow(dead_code)]
#[tokio::main]
async fn main() -> Result<(), Error> {
    let given = std::env::args().nth(1).or_else(|| std::env::var("SEATGRID_ENDPOINTS").ok());
    run(&given.unwrap_or_else(|| "http://127.0.0.1:7001".to_owned())).await.map(drop)
}
