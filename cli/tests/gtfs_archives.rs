//! Where a feed may lie, what is refused as a whole, and what leaves an import.

#[allow(dead_code, unused_imports, reason = "each test uses a part of the module")]
#[path = "../src/gtfs/mod.rs"]
mod gtfs;
#[allow(dead_code, reason = "each test uses a part of the module")]
mod gtfs_support;

use gtfs::error::GtfsError;
use gtfs::limits::MAX_TRIP_KEY_BYTES;
use gtfs_support::{DAY, Files};

#[test]
fn the_feed_may_lie_in_a_folder_and_the_archive_may_hold_junk() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, prefix) in [
        ("flat.zip", ""),
        ("nested.zip", "My Feed/gtfs/"),
        ("dot.zip", "./"),
        ("back.zip", "feed\\"),
    ] {
        let path = folder.path().join(name);
        Files::whole().with("../x/readme.md", "hello").zip(&path, prefix);
        let feed = gtfs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(feed.count(DAY, 1), 1, "{name}");
    }
    let path = folder.path().join("mac.zip");
    let mut mac = Files::whole();
    for file in ["__MACOSX/trips.txt", "__MACOSX/stop_times.txt", "__MACOSX/._trips.txt"] {
        mac = mac.with(file, b"\x00\x05\x16\x07");
    }
    mac.zip(&path, "");
    assert_eq!(gtfs::read(&path).expect("shadows are passed over").count(DAY, 1), 1);

    Files::whole().write(&folder.path().join("directory/inner"));
    let nested = gtfs::read(&folder.path().join("directory")).expect("a folder may be nested");
    assert_eq!(nested.count(DAY, 1), 1);
}

#[test]
fn what_cannot_be_read_is_refused_and_the_refusal_names_it() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let at = |name: &str| folder.path().join(name);
    let refusal = |path: &std::path::Path| match gtfs::read(path) {
        Ok(_) => panic!("{} was read", path.display()),
        Err(error) => error,
    };
    let missing = refusal(&at("nowhere.zip"));
    assert!(matches!(missing, GtfsError::Open { .. }), "{missing}");

    std::fs::write(at("text.zip"), "trip_id\n").expect("a temporary file can be written");
    let no_zip = refusal(&at("text.zip"));
    assert!(matches!(no_zip, GtfsError::NotAZip { .. }), "{no_zip}");

    Files::whole().without("trips.txt").zip(&at("no-trips.zip"), "");
    let no_trips = refusal(&at("no-trips.zip")).to_string();
    assert!(no_trips.contains("trips.txt") && no_trips.contains("found agency.txt"), "{no_trips}");

    Files::whole().write(&at("two/one"));
    Files::whole().write(&at("two/other"));
    let two = refusal(&at("two")).to_string();
    assert!(two.contains("one, other"), "{two}");

    let no_column = Files::whole().with("stop_times.txt", "trip_id,stop_id\nt,a\n").read();
    let no_column = no_column.expect_err("a needed column is missing").to_string();
    assert_eq!(
        no_column,
        "stop_times.txt, line 1: has no column `stop_sequence`; found trip_id, stop_id"
    );

    let empty = Files::whole().with("trips.txt", "").read().expect_err("the file is empty");
    assert!(empty.to_string().contains("found nothing"), "{empty}");
}

#[test]
fn an_archive_that_unpacks_to_more_than_the_limit_is_refused() {
    // The size that an archive states proves nothing, so the bytes are counted as they come out.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("bomb.zip");
    Files::whole().with("stops.txt", vec![b'\n'; 1_000_001]).zip(&path, "");
    let packed = std::fs::metadata(&path).expect("the archive is there").len();
    assert!(packed < 10_000, "{packed} bytes unpack to a million");
    let error = gtfs::read_bounded(&path, 1_000_000).expect_err("one byte too many");
    let expected = "stops.txt: is larger than 1000000 bytes, the most that is unpacked";
    assert_eq!(error.to_string(), expected);
    assert!(!matches!(gtfs::read_bounded(&path, 1_000_001), Err(GtfsError::FileTooLarge { .. })));
}

#[test]
fn a_trip_key_is_safe_short_and_different_for_different_trips() {
    let long = "x".repeat(300);
    let ids = ["a b", "a%20b", "a\u{3000}b", "ä-ö", &long, &format!("{long}y")];
    let mut files = Files::whole();
    for id in ids {
        files = files.plus("trips.txt", &format!("{id},r,daily,\n"));
        let rows = format!("{id},08:00:00,,a,1\n{id},09:00:00,,b,2\n");
        files = files.plus("stop_times.txt", &rows);
    }
    let keys: Vec<String> = files.day().into_iter().map(|trip| trip.trip_key).collect();
    assert_eq!(keys[..3], ["t@2026-06-01", "a%20b@2026-06-01", "a%2520b@2026-06-01"]);
    let mut unique = keys.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), ids.len() + 1, "{keys:?}");
    for key in &keys {
        assert!(key.len() <= MAX_TRIP_KEY_BYTES, "{key}");
        assert!(!key.chars().any(|c| c.is_whitespace() || c.is_control()), "{key}");
    }
    let again: Vec<String> = files.day().into_iter().map(|trip| trip.trip_key).collect();
    assert_eq!(keys, again);
}
