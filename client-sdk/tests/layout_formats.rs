//! The three formats, where a sample does not show them: scopes, lists, drawings, pretix plans.

use seatgrid_client_sdk::layout::{Layout, ZoneKind};

fn parse(text: &str) -> Layout {
    Layout::parse("x", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The seats of each row, `_` for a gap.
fn drawn(layout: &Layout) -> Vec<String> {
    let row = |places: &Vec<Option<seatgrid_client_sdk::layout::Seat>>| {
        let names: Vec<&str> =
            places.iter().map(|place| place.as_ref().map_or("_", |seat| &seat.name)).collect();
        names.join(" ")
    };
    layout.rows.iter().map(|layout_row| row(&layout_row.places)).collect()
}

fn attributes(layout: &Layout, name: &str) -> String {
    let seat = layout.seats().find(|seat| seat.name == name);
    seat.unwrap_or_else(|| panic!("no seat {name}")).attributes.to_string()
}

#[test]
fn patterns_and_lists_are_the_same_rows() {
    let patterns = parse(
        r#"{"name": "X", "zones": [{"name": "Z"}], "rows": [
            {"from": 1, "to": 2, "pattern": "AB_C"},
            {"row": 3, "pattern": "A B __ C"},
            {"from": 5, "to": 9, "step": 2, "except": ["7"], "pattern": "2..1"}
        ]}"#,
    );
    let lists = parse(
        r#"{"name": "X", "zones": [{"name": "Z"}], "rows": [
            ["1A", "1B", null, "1C"],
            ["2A", "2B", null, {"name": "2C"}],
            {"places": ["3A", "3B", null, null, "3C"]},
            {"row": 5, "places": [52, "51"]},
            {"row": 9, "places": ["92", "91"]}
        ]}"#,
    );
    assert_eq!(patterns, lists);
    assert_eq!(drawn(&lists)[..3], ["1A 1B _ 1C", "2A 2B _ 2C", "3A 3B _ _ 3C"]);
}

#[test]
fn attributes_add_up_and_everything_else_is_replaced() {
    let layout = parse(
        r#"{
            "name": "X", "zones": [{"name": "Y"}, {"name": "Z", "seats": ["b2C"]}], "zone": "Y",
            "attributes": ["power"], "columns": {"A": ["window"], "C": ["aisle"]},
            "seat_name": "{deck}{row}{place}", "first_number": 5,
            "decks": [
                {"name": "a", "attributes": ["quiet"], "rows": {"from": 1, "to": 2, "pattern": "AC"}},
                {"name": "b", "columns": {"A": ["table"]}, "rows": [
                    {"row": 1, "pattern": "AC", "attributes": ["family"], "columns": {"C": []}},
                    {"row": 2, "pattern": "AC", "zone": "Z", "seat_name": "{deck}{number:03}"},
                    {"row": 2, "pattern": "C"},
                    ["odd", {"name": "odder", "attributes": ["companion"], "zone": "Z"}]
                ]}
            ],
            "marks": {"accessible": ["odd", "a1A"]}
        }"#,
    );
    assert_eq!(attributes(&layout, "a1A"), "window, accessible, quiet, power");
    assert_eq!(attributes(&layout, "b1A"), "table, power, family");
    assert_eq!(attributes(&layout, "b1C"), "power, family");
    assert_eq!(attributes(&layout, "b008"), "aisle, power");
    assert_eq!(attributes(&layout, "odd"), "accessible, power");
    assert_eq!(attributes(&layout, "odder"), "companion, power");
    let of_zone = |zone: u16| layout.seats().filter(move |seat| seat.zone == zone);
    let names: Vec<&str> = of_zone(1).map(|seat| seat.name.as_str()).collect();
    assert_eq!(names, ["b007", "b008", "b2C", "odder"]);
}

