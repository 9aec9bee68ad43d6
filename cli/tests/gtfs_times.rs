//! When trips run: clock changes, times past midnight, days, and days moved to another year. The
//! expected times were worked out by hand.

#[allow(dead_code, unused_imports, reason = "each test uses a part of the module")]
#[path = "../src/gtfs/mod.rs"]
mod gtfs;
#[allow(dead_code, reason = "each test uses a part of the module")]
mod gtfs_support;

use gtfs::{Shift, TripInstance};
use gtfs_support::{DAY, Files};
use jiff::civil::{Date, date};

/// Departure from the first stop and arrival at the last one, in Unix seconds.
fn ends(trip: &TripInstance) -> (i64, i64) {
    let departure = trip.stops[0].departure_ms.expect("a trip leaves its first stop");
    let last = trip.stops.last().expect("a trip has stops");
    let arrival = last.arrival_ms.expect("a trip arrives at its last stop");
    assert_eq!((departure % 1_000, arrival % 1_000), (0, 0));
    (departure / 1_000, arrival / 1_000)
}

fn trip_with(departure: &str, arrival: &str) -> Files {
    let rows = format!("t,{departure},{departure},a,1\nt,{arrival},{arrival},b,2\n");
    let header = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n";
    Files::whole().with("stop_times.txt", format!("{header}{rows}"))
}

fn ends_on(files: &Files, day: Date) -> (i64, i64) {
    let feed = files.read().expect("the feed is readable");
    let trips: Vec<TripInstance> = feed.instances(day, 1).collect();
    assert_eq!(trips.len(), 1);
    ends(&trips[0])
}

#[test]
fn a_day_counts_from_noon_minus_twelve_hours() {
    // 2026-03-29: at 02:00 clocks in Berlin go to 03:00, so noon is 10:00 UTC and the count begins
    // at 22:00 UTC of the day before. 08:00 is 06:00 UTC, summer time as the sign at the door says.
    let day_train = trip_with("8:00:00", "10:00:00");
    assert_eq!(ends_on(&day_train, date(2026, 3, 28)), (1_774_681_200, 1_774_688_400));
    assert_eq!(ends_on(&day_train, date(2026, 3, 29)), (1_774_764_000, 1_774_771_200));
    // 2026-10-25: the hour from 02:00 to 03:00 comes twice; 08:00 is 07:00 UTC again.
    assert_eq!(ends_on(&day_train, date(2026, 10, 24)), (1_792_821_600, 1_792_828_800));
    assert_eq!(ends_on(&day_train, date(2026, 10, 25)), (1_792_911_600, 1_792_918_800));
    // The night train of the 28th leaves at 21:30 (20:30 UTC). It is ten hours later, not nine, when
    // it arrives at 31:30, though the clock at the platform says 08:30.
    let night_train = trip_with("21:30:00", "31:30:00");
    assert_eq!(ends_on(&night_train, date(2026, 3, 28)), (1_774_729_800, 1_774_765_800));
}

#[test]
fn hours_go_on_past_midnight_and_past_a_hundred() {
    // 2026-06-01 00:00 in Berlin is 2026-05-31 22:00 UTC.
    let midnight = 1_780_264_800;
    let long = trip_with("23:59:59", "144:00:01");
    assert_eq!(ends_on(&long, DAY), (midnight + 86_399, midnight + 6 * 86_400 + 1));
    assert_eq!(ends_on(&trip_with("0:00:00", "999:59:59"), DAY), (midnight, midnight + 3_599_999));
    // Without seconds, as some feeds have it.
    assert_eq!(ends_on(&trip_with("06:00", "07:05"), DAY), (midnight + 21_600, midnight + 25_500));
}

#[test]
fn a_day_belongs_to_the_time_zone_of_the_agency() {
    let tokyo = trip_with("8:00:00", "9:00:00").with("agency.txt", "agency_timezone\nAsia/Tokyo\n");
    let utc = trip_with("8:00:00", "9:00:00").without("agency.txt");
    let (in_tokyo, in_utc) = (ends_on(&tokyo, DAY), ends_on(&utc, DAY));
    assert_eq!(in_utc, (1_780_300_800, 1_780_304_400));
    assert_eq!(in_tokyo, (in_utc.0 - 9 * 3_600, in_utc.1 - 9 * 3_600));
}

