//! Feeds as they are in the wild: what is mended, and what is left out.

#[allow(dead_code, unused_imports, reason = "each test uses a part of the module")]
#[path = "../src/gtfs/mod.rs"]
mod gtfs;
#[allow(dead_code, reason = "each test uses a part of the module")]
mod gtfs_support;

use std::fmt::Write as _;

use gtfs::limits::MAX_STOPS_PER_TRIP;
use gtfs::report::Reason;
use gtfs_support::{DAY, Files};

/// One broken feed: how many instances it still has on a day, and what the report must count.
struct Case {
    name: &'static str,
    files: Files,
    instances: u64,
    skipped: &'static [(Reason, u64)],
    notes: &'static [(Reason, u64)],
}

fn case(
    name: &'static str,
    files: Files,
    instances: u64,
    skipped: &'static [(Reason, u64)],
    notes: &'static [(Reason, u64)],
) -> Case {
    Case { name, files, instances, skipped, notes }
}

const CALENDAR: &str =
    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n";
const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n";
const FREQUENCIES: &str = "trip_id,start_time,end_time,headway_secs,exact_times\n";

fn times(rows: &str) -> Files {
    Files::whole().with("stop_times.txt", format!("{TIMES}{rows}"))
}

fn frequencies(rows: &str) -> Files {
    Files::whole().with("frequencies.txt", format!("{FREQUENCIES}{rows}"))
}

fn cases_of_files() -> Vec<Case> {
    let whole = Files::whole;
    let only_dates = "service_id,date,exception_type\ndaily,20260601,1\n";
    let crlf = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
        text.into_bytes()
    };
    let bom = |bytes: &[u8]| [b"\xef\xbb\xbf", bytes].concat();
    let quoted = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let quote = |line: &str| line.split(',').map(|f| format!("\"{f}\"")).collect::<Vec<_>>();
        let lines: Vec<String> = text.lines().map(|line| quote(line).join(",")).collect();
        lines.join("\n").into_bytes()
    };
    vec![
        case("whole", whole(), 1, &[], &[]),
        case(
            "no calendar.txt",
            whole().without("calendar.txt").with("calendar_dates.txt", only_dates),
            1,
            &[],
            &[],
        ),
        case(
            "no calendar at all",
            whole().without("calendar.txt"),
            0,
            &[(Reason::UnknownService, 1), (Reason::TripLeftOut, 3)],
            &[],
        ),
        case("no agency.txt", whole().without("agency.txt"), 1, &[], &[(Reason::NoTimeZone, 1)]),
        case(
            "no time zone",
            whole().with("agency.txt", "agency_name\nLine\n"),
            1,
            &[],
            &[(Reason::NoTimeZone, 1)],
        ),
        case(
            "unknown time zone",
            whole().with("agency.txt", "agency_timezone\nMars/Olympus\n"),
            1,
            &[],
            &[(Reason::NoTimeZone, 1)],
        ),
        case(
            "two time zones",
            whole().plus("agency.txt", "East,Asia/Tokyo\n"),
            1,
            &[],
            &[(Reason::TimeZonesDiffer, 1)],
        ),
        case("no stops.txt", whole().without("stops.txt"), 1, &[], &[(Reason::UnknownStop, 3)]),
        case("no routes.txt", whole().without("routes.txt"), 1, &[], &[(Reason::UnknownRoute, 1)]),
        case("CRLF", whole().map(crlf), 1, &[], &[]),
        case("byte order mark", whole().map(bom), 1, &[], &[]),
        case("every field quoted, no newline at the end", whole().map(quoted), 1, &[], &[]),
        case("blank lines", whole().plus("trips.txt", "\n\n,,,\n"), 1, &[], &[]),
        case(
            "junk beside the feed",
            whole().with("notes.pdf", b"\xff\xfe\x00").with("shapes.txt", "x"),
            1,
            &[],
            &[],
        ),
        case(
            "Latin-1",
            whole().with("stops.txt", b"stop_id,stop_name\na,K\xf6ln\nb,B\nc,C\n"),
            1,
            &[],
            &[(Reason::NotUtf8, 1)],
        ),
        case(
            "Latin-1 in a column that nobody reads",
            whole().with("stops.txt", b"stop_id,stop_desc\na,K\xf6ln\nb,B\nc,C\n"),
            1,
            &[],
            &[],
        ),
        case(
            "unclosed quote",
            whole().plus("stops.txt", &format!("d,\"D\n{}", "x,y\n".repeat(5_000))),
            1,
            &[(Reason::FieldTooLong, 1)],
            &[],
        ),
    ]
}

