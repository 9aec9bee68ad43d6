//! What a layout must not say, and how the refusal reads: file, line, column, path, what was found
//! and what is allowed.

use seatgrid_client_sdk::layout::limits::{MAX_PLACES_PER_ROW, MAX_SEATS, MAX_ZONES};
use seatgrid_client_sdk::layout::{Layout, Problem};

/// The refusal of a text, and its hint.
fn refusal(text: &str) -> (String, Option<String>) {
    match Layout::parse("x.json", text) {
        Ok(layout) => panic!("was read: {text}\n{}", layout.render_text()),
        Err(error) => (error.to_string(), error.hint()),
    }
}

/// A layout with one zone and these rows.
fn rows(rows: &str) -> String {
    format!(r#"{{"name": "X", "zones": [{{"name": "Z"}}], "rows": {rows}}}"#)
}

#[test]
fn a_refusal_points_at_the_spot_and_says_what_is_allowed() {
    let text = r#"{
  "name": "X",
  "zones": [{ "name": "First" }, { "name": "Second" }],
  "coaches": [
    { "name": "1", "rows": { "from": 1, "to": 2, "pattern": "AB", "zone": "Frist" } }
  ]
}"#;
    let (message, hint) = refusal(text);
    let expected = "x.json:5:75: coaches[0].rows.zone: zone `Frist` is not declared; declared are \
                    `First`, `Second`";
    assert_eq!(message, expected);
    assert_eq!(hint.as_deref(), Some("did you mean `First`?"));
}

