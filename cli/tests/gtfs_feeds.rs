//! Timetables that this project did not write, counted against what is known of them, and the
//! sample that it did write.

#[allow(dead_code, unused_imports, reason = "each test uses a part of the module")]
#[path = "../src/gtfs/mod.rs"]
mod gtfs;

use std::path::{Path, PathBuf};

use gtfs::report::Reason;
use gtfs::{Feed, Shift, TripInstance};
use jiff::civil::{Date, date};

/// A real feed, or `None` (and the reason in the test's output) where it is not at hand.
fn real(name: &str) -> Option<Feed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = root.join(name).join("gtfs.zip");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(gtfs::read(&path).unwrap_or_else(|error| panic!("{error}")))
}

fn sample() -> Feed {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/gtfs");
    gtfs::read(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn nothing_changed(feed: &Feed) {
    let report = feed.report();
    assert_eq!((report.skipped.total(), report.notes.total()), (0, 0), "{report}");
}

/// Keys are unique and safe, calls are in order of time.
fn check(trips: &[TripInstance]) {
    let mut keys: Vec<&str> = trips.iter().map(|trip| trip.trip_key.as_str()).collect();
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all, "keys are unique");
    for trip in trips {
        assert!(trip.stops.len() >= 2 && !trip.title.is_empty(), "{trip:?}");
        let times = trip.stops.iter().flat_map(|stop| [stop.arrival_ms, stop.departure_ms]);
        assert!(times.flatten().is_sorted(), "{trip:?}");
    }
}

#[test]
fn two_weeks_of_long_distance_trains() {
    let Some(feed) = real("small-db-longdistance-2019") else { return };
    nothing_changed(&feed);
    assert_eq!(feed.time_zone(), "Europe/Berlin");
    assert_eq!(feed.service_span(), Some((date(2019, 3, 25), date(2019, 4, 7))));
    let trips: Vec<TripInstance> = feed.instances(date(2019, 3, 25), 14).collect();
    assert_eq!(trips.len(), 2_737);
    assert_eq!((feed.report().trips, feed.report().instances), (260, 2_737));
    assert_eq!(feed.count(date(2019, 4, 4), 1), 226, "the busiest day");
    check(&trips);

    // ICE 619 leaves Dortmund at 20:56 and is in München at 30:02. In the night to the 31st clocks go
    // forward: ten hours less 54 minutes pass all the same.
    let of_day = |day: Date| {
        let key = format!("266@{day}");
        let trip = trips.iter().find(|trip| trip.trip_key == key).expect("ICE 619 runs");
        (trip.stops[0].departure_ms, trip.stops.last().and_then(|stop| stop.arrival_ms))
    };
    // 19:56 and 05:02 UTC.
    assert_eq!(of_day(date(2019, 3, 30)), (Some(1_553_975_760_000), Some(1_554_008_520_000)));
    // 18:56 and 04:02 UTC.
    assert_eq!(of_day(date(2019, 3, 31)), (Some(1_554_058_560_000), Some(1_554_091_320_000)));

    // Sold again in another year.
    let shift = Shift::between(date(2019, 3, 25), date(2026, 3, 23));
    let moved: Vec<TripInstance> = feed.instances_shifted(date(2019, 3, 25), 14, shift).collect();
    assert_eq!(moved.len(), 2_737);
    assert_eq!(moved[0].service_date, date(2026, 3, 23));
    assert_eq!(moved[0].stops.len(), trips[0].stops.len());
    check(&moved);
}

#[test]
fn a_year_of_long_distance_trains() {
    let Some(feed) = real("medium-db-fv-fullyear-2019") else { return };
    let report = feed.report();
    assert_eq!((report.trips, report.instances), (6_063, 268_033));
    assert_eq!(report.skipped.total(), 0, "{report}");
    // Three trains to Moscow change the time zone within Poland and Belarus.
    assert_eq!((report.notes.of(Reason::TimeRaised), report.notes.total()), (3, 3), "{report}");
    let rows: Vec<(&str, u64)> = report.files.iter().map(|file| (file.file, file.rows)).collect();
    let expected = [
        ("agency.txt", 14),
        ("stops.txt", 664),
        ("routes.txt", 1_366),
        ("calendar_dates.txt", 185_128),
        ("trips.txt", 6_063),
        ("stop_times.txt", 86_193),
    ];
    assert_eq!(rows, expected);

    let (first, last) = feed.service_span().expect("the feed has trips");
    assert_eq!((first, last), (date(2018, 12, 9), date(2019, 12, 14)));
    let a_day: Vec<u64> =
        first.series(jiff::Span::new().days(1)).take(371).map(|day| feed.count(day, 1)).collect();
    assert_eq!(a_day.iter().sum::<u64>(), 268_033);
    assert_eq!(a_day.iter().max(), Some(&840));
    assert_eq!(a_day.windows(30).map(|days| days.iter().sum::<u64>()).max(), Some(22_116));
    assert_eq!(feed.instances(first, 371).count(), 268_033);
}

#[test]
fn a_night_ferry() {
    let Some(feed) = real("small-miyako-muroran-ferry-2018") else { return };
    nothing_changed(&feed);
    assert_eq!(feed.report().instances, 748);
    let trips: Vec<TripInstance> = feed.instances(date(2018, 7, 1), 30).collect();
    assert_eq!(trips.len(), 60);
    check(&trips);
    let first = &trips[0];
    assert_eq!(first.trip_key, "to_miyako@2018-07-01");
    // 20:00 in Tokyo is 11:00 UTC; 30:00 is ten hours later.
    assert_eq!(first.stops[0].departure_ms, Some(1_530_442_800_000));
    assert_eq!(first.stops[1].arrival_ms, Some(1_530_478_800_000));
}

#[test]
fn city_buses_by_frequency() {
    if let Some(feed) = real("quirk-matera-frequencies") {
        let report = feed.report();
        assert_eq!(report.skipped.of(Reason::NoStopTimes), 36, "{report}");
        assert_eq!(report.skipped.of(Reason::OneStop), 6, "{report}");
        assert_eq!(report.skipped.of(Reason::TripLeftOut), 48, "{report}");
        assert_eq!(report.skipped.total(), 90, "{report}");
        assert_eq!(report.trips, 99 - 36 - 6);
        check(&feed.instances(date(2014, 12, 11), 2).collect::<Vec<_>>());
    }
    if let Some(feed) = real("quirk-chaco-frequencies") {
        let report = feed.report();
        assert_eq!((report.trips, report.skipped.total()), (4, 0), "{report}");
        assert_eq!((report.notes.of(Reason::Interpolated), report.notes.total()), (32, 32));
        // Every half hour from 06:00 to before 23:00, and the three trips that run once.
        let trips: Vec<TripInstance> = feed.instances(date(2009, 5, 18), 1).collect();
        assert_eq!(trips.len(), 34 + 3);
        assert_eq!(feed.count(date(2019, 1, 1), 1), 0, "taken out by calendar_dates.txt");
        check(&trips);
    }
}

#[test]
fn the_sample_runs_from_2026_to_2030() {
    let feed = sample();
    nothing_changed(&feed);
    assert_eq!(feed.service_span(), Some((date(2026, 1, 1), date(2030, 12, 31))));
    // Four daily trips on 1,826 days but five Christmas Eves; 1,304 Mondays to Fridays, one of them
    // taken out and a Saturday put in; four late ferries.
    assert_eq!(feed.report().instances, 4 * (1_826 - 5) + 1_304 + 4);
    for year in 2026..=2030 {
        assert_eq!(feed.count(date(year, 5, 1), 31), 4 * 31 + weekdays_of_may(year), "{year}");
    }
    let trips: Vec<TripInstance> = feed.instances(date(2026, 7, 4), 1).collect();
    check(&trips);
    let keys: Vec<&str> = trips.iter().map(|trip| trip.trip_key.as_str()).collect();
    let day = "2026-07-04";
    let expected = ["n1-south", "n1-north", "d2-morning", "f1-gedser", "f1-late"];
    assert_eq!(keys, expected.map(|trip| format!("{trip}@{day}")));
    let night = &trips[0];
    assert_eq!(&*night.title, "N1 → München");
    let boarding: Vec<bool> = night.stops.iter().map(|stop| stop.boarding).collect();
    let alighting: Vec<bool> = night.stops.iter().map(|stop| stop.alighting).collect();
    assert_eq!(boarding, [true, true, true, false, false]);
    assert_eq!(alighting, [false, false, true, true, true]);
}

fn weekdays_of_may(year: i16) -> u64 {
    let days = date(year, 5, 1).series(jiff::Span::new().days(1)).take(31);
    days.filter(|day| day.weekday().to_monday_zero_offset() < 5).count() as u64
}