#[test]
fn a_hall_may_have_standing_places_only() {
    let hall = parse(r#"{"name": "Club", "zones": [{"name": "Floor", "capacity": 900}]}"#);
    assert_eq!((hall.seat_count(), hall.general_admission_capacity()), (0, 900));
    assert_eq!(
        hall.render_text(),
        "Club: 0 seats, 1 zone(s)\n  Floor  900 places without numbers\n"
    );
}

#[test]
fn a_drawing_says_what_the_same_json_says() {
    let drawing = parse(
        "# A ship\r\n\
         name: Ship\r\n\
         derive: window aisle\r\n\
         standing: Deck chairs 40\r\n\
         zone: Saloon\r\n\
         deck: upper\r\n\
         1A 1B _ 1C\r\n\
         bow | 2A __ 2C   # by the stairs\r\n\
         zone: Cabin\r\n\
         deck: lower\r\n\
         C1 C2\r\n\
         zone: Saloon\r\n\
         L1\r\n\
         quiet: C1 C2\r\n",
    );
    let json = parse(
        r#"{
            "name": "Ship", "derive": ["window", "aisle"],
            "zones": [{"name": "Deck chairs", "capacity": 40}, {"name": "Saloon"}, {"name": "Cabin"}],
            "zone": "Saloon",
            "decks": [
                {"name": "upper", "rows": [["1A", "1B", null, "1C"],
                                           {"row": "bow", "places": ["2A", null, null, "2C"]}]},
                {"name": "lower", "rows": [{"places": ["C1", "C2"], "zone": "Cabin",
                                            "attributes": ["quiet"]}, ["L1"]]}
            ]
        }"#,
    );
    assert_eq!(drawing, json);
    assert_eq!(drawing.zones[0].kind, ZoneKind::GeneralAdmission { capacity: 40 });
}

/// A pretix plan of one zone whose rows have seats at these positions.
fn plan(rows: &[&[(&str, f64, f64)]]) -> String {
    let seat = |(guid, x, y): &(&str, f64, f64)| {
        format!(
            r#"{{"seat_guid": "{guid}", "seat_number": "1", "uuid": "later", "radius": 5,
                "position": {{"x": {x}, "y": {y}}}, "category": "A"}}"#
        )
    };
    let row = |(number, seats): (usize, &&[(&str, f64, f64)])| {
        let seats: Vec<String> = seats.iter().map(seat).collect();
        format!(
            r#"{{"row_number": "{number}", "row_number_position": "both", "seats": [{}]}}"#,
            seats.join(",")
        )
    };
    let rows: Vec<String> = rows.iter().enumerate().map(row).collect();
    format!(
        r##"{{"name": "Hall", "categories": [{{"name": "A", "color": "#fff"}}],
            "zones": [{{"name": "", "zone_id": "z", "position": {{"x": 0, "y": 0}}, "rows": [{}]}}]}}"##,
        rows.join(",")
    )
}

#[test]
fn pretix_rows_get_gaps_where_seats_stand_apart() {
    let hall = parse(&plan(&[
        // From right to left, with fractions, and an aisle of one and a half seats.
        &[("d", 95.5, 0.0), ("c", 70.5, 0.0), ("b", 25.0, 0.0), ("a", 0.0, 0.0)],
        // Pairs: half of the distances are aisles.
        &[("e", 0.0, 0.0), ("f", 10.0, 0.0), ("g", 40.0, 0.0), ("h", 50.0, 0.0)],
        // A row that runs down the side of the hall, on a curve.
        &[("i", 0.0, 0.0), ("j", 6.0, 8.0), ("k", 6.0, 18.0)],
        &[("alone", 0.0, 0.0)],
        &[("far", 1e300, 0.0), ("m", 0.0, 0.0), ("l", -1.0, 0.0)],
    ]));
    assert_eq!(
        drawn(&hall),
        ["a b _ c d", "e f _ _ g h", "i j k", "alone", "l m _ _ _ _ _ _ _ _ far"]
    );
    assert!(hall.rows.iter().all(|row| row.deck == "Zone 1"));
}

#[test]
fn pretix_guids_are_seat_names() {
    let guid = "2f1c9a52-7f4d-4a53-9d0e-3f7c2d6a8b11";
    let hall = parse(&plan(&[&[(guid, 0.0, 0.0), ("Stalls A 2", 25.0, 0.0)]]));
    assert_eq!(drawn(&hall), ["2f1c9a527f4d4a539d0e3f7c2d6a8b11 Stalls A 2"]);

    let twice = plan(&[&[("a", 0.0, 0.0), ("b", 25.0, 0.0)], &[("a", 0.0, 0.0), ("b", 25.0, 0.0)]]);
    let error = Layout::parse("plan.json", &twice).expect_err("guids must be unique");
    let expected = "plan.json: 2 seat name(s) used more than once: \
                    a (in Zone 1 row 0; Zone 1 row 1), b (in Zone 1 row 0; Zone 1 row 1)";
    assert_eq!(error.to_string(), expected);

    let stranger = twice.replacen(r#""category": "A""#, r#""category": "B""#, 1);
    let error = Layout::parse("plan.json", &stranger).expect_err("the category is not declared");
    assert!(
        error.to_string().contains(
            "zones[0].rows[0].seats[0].category: zone `B` is not declared; declared are `A`"
        ),
        "{error}"
    );
    let no_position = twice.replace("position", "place");
    let error = Layout::parse("plan.json", &no_position).expect_err("a seat stands somewhere");
    assert!(error.to_string().contains("seats[0]: `position` is missing"), "{error}");
}
