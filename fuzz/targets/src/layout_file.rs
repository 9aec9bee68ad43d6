//! Layout files: our JSON, drawings, and seating plans of pretix.
//!
//! A file that is refused names what is wrong and where. A layout that is accepted can be drawn, and the
//! node accepts it, too: what an importer has checked is not refused later.

use client_sdk::layout::Layout;
use client_sdk::pb::{OpenTripRequest, pipeline_command::Command};
use client_sdk::wire_layout;

use crate::Seed;

/// Reads a layout, draws it and puts a trip with it on sale.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Layout::parse("layout", text) {
        Ok(layout) => {
            assert!(!layout.render_text().is_empty());
            let request = OpenTripRequest {
                trip_id: "coach-101".into(),
                layout: Some(wire_layout(&layout)),
                ..OpenTripRequest::default()
            };
            let routed = node::fuzzing::route(Command::OpenTrip(request.into()));
            let (_, command) = routed.expect("a node takes what a layout file gives");
            command.check_readable().expect("and so does a trip");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The samples of the repository as far as they are short, and a short one of each form.
pub fn seeds() -> Vec<Seed> {
    let standing = "name: Club\nstanding: Floor 400\nzone: Seats\n1A 1B _ 1C\nwindow: 1A\n";
    let decks = r#"{"name":"T","zones":[{"name":"A"},{"name":"F","capacity":9,"comment":"x"}],
        "zone":"A","derive":["window","aisle"],"coaches":[{"names":["1","2"],"seat_name":"{coach}-{row:02}{place}",
        "rows":[{"from":1,"to":3,"pattern":"AB_CD","attributes":["quiet"]},{"name":"9","pattern":"1..4 _ 9..7"}]}],
        "marks":{"table":["1-01A"]}}"#;
    let pretix = r##"{"name":"H","categories":[{"name":"A","color":"#fff"}],"zones":[{"name":"Z","uuid":"z",
        "position":{"x":0,"y":0},"rows":[{"row_number":"1","position":{"x":0,"y":0},"seats":[
        {"seat_number":"1","seat_guid":"a","category":"A","position":{"x":0,"y":0}},
        {"seat_number":"2","seat_guid":"b","category":"A","position":{"x":9,"y":0}},
        {"seat_number":"3","seat_guid":"c","category":"A","position":{"x":30,"y":0}}]}]}]}"##;
    let sample = |name| {
        let bytes: &[u8] = name;
        bytes.to_vec()
    };
    vec![
        ("minibus", sample(include_bytes!("../../../samples/layouts/minibus.txt"))),
        ("coach-50", sample(include_bytes!("../../../samples/layouts/coach-50.json"))),
        ("sleeper", sample(include_bytes!("../../../samples/layouts/night-train-sleeper.json"))),
        ("standing", standing.into()),
        ("decks", decks.into()),
        ("pretix", pretix.into()),
    ]
}