fn cases_of_rows() -> Vec<Case> {
    let whole = Files::whole;
    vec![
        case(
            "duplicate stop",
            whole().plus("stops.txt", "a,Again\n"),
            1,
            &[(Reason::DuplicateId, 1)],
            &[],
        ),
        case(
            "duplicate route",
            whole().plus("routes.txt", "r,8,Eight\n"),
            1,
            &[(Reason::DuplicateId, 1)],
            &[],
        ),
        case(
            "duplicate trip",
            whole().plus("trips.txt", "t,r,daily,Again\n"),
            1,
            &[(Reason::DuplicateId, 1)],
            &[],
        ),
        case(
            "duplicate service",
            whole().plus("calendar.txt", "daily,0,0,0,0,0,0,0,20260101,20301231\n"),
            1,
            &[(Reason::DuplicateId, 1)],
            &[],
        ),
        case(
            "day taken out and put in again",
            whole().with(
                "calendar_dates.txt",
                "service_id,date,exception_type\ndaily,20260601,2\ndaily,20260601,1\n",
            ),
            0,
            &[(Reason::DuplicateId, 1)],
            &[],
        ),
        case(
            "unknown service",
            whole().plus("trips.txt", "u,r,never,Nowhere\n"),
            1,
            &[(Reason::UnknownService, 1)],
            &[],
        ),
        case(
            "service without a day",
            whole()
                .with("calendar.txt", format!("{CALENDAR}daily,1,1,1,1,1,1,1,20301231,20260101\n")),
            0,
            &[(Reason::UnknownService, 1), (Reason::TripLeftOut, 3)],
            &[],
        ),
        case(
            "bad date",
            whole().plus("calendar.txt", "x,1,1,1,1,1,1,1,2026-01-01,20301231\n"),
            1,
            &[(Reason::BadDate, 1)],
            &[],
        ),
        case(
            "31 June",
            whole()
                .with("calendar_dates.txt", "service_id,date,exception_type\ndaily,20260631,2\n"),
            1,
            &[(Reason::BadDate, 1)],
            &[],
        ),
        case(
            "exception of no type",
            whole().with("calendar_dates.txt", "service_id,date\ndaily,20260601\n"),
            1,
            &[(Reason::BadNumber, 1)],
            &[],
        ),
        case(
            "unknown route",
            whole().with("trips.txt", "trip_id,service_id,route_id\nt,daily,zzz\n"),
            1,
            &[],
            &[(Reason::UnknownRoute, 1)],
        ),
        case(
            "ids missing",
            whole()
                .plus("stops.txt", ",Nowhere\n")
                .plus("routes.txt", ",0,\n")
                .plus("trips.txt", ",r,daily,\n")
                .plus("calendar.txt", ",1,1,1,1,1,1,1,20260101,20301231\n"),
            1,
            &[(Reason::MissingField, 4)],
            &[],
        ),
        case(
            "rows cut short",
            whole().plus("trips.txt", "u\n"),
            1,
            &[(Reason::UnknownService, 1)],
            &[(Reason::UnknownRoute, 1)],
        ),
        case(
            "trip without stop times",
            whole().plus("trips.txt", "u,r,daily,Nowhere\n"),
            1,
            &[(Reason::NoStopTimes, 1)],
            &[],
        ),
        case(
            "stop times of no trip",
            whole().plus("stop_times.txt", "zzz,08:00:00,08:00:00,a,1\n"),
            1,
            &[(Reason::UnknownTrip, 1)],
            &[],
        ),
    ]
}

fn cases_of_times() -> Vec<Case> {
    let mut long = String::new();
    for stop in 0..=MAX_STOPS_PER_TRIP {
        let _ = writeln!(long, "t,{:02}:{:02}:00,,a,{stop}", stop / 60, stop % 60);
    }
    let longest = long.rsplit_once("t,").map_or("", |(rows, _)| rows).to_owned();
    vec![
        case("one stop", times("t,08:00:00,08:00:00,a,1\n"), 0, &[(Reason::OneStop, 1)], &[]),
        case("longest trip", times(&longest), 1, &[], &[]),
        case("too many stops", times(&long), 0, &[(Reason::TooManyStops, 1)], &[]),
        case(
            "rows in any order",
            times("t,10:00:00,,c,30\nt,08:00:00,,a,5\nt,09:00:00,,b,7\n"),
            1,
            &[],
            &[],
        ),
        case(
            "the same place twice",
            times("t,08:00:00,,a,1\nt,09:00:00,,b,2\nt,09:30:00,,b,2\nt,10:00:00,,c,3\n"),
            1,
            &[(Reason::DuplicateSequence, 1)],
            &[],
        ),
        case(
            "no place",
            times("t,08:00:00,,a,1\nt,09:00:00,,b,\nt,09:00:00,,b,-3\nt,10:00:00,,c,3\n"),
            1,
            &[(Reason::BadNumber, 2)],
            &[],
        ),
        case(
            "no stop",
            times("t,08:00:00,,a,1\nt,09:00:00,,,2\nt,10:00:00,,c,3\n"),
            1,
            &[(Reason::MissingField, 1)],
            &[],
        ),
        case(
            "stop that is not listed",
            times("t,08:00:00,,a,1\nt,10:00:00,,zzz,3\n"),
            1,
            &[],
            &[(Reason::UnknownStop, 1)],
        ),
        case(
            "blank times between",
            times("t,08:00:00,,a,1\nt,,,b,2\nt,10:00:00,,c,3\n"),
            1,
            &[],
            &[(Reason::Interpolated, 1)],
        ),
        case(
            "unreadable time between",
            times("t,08:00:00,,a,1\nt,9 o'clock,9:61:00,b,2\nt,10:00:00,,c,3\n"),
            1,
            &[],
            &[(Reason::BadTime, 2), (Reason::Interpolated, 1)],
        ),
        case(
            "no time at the start",
            times("t,,,a,1\nt,10:00:00,,c,3\n"),
            0,
            &[(Reason::NoTimeAtEnd, 1)],
            &[],
        ),
        case(
            "no time at the end",
            times("t,08:00:00,,a,1\nt,,,c,3\n"),
            0,
            &[(Reason::NoTimeAtEnd, 1)],
            &[],
        ),
        case(
            "an hour back at a border",
            times("t,08:00:00,,a,1\nt,07:10:00,07:20:00,b,2\nt,10:00:00,,c,3\n"),
            1,
            &[],
            &[(Reason::TimeRaised, 1)],
        ),
        case(
            "midnight forgotten",
            times("t,23:00:00,,a,1\nt,01:00:00,,c,3\n"),
            0,
            &[(Reason::TimeRunsBack, 1)],
            &[],
        ),
    ]
}

