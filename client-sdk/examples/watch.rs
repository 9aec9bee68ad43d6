//! Follows a trip while seats are held and released.
//!
//! `cargo run -p seatgrid-client-sdk --example watch -- http://127.0.0.1:7001`

use seatgrid_client_sdk::ids::TripId;
use seatgrid_client_sdk::layout::Layout;
use seatgrid_client_sdk::pb::SeatState;
use seatgrid_client_sdk::{Client, Error, Hold, OpenTrip, Options, SeatMapView};

/// A coach of two rows.
const COACH: &str = r#"{
    "name": "Small coach",
    "zones": [{"name": "Standard"}],
    "rows": {"from": 1, "to": 2, "pattern": "AB_CD"}
}"#;

/// Shows the seat map of a trip, and every change of it, until it has seen a hold come and go.
pub async fn run(endpoint: &str) -> Result<SeatMapView, Error> {
    let client = Client::connect([endpoint], Options::default()).await?;
    let trip = TripId::new("example/watch")?;
    let coach = Layout::parse("coach.json", COACH).expect("the layout above is well formed");
    client.open_trip(OpenTrip::new(&trip, &coach)).await?;

    // Connections may break: the watch goes on where it was, and never leaves a change out.
    let mut watch = client.watch(&trip, 0);
    let mut view = SeatMapView::default();
    show(&mut view, watch.next().await?);

    let held = client.hold(Hold::seats(&trip, ["2C", "2D"])).await?;
    let before = view.count(SeatState::Free);
    while view.count(SeatState::Free) >= before {
        show(&mut view, watch.next().await?);
    }
    client.release(&held).await?;
    while view.count(SeatState::Free) < before {
        show(&mut view, watch.next().await?);
    }
    Ok(view)
}

fn show(view: &mut SeatMapView, event: seatgrid_client_sdk::Event) {
    view.apply(&event).expect("a watch leaves no change out");
    let (version, free) = (view.version(), view.count(SeatState::Free));
    let taken: Vec<&str> = view
        .seats()
        .filter(|(_, seat)| seat.state != SeatState::Free)
        .map(|(_, seat)| seat.name.as_str())
        .collect();
    println!("version {version}: {free} free, taken: {}", taken.join(" "));
}

#[allow(dead_code)]
#[tokio::main]
async fn main() -> Result<(), Error> {
    let given = std::env::args().nth(1).or_else(|| std::env::var("SEATGRID_ENDPOINTS").ok());
    run(&given.unwrap_or_else(|| "http://127.0.0.1:7001".to_owned())).await.map(drop)
}