#[test]
fn each_mistake_has_its_own_refusal() {
    let row = |row: &str| rows(&format!("[{row}]"));
    let cases: Vec<(String, &str)> = vec![
        // The file.
        ("\u{feff} \n".into(), "x.json: the file is empty"),
        (r#"{"name": "X", "#.into(), "x.json:1:14: is not valid JSON: EOF while parsing a value"),
        (r#"{"name": "X", "name": "Y"}"#.into(), "`name` stands twice in this object"),
        ("[]".into(), "x.json:1:1: found a list, allowed is an object"),
        (r#"{"format": 2, "name": "X", "zones": []}"#.into(), "format: format version: found 2, allowed are 1 to 1"),
        (r#"{"zones": []}"#.into(), "x.json:1:1: `name` is missing"),
        (r#"{"name": "X"}"#.into(), "`zones` is missing"),
        (r#"{"name": "X", "zones": []}"#.into(), "x.json: has neither a numbered seat nor a general-admission zone"),
        (r#"{"name": "", "zones": [{"name": "Z", "capacity": 1}]}"#.into(), "layout name \"\" is empty; allowed are 1 to 128 bytes"),
        (r#"{"name": "X", "zones": [], "decks": [], "coaches": []}"#.into(), "`decks` and `coaches` cannot stand together"),
        (r#"{"name": "X", "zones": [], "seats": []}"#.into(), "seats: `seats` is not a key here; allowed are `format`, `name`,"),
        // Zones.
        (r#"{"name": "X", "zones": [{"name": "A", "capacity": 0}]}"#.into(), "zones[0].capacity: capacity: found 0, allowed are 1 to 1000000"),
        (r#"{"name": "X", "zones": [{"name": "A", "capacity": 1}, {"name": "A", "capacity": 1}]}"#.into(), "zones[1].name: zone `A` is declared twice"),
        (r#"{"name": "X", "zones": [{"name": "A"}, {"name": "B"}], "zone": "B", "rows": {"pattern": "A"}}"#.into(), "zone `A` has no seat and no capacity"),
        (r#"{"name": "X", "zones": [{"name": "A"}, {"name": "B"}], "rows": {"pattern": "A"}}"#.into(), "rows: the row says no zone, and the layout has several: `A`, `B`"),
        (r#"{"name": "X", "zones": [{"name": "A", "capacity": 9}], "zone": "A", "rows": {"pattern": "A"}}"#.into(), "zone: zone `A` is general admission (it has a capacity) and cannot hold numbered seats"),
        // Rows.
        (row(r#"{"from": 1, "to": 2}"#), "rows[0]: `pattern` or `places` is missing"),
        (row(r#"{"from": 1, "pattern": "AB"}"#), "rows[0]: `to` is missing"),
        (row(r#"{"from": 2, "to": 1, "pattern": "AB"}"#), "rows[0].to: to: found 1, allowed are 2 to"),
        (row(r#"{"from": "A", "to": 3, "pattern": "AB"}"#), "rows[0].from: found the text \"A\", allowed is a whole number"),
        (row(r#"{"from": "a", "to": "c", "pattern": "AB"}"#), "allowed is two letters from A to Z in order"),
        (row(r#"{"from": 1, "to": 1, "except": [1], "pattern": "AB"}"#), "found no row, allowed is at least one row"),
        (row(r#"{"row": 1, "from": 1, "to": 2, "pattern": "AB"}"#), "`row` and `from` cannot stand together"),
        (row(r#"{"row": 1, "pattern": "A-B"}"#), "rows[0].pattern: pattern \"A-B\" has '-'; a place is a letter or a digit, a gap is `_`"),
        (row(r#"{"row": 1, "pattern": "1..x"}"#), "has \"1..x\"; a range is two numbers: 1..14"),
        (row(r#"{"row": 1, "pattern": ""}"#), "stands for no place at all"),
        (row(r#"{"row": 1, "pattern": "AB", "attributes": ["windw"]}"#), "rows[0].attributes[0]: `windw` is not an attribute; allowed are `window`,"),
        (row(r#"{"row": 1, "pattern": "AB", "seat_name": "{row}"}"#), "seat_name \"{row}\" names all seats of a row alike; it needs {place} or {number}"),
        (row(r#"{"row": 1, "pattern": "AB", "seat_name": "{rwo}{place}"}"#), "has {rwo}; allowed are {deck}"),
        (row(r#"{"row": 1, "pattern": "AB", "derive": ["table"]}"#), "derive: found [table], allowed is a list of \"window\" and \"aisle\""),
        (row(r#"{"row": 1, "pattern": "A", "attributes": ["forward", "backward"]}"#), "seat 1A cannot be both forward and backward"),
        // Seats.
        (row(r#"["1A", 7, true]"#), "rows[0][2]: found true, allowed is a text or a whole number"),
        (row(r#"["1A", ""]"#), "seat name \"\" is empty; allowed are 1 to 32 bytes"),
        (row(r#"["123456789012345678901234567890123"]"#), "has 33 bytes; allowed are 1 to 32"),
        (row(r#"["1\n"]"#), "has a control character"),
        (row(r#"[{"name": "1A", "colour": "red"}]"#), "rows[0][0].colour: `colour` is not a key here; allowed are `name`, `zone`, `attributes`"),
    ];
    for (text, expected) in cases {
        let (message, _) = refusal(&text);
        assert!(message.contains(expected), "{text}\n  gave: {message}\n  want: {expected}");
    }
}

#[test]
fn all_duplicate_seats_are_listed_with_all_their_rows() {
    let text = r#"{
        "name": "X", "zones": [{"name": "Z"}],
        "decks": [{"names": ["lower", "upper"], "rows": {"from": 1, "to": 30, "pattern": "AB"}}]
    }"#;
    let error = Layout::parse("x.json", text).expect_err("both decks have the seat 1A");
    let hint = error.hint();
    let Problem::DuplicateSeats(seats) = *error.problem else { panic!("{error}") };
    assert_eq!(seats.len(), 60);
    assert!(seats.iter().all(|seat| seat.rows.len() == 2));
    let seat = seats.iter().find(|seat| seat.name == "7B").expect("7B is among them");
    assert_eq!(seat.rows, ["lower row 7", "upper row 7"]);
    assert!(hint.is_some_and(|hint| hint.contains("{deck}")));
    let (message, _) = refusal(text);
    assert_eq!(message.matches("lower row").count(), 60, "{message}");
}

#[test]
fn marks_must_name_seats_that_exist() {
    let text = r#"{"name": "X", "zones": [{"name": "Z"}], "rows": {"pattern": "AB"},
 "marks": {"accessible": ["1A", "9A", "9B"]}}"#;
    let expected = "x.json:2:26: marks.accessible: no row has the seats 9A, 9B";
    assert_eq!(refusal(text).0, expected);
}

#[test]
fn limits_are_kept_before_memory_is_taken() {
    let numbers = |last: usize| rows(&format!(r#"{{"row": 1, "pattern": "1..{last}"}}"#));
    assert!(refusal(&numbers(4_000_000_000)).0.contains("a row has at most 4096"));
    assert!(refusal(&numbers(MAX_PLACES_PER_ROW + 1)).0.contains("stands for 4097 places"));
    let many = |last: usize| rows(&format!(r#"{{"from": 1, "to": {last}, "pattern": "1..1000"}}"#));
    let expected = format!("seats: found {}, allowed are 0 to {MAX_SEATS}", MAX_SEATS + 1_000);
    assert!(refusal(&many(100_000)).0.contains(&expected), "{}", refusal(&many(100_000)).0);
    let gaps = rows(r#"{"from": 1, "to": 100000, "pattern": "A _____________"}"#);
    assert!(refusal(&gaps).0.contains("seats and gaps: found"));

    let dashed = |last: usize| {
        let row = format!(
            r#"{{"from": 1, "to": {last}, "pattern": "1..1000", "seat_name": "{{row}}-{{place}}"}}"#
        );
        Layout::parse("x.json", &rows(&row))
    };
    assert_eq!(dashed(MAX_SEATS / 1_000).expect("the largest hall").seat_count(), MAX_SEATS);

    let zone = |n: usize| format!(r#"{{"name": "Z{n}", "capacity": 1}}"#);
    let zones = |count: usize| {
        let zones: Vec<String> = (0..count).map(zone).collect();
        format!(r#"{{"name": "X", "zones": [{}]}}"#, zones.join(","))
    };
    assert!(Layout::parse("x.json", &zones(MAX_ZONES)).is_ok());
    assert!(refusal(&zones(MAX_ZONES + 1)).0.contains("zones: found 1025, allowed are 0 to 1024"));
    let deep = "[".repeat(100_000);
    assert!(refusal(&deep).0.contains("recursion limit"));
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let missing = Layout::read(folder.path().join("no.json")).expect_err("there is no such file");
    assert!(matches!(*missing.problem, Problem::Io(_)), "{missing}");
    let path = folder.path().join("latin1.txt");
    std::fs::write(&path, b"name: K\xf6ln\n").expect("a temporary file can be written");
    let latin1 = Layout::read(&path).expect_err("it is not UTF-8").to_string();
    assert!(
        latin1.ends_with("is not UTF-8 text: the byte at offset 7 fits no character"),
        "{latin1}"
    );
}

#[test]
fn a_drawing_is_refused_by_line() {
    let cases = [
        ("zone: Z\n1A 1B\n", "x.json: `name: …` is missing"),
        ("name: X\n1A 1B\n", "x.json:2: `zone: …` is missing"),
        ("name: X\nzone: Z\n\nacessible: 1A\n1A\n", "x.json:4: `acessible` is not a key here"),
        ("name: X\nstanding: Floor\n", "x.json:2: found \"Floor\", allowed is a zone and how many"),
        ("name: X\nstanding: Floor 0\n", "x.json:2: capacity: found 0, allowed are 1 to 1000000"),
        ("name: X\nzone: Z\n1A\ntable: 2A 2B\n", "x.json:4: no row has the seats 2A, 2B"),
        ("name: X\nzone: Z\n1A 1A\n", "1 seat name(s) used more than once: 1A (in row 1; row 1)"),
        (
            "name: X\nderive: table\n",
            "x.json:2: found \"table\", allowed is `window`, `aisle` or both",
        ),
    ];
    for (text, expected) in cases {
        let (message, _) = refusal(text);
        assert!(message.contains(expected), "{text}\n  gave: {message}\n  want: {expected}");
    }
}