fn cases_of_frequencies() -> Vec<Case> {
    vec![
        case("every half hour", frequencies("t,06:00:00,08:00:00,1800,0\n"), 4, &[], &[]),
        case("exact times", frequencies("t,06:00:00,08:00:01,1800,1\n"), 5, &[], &[]),
        case(
            "no headway",
            frequencies("t,06:00:00,08:00:00,0,1\nt,06:00:00,08:00:00,x,1\n"),
            0,
            &[(Reason::BadFrequency, 2)],
            &[],
        ),
        case(
            "window that ends before it begins",
            frequencies("t,08:00:00,06:00:00,60,1\n"),
            0,
            &[(Reason::BadFrequency, 1)],
            &[],
        ),
        case(
            "one second too often",
            frequencies("t,00:00:00,24:00:01,60,1\n"),
            0,
            &[(Reason::TooManyDepartures, 1)],
            &[],
        ),
        case("once a minute", frequencies("t,00:00:00,24:00:00,60,1\n"), 1_440, &[], &[]),
        case(
            "windows that overlap",
            frequencies("t,06:00:00,08:00:00,3600,0\nt,07:00:00,09:00:00,3600,0\n"),
            3,
            &[],
            &[(Reason::DuplicateDeparture, 1)],
        ),
        case(
            "frequency of no trip",
            frequencies("zzz,06:00:00,08:00:00,3600,0\n"),
            1,
            &[(Reason::UnknownTrip, 1)],
            &[],
        ),
    ]
}

#[test]
fn a_broken_feed_gives_what_it_has_and_counts_the_rest() {
    let cases = [cases_of_files(), cases_of_rows(), cases_of_times(), cases_of_frequencies()];
    for Case { name, files, instances, skipped, notes } in cases.into_iter().flatten() {
        let feed = files.read().unwrap_or_else(|error| panic!("{name}: {error}"));
        let report = feed.report();
        assert_eq!(feed.instances(DAY, 1).count() as u64, instances, "{name}: {report}");
        assert_eq!(feed.count(DAY, 1), instances, "{name}");
        for (tally, expected) in [(&report.skipped, skipped), (&report.notes, notes)] {
            for (reason, total) in expected {
                assert_eq!(tally.of(*reason), *total, "{name}: {reason}\n{report}");
                assert!(tally.examples.iter().any(|skip| skip.reason == *reason), "{name}");
            }
            let expected: u64 = expected.iter().map(|(_, total)| total).sum();
            assert_eq!(tally.total(), expected, "{name}: {report}");
        }
    }
}

#[test]
fn a_report_names_file_and_line_and_shows_only_the_first_few() {
    let mut rows = String::new();
    for row in 0..25 {
        let _ = writeln!(rows, "zzz{row},08:00:00,08:00:00,a,1");
    }
    let feed = Files::whole().plus("stop_times.txt", &rows).read().expect("the feed is readable");
    let skipped = &feed.report().skipped;
    assert_eq!(skipped.of(Reason::UnknownTrip), 25);
    assert_eq!(skipped.examples.len(), 10);
    let first = &skipped.examples[0];
    assert_eq!((first.file, first.line, first.what.as_str()), ("stop_times.txt", 5, "trip zzz0"));
    let text = feed.report().to_string();
    assert!(text.contains("  25: the trip is not in trips.txt\n    stop_times.txt:5: trip zzz0"));
}