#[test]
fn blank_times_lie_evenly_between_their_neighbours() {
    let rows = "t,08:00:00,08:10:00,a,1\nt,,,b,2\nt,,,c,3\nt,08:40:00,,a,4\n";
    let header = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n";
    let trips = Files::whole().with("stop_times.txt", format!("{header}{rows}")).day();
    let start = trips[0].stops[0].departure_ms.expect("a trip leaves its first stop");
    let arrivals: Vec<i64> =
        trips[0].stops.iter().filter_map(|stop| stop.arrival_ms).map(|ms| ms - start).collect();
    assert_eq!(arrivals, [600_000, 1_200_000, 1_800_000]);
    assert_eq!(trips[0].stops[0].arrival_ms, None);
    assert_eq!(trips[0].stops[3].departure_ms, None);
}

#[test]
fn a_frequency_leaves_its_first_stop_again_and_again() {
    let rows = "trip_id,start_time,end_time,headway_secs\nt,23:00:00,26:00:00,5400\n";
    let trips = Files::whole().with("frequencies.txt", rows).day();
    let keys: Vec<&str> = trips.iter().map(|trip| trip.trip_key.as_str()).collect();
    assert_eq!(keys, ["t@2026-06-01T23:00:00", "t@2026-06-01T24:30:00"]);
    let midnight = 1_780_264_800;
    assert_eq!(ends(&trips[0]), (midnight + 23 * 3_600, midnight + 25 * 3_600));
    assert_eq!(ends(&trips[1]), (midnight + 88_200, midnight + 95_400));
}

#[test]
fn a_service_runs_on_its_weekdays_except_where_its_dates_say_otherwise() {
    let calendar = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
                    daily,1,0,0,0,0,1,0,20260601,20260630\n";
    let dates =
        "service_id,date,exception_type\ndaily,20260608,2\ndaily,20260610,1\ndaily,20260715,1\n";
    let files = Files::whole().with("calendar.txt", calendar).with("calendar_dates.txt", dates);
    let feed = files.read().expect("the feed is readable");
    let all: Vec<String> =
        feed.instances(Date::MIN, u32::MAX).map(|trip| trip.service_date.to_string()).collect();
    let expected = ["01", "06", "10", "13", "15", "20", "22", "27", "29"];
    let mut expected: Vec<String> = expected.iter().map(|day| format!("2026-06-{day}")).collect();
    expected.push("2026-07-15".into());
    assert_eq!(all, expected);
    assert_eq!(feed.report().instances, 10);
    assert_eq!(feed.count(date(2026, 6, 6), 5), 2);
    assert_eq!(feed.count(date(2026, 6, 6), 0), 0);
    assert_eq!(feed.count(Date::MAX, u32::MAX), 0);
    assert_eq!(feed.service_span(), Some((date(2026, 6, 1), date(2026, 7, 15))));
}

#[test]
fn a_shift_keeps_local_times_and_moves_the_day() {
    // From a winter day to a summer day: still 08:00, an hour earlier in UTC.
    let feed = trip_with("8:00:00", "10:00:00").read().expect("the feed is readable");
    let (old, new) = (date(2026, 1, 10), date(2030, 7, 20));
    let shift = Shift::between(old, new);
    let trips: Vec<TripInstance> = feed.instances_shifted(old, 2, shift).collect();
    let keys: Vec<&str> = trips.iter().map(|trip| trip.trip_key.as_str()).collect();
    assert_eq!(keys, ["t@2030-07-20", "t@2030-07-21"]);
    assert_eq!(trips[0].service_date, new);
    // 2030-07-20 06:00 UTC.
    assert_eq!(ends(&trips[0]).0, 1_910_757_600);
    let back = Shift::between(new, old).apply(new);
    assert_eq!(back, old);
    assert_eq!(Shift::NONE.apply(old), old);
}

#[test]
fn a_title_says_the_route_and_where_it_goes() {
    let title = |files: Files| files.day()[0].title.to_string();
    assert_eq!(title(Files::whole()), "7 → Celle");
    let long_only = "route_id,route_short_name,route_long_name\nr,,Seven\n";
    assert_eq!(title(Files::whole().with("routes.txt", long_only)), "Seven → Celle");
    let number = "trip_id,route_id,service_id,trip_short_name\nt,r,daily,521\n";
    assert_eq!(title(Files::whole().with("trips.txt", number)), "7 521 → Celle");
    assert_eq!(title(Files::whole().without("routes.txt")), "Celle");
    let endless =
        format!("trip_id,route_id,service_id,trip_headsign\nt,r,daily,x{}\n", "ä".repeat(200));
    assert_eq!(title(Files::whole().with("trips.txt", endless)).len(), 255);
}
