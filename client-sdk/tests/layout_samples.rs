//! Every sample layout is read and counted; what a terminal shows is kept letter by letter.

use std::path::Path;

use seatgrid_client_sdk::layout::{Attribute, Attributes, Layout, Seat, ZoneKind};

fn sample(name: &str) -> Layout {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/layouts").join(name);
    Layout::read(&path).unwrap_or_else(|error| panic!("{error}\nhint: {:?}", error.hint()))
}

fn seat<'a>(layout: &'a Layout, name: &str) -> &'a Seat {
    layout.seats().find(|seat| seat.name == name).unwrap_or_else(|| panic!("no seat {name}"))
}

fn attributes(layout: &Layout, name: &str) -> String {
    seat(layout, name).attributes.to_string()
}

/// Seats by zone, in the order of the zones; capacity for general admission.
fn zones(layout: &Layout) -> Vec<(&str, usize)> {
    let seats = |index| layout.seats().filter(|seat| usize::from(seat.zone) == index).count();
    let count = |(index, zone): (usize, &seatgrid_client_sdk::layout::Zone)| match zone.kind {
        ZoneKind::Numbered => seats(index),
        ZoneKind::GeneralAdmission { capacity } => capacity as usize,
    };
    let zones = layout.zones.iter().enumerate();
    zones.map(|(index, zone)| (zone.name.as_str(), count((index, zone)))).collect()
}

#[test]
fn a_coach_of_fifty_seats() {
    let coach = sample("coach-50.json");
    assert_eq!(coach.seat_count(), 50);
    assert_eq!(zones(&coach), [("Standard", 50)]);
    assert_eq!(attributes(&coach, "1A"), "window, power, extra_legroom");
    assert_eq!(attributes(&coach, "2B"), "aisle, companion, power");
    assert_eq!(coach.rows[12].places.iter().filter(|place| place.is_none()).count(), 3);
}

#[test]
fn a_coach_with_two_decks() {
    let coach = sample("double-deck-coach.json");
    assert_eq!(zones(&coach), [("Standard", 77), ("Panorama", 4)]);
    assert_eq!(attributes(&coach, "L2D"), "window, table, forward");
    assert_eq!(attributes(&coach, "U15E"), "");
    assert_eq!((coach.rows[0].deck.as_str(), coach.rows[5].deck.as_str()), ("L", "U"));
}

#[test]
fn a_night_train_of_six_coaches() {
    let train = sample("night-train-sleeper.json");
    assert_eq!(zones(&train), [("Sleeper", 68), ("Couchette", 174), ("Seat", 66)]);
    assert_eq!(attributes(&train, "303-1M2"), "women_only, berth_middle");
    assert_eq!(attributes(&train, "302-12U"), "accessible, berth_upper, quiet, power");
    assert_eq!(attributes(&train, "306-111"), "window");
    let lower: Attributes = [Attribute::BerthLower].into_iter().collect();
    let berths = train.seats().filter(|seat| seat.attributes.intersection(lower) == lower);
    assert_eq!(berths.count(), 2 * 12 + 3 * 20);
}

#[test]
fn a_train_that_counts_its_seats_through_each_coach() {
    let train = sample("train-ice-like.json");
    assert_eq!(zones(&train), [("First", 96), ("Second", 308)]);
    assert_eq!(attributes(&train, "21-11"), "window, power, forward");
    assert_eq!(attributes(&train, "24-82"), "window, quiet, power");
    assert_eq!(attributes(&train, "28-58"), "window, aisle, quiet, power");
    assert_eq!(attributes(&train, "25-12"), "aisle, accessible, power");
}

#[test]
fn a_hall_with_standing_places() {
    let hall = sample("hall-1000.json");
    let expected = [("Premium", 80), ("Stalls", 480), ("Balcony", 140), ("Standing", 300)];
    assert_eq!(zones(&hall), expected);
    assert_eq!(hall.seat_count() as u64 + hall.general_admission_capacity(), 1_000);
    assert!(hall.rows.iter().all(|row| row.name != "I" && row.name != "O"));
    assert_eq!(attributes(&hall, "S-P01"), "accessible");
    assert_eq!(attributes(&hall, "B-D17"), "aisle, limited_view");
}

#[test]
fn a_seating_plan_of_pretix() {
    let hall = sample("pretix-hall.json");
    // Nobody sits in Cat C.
    assert_eq!(zones(&hall), [("Cat A", 16), ("Cat B", 20)]);
    let decks: Vec<&str> = hall.rows.iter().map(|row| row.deck.as_str()).collect();
    assert_eq!(decks, ["Parquet", "Parquet", "Parquet", "Gallery", "Gallery"]);
    // Seats stand 25 apart, and 75 across the aisle: room for two.
    let taken: Vec<bool> = hall.rows[0].places.iter().map(Option::is_some).collect();
    assert_eq!(taken, [true, true, true, true, false, false, true, true, true, true]);
}

#[test]
fn a_drawing_and_how_it_is_shown() {
    let expected = "\
Minibus 15: 15 seats, 1 zone(s)
  Standard  15 seats

15 seats
  1 | A B       | extra_legroom
  2 | A B   C'a
  3 | A B   C'c
  4 | A B   C
  5 | A B C D

'a accessible  'c companion
";
    assert_eq!(sample("minibus.txt").render_text(), expected);
}

#[test]
fn what_a_deck_or_a_row_has_in_common_is_shown_once() {
    let layout = r#"{
        "name": "Half a night train",
        "zones": [{"name": "Sleeper"}, {"name": "Seat"}, {"name": "Bar", "capacity": 20}],
        "seat_name": "{coach}-{row}{place}",
        "columns": {"L": ["berth_lower"], "U": ["berth_upper"]},
        "coaches": [
            {"name": 1, "zone": "Sleeper", "attributes": ["quiet"],
             "rows": [{"from": 9, "to": 10, "pattern": "LU"},
                      {"row": 11, "pattern": "LU", "attributes": ["women_only"]}]},
            {"name": 2, "seat_name": "{coach}-{number}", "zone": "Seat",
             "rows": [{"row": 1, "pattern": "AB_C", "zone": "Sleeper"},
                      {"from": 2, "to": 4, "pattern": "AB_C"}]}
        ]
    }"#;
    let expected = "\
Half a night train: 18 seats, 3 zone(s)
  Sleeper  9 seats
  Seat     9 seats
  Bar      20 places without numbers

1: 6 seats, Sleeper, quiet
   1-9 | L'l U'u
  1-10 | L'l U'u
  1-11 | L'l U'u | women_only

2: 12 seats
  2- | 1  2    3  | Sleeper
  2- | 4  5    6  | Seat
  2- | 7  8    9  | Seat
  2- | 10 11   12 | Seat

'l berth_lower  'u berth_upper
";
    let layout = Layout::parse("train.json", layout).expect("the layout is good");
    assert_eq!(layout.render_text(), expected);
}

#[test]
fn the_bits_of_attributes_never_change() {
    for (bit, attribute) in Attribute::ALL.into_iter().enumerate() {
        let set: Attributes = [attribute].into_iter().collect();
        assert_eq!(set.bits(), 1 << bit, "{}", attribute.name());
        assert_eq!(Attribute::from_name(attribute.name()), Some(attribute));
        assert_eq!(Attributes::from_bits(set.bits()), Some(set));
    }
    assert_eq!(Attributes::from_bits(1 << Attribute::ALL.len()), None);
}
