//! Timetables: GTFS feeds, read as they are in the wild.
//!
//! [`read`] takes a zip archive or a directory and gives a [`Feed`]; [`Feed::instances`] walks the
//! trips of some days, ready to be opened for sale. A feed is refused only if it cannot be read at
//! all; a row that makes no sense is left out or mended, and [`Feed::report`] counts every one with
//! its reason and the first few lines.
//!
//! Read are `agency`, `stops`, `routes`, `calendar`, `calendar_dates`, `trips`, `stop_times` and
//! `frequencies`. Needed are only `trips` and `stop_times`, and at least one calendar if any trip
//! is to run. Columns may stand in any order, and unknown ones are passed over.

mod calendar;
pub(crate) mod error;
mod frequencies;
mod ids;
pub(crate) mod instances;
pub(crate) mod limits;
mod names;
pub(crate) mod report;
mod source;
mod stop_times;
mod table;
mod time;
mod trips;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(crate) use self::instances::TripInstance;
pub(crate) use self::time::Shift;

use self::calendar::Service;
use self::error::GtfsError;
use self::instances::Instances;
use self::report::Report;
use self::source::Source;
use self::stop_times::Call;
use self::time::add_days;
use self::trips::Stop;

/// A timetable in memory.
#[derive(Debug)]
pub(crate) struct Feed {
    time_zone: TimeZone,
    services: Vec<Service>,
    stops: Vec<Stop>,
    trips: Vec<Trip>,
    calls: Vec<Call>,
    /// The first and the last day on which a trip could run.
    span: Option<(Date, Date)>,
    report: Report,
}

/// A trip that can be sold on the days of its service.
#[derive(Debug)]
struct Trip {
    key_base: String,
    title: Arc<str>,
    service: u32,
    /// Its part of [`Feed::calls`]; at least two.
    calls: Range<usize>,
    /// When it leaves its first stop, if that is more than what its calls say.
    departures: Option<Vec<i32>>,
}

impl Trip {
    fn departures_a_day(&self) -> usize {
        self.departures.as_ref().map_or(1, Vec::len)
    }
}

/// Reads a feed from a zip archive or a directory.
///
/// # Errors
/// If there is no feed at `path`, or it cannot be read.
pub(crate) fn read(path: &Path) -> Result<Feed, GtfsError> {
    read_bounded(path, limits::MAX_FILE_BYTES)
}

/// Reads a feed of which no file may have more than `max_file_bytes` when it is unpacked.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_bounded(path: &Path, max_file_bytes: u64) -> Result<Feed, GtfsError> {
    let mut source = Source::open(path, max_file_bytes)?;
    let mut report = Report::default();
    let time_zone = trips::read_time_zone(&mut source, &mut report)?;
    let mut stops = trips::read_stops(&mut source, &mut report)?;
    let routes = trips::read_routes(&mut source, &mut report)?;
    let services = calendar::read(&mut source, &mut report)?;
    let (trip_ids, mut rows) = trips::read_trips(&mut source, &mut report, &services, &routes)?;
    let calls = stop_times::read(&mut source, &mut report, &trip_ids, &mut rows, &mut stops)?;
    let departures = frequencies::read(&mut source, &mut report, &trip_ids, &rows)?;

    let of_rows = rows.into_iter().zip(calls.of_trips).zip(departures);
    let trips = of_rows.filter(|((row, _), _)| !row.left_out).map(|((row, own), departures)| {
        let end = &stops.list[calls.list[own.end - 1].stop as usize].name;
        let headsign = if row.headsign.is_empty() { end } else { row.headsign.as_str() };
        Trip {
            key_base: names::key_base(&row.id),
            title: names::title(&row.route, &row.number, headsign).into(),
            service: row.service,
            calls: own,
            departures,
        }
    });
    let mut feed = Feed {
        time_zone,
        services: services.1,
        trips: trips.collect(),
        stops: stops.list,
        calls: calls.list,
        span: None,
        report,
    };
    feed.span = feed.find_span();
    feed.report.trips = feed.trips.len() as u64;
    feed.report.instances = feed.count_all();
    Ok(feed)
}

impl Feed {
    /// What was taken, left out and changed.
    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    /// The name of the time zone that the times are in.
    pub(crate) fn time_zone(&self) -> &str {
        self.time_zone.iana_name().unwrap_or("UTC")
    }

    /// The first and the last day on which a trip could run; `None` if there is no trip.
    pub(crate) fn service_span(&self) -> Option<(Date, Date)> {
        self.span
    }

    /// The trips that run on `days` days from `from` on: by day, and in the order of `trips.txt`.
    pub(crate) fn instances(
        &self,
        from: Date,
        days: u32,
    ) -> impl Iterator<Item = TripInstance> + '_ {
        self.instances_shifted(from, days, Shift::NONE)
    }

    /// The same trips, moved to other days: `from` is a day of the feed, every day that comes out is
    /// one after the move.
    pub(crate) fn instances_shifted(
        &self,
        from: Date,
        days: u32,
        shift: Shift,
    ) -> impl Iterator<Item = TripInstance> + '_ {
        Instances::new(self, from, days, shift)
    }

    /// How many instances [`Feed::instances`] gives, without making them.
    pub(crate) fn count(&self, from: Date, days: u32) -> u64 {
        let Some((mut day, end)) = self.clip(from, days) else { return 0 };
        let mut count = 0;
        while day < end {
            let runs: Vec<bool> = self.services.iter().map(|s| s.runs_on(day)).collect();
            let running = self.trips.iter().filter(|trip| runs[trip.service as usize]);
            count += running.map(|trip| trip.departures_a_day() as u64).sum::<u64>();
            day = add_days(day, 1);
        }
        count
    }

    fn find_span(&self) -> Option<(Date, Date)> {
        let spans =
            self.trips.iter().filter_map(|trip| self.services[trip.service as usize].span());
        spans.reduce(|all, own| (all.0.min(own.0), all.1.max(own.1)))
    }

    fn count_all(&self) -> u64 {
        let days: Vec<u64> = self.services.iter().map(Service::count).collect();
        let of_trip = |trip: &Trip| days[trip.service as usize] * trip.departures_a_day() as u64;
        self.trips.iter().map(of_trip).sum()
    }

    /// The days that were asked for, as far as the feed has any: the first, and the one behind the
    /// last.
    fn clip(&self, from: Date, days: u32) -> Option<(Date, Date)> {
        let (first, last) = self.span?;
        let end = add_days(from, i64::from(days)).min(add_days(last, 1));
        Some((from.max(first), end))
    }
}
