//! What stands around the stop times: agencies, stops, routes, and the list of trips.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::calendar::Service;
use super::error::GtfsError;
use super::ids::Ids;
use super::names::display_name;
use super::report::{Reason, Report};
use super::source::Source;
use super::table::Column::{Needed, Optional};
use super::table::{Column, for_each_row};

/// A place where trips call.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) id: Arc<str>,
    pub(super) name: Arc<str>,
}

/// The stops of a feed; they grow when stop times name one that is not listed.
#[derive(Debug, Default)]
pub(super) struct Stops {
    pub(super) ids: Ids,
    pub(super) list: Vec<Stop>,
}

impl Stops {
    /// Adds a stop, unless its id was met before.
    pub(super) fn add(&mut self, id: &str, name: &str) -> Option<u32> {
        let index = self.ids.insert(id)?;
        let name = if name.is_empty() { id } else { name };
        self.list.push(Stop { id: id.into(), name: display_name(name).into() });
        Some(index)
    }
}

/// A row of `trips.txt`.
#[derive(Debug)]
pub(super) struct TripRow {
    pub(super) id: String,
    pub(super) line: u64,
    pub(super) service: u32,
    /// The route's short name, or else its long one; empty if there is no such route.
    pub(super) route: Arc<str>,
    pub(super) number: String,
    pub(super) headsign: String,
    /// It cannot be sold, and the report says why.
    pub(super) left_out: bool,
}

/// The time zone of the feed: that of its first agency, or UTC.
pub(super) fn read_time_zone(
    source: &mut Source,
    report: &mut Report,
) -> Result<TimeZone, GtfsError> {
    const COLUMNS: [Column; 2] = [Optional("agency_timezone"), Optional("agency_name")];
    const FILE: &str = "agency.txt";
    let mut first: Option<(String, TimeZone)> = None;
    for_each_row(source, FILE, &COLUMNS, report, |fields, report| {
        let name = fields.get(0);
        match &first {
            Some((known, _)) if *known == name => {}
            Some(_) => report.note(FILE, fields.line, &name, Reason::TimeZonesDiffer),
            None => match TimeZone::get(&name) {
                Ok(zone) => first = Some((name.into_owned(), zone)),
                Err(_) => report.note(FILE, fields.line, &name, Reason::NoTimeZone),
            },
        }
    })?;
    Ok(first.map_or_else(
        || {
            if report.notes.of(Reason::NoTimeZone) == 0 {
                report.note(FILE, 1, "no agency", Reason::NoTimeZone);
            }
            TimeZone::UTC
        },
        |(_, zone)| zone,
    ))
}

/// The stops with their names.
pub(super) fn read_stops(source: &mut Source, report: &mut Report) -> Result<Stops, GtfsError> {
    const COLUMNS: [Column; 2] = [Needed("stop_id"), Optional("stop_name")];
    const FILE: &str = "stops.txt";
    let mut stops = Stops::default();
    for_each_row(source, FILE, &COLUMNS, report, |fields, report| {
        let id = fields.get(0);
        if id.is_empty() {
            report.skip(FILE, fields.line, "stop_id", Reason::MissingField);
        } else if stops.add(&id, &fields.get(1)).is_none() {
            report.skip(FILE, fields.line, &format!("stop {id}"), Reason::DuplicateId);
        }
    })?;
    Ok(stops)
}

/// The routes' names, by the number of their id.
pub(super) fn read_routes(
    source: &mut Source,
    report: &mut Report,
) -> Result<(Ids, Vec<Arc<str>>), GtfsError> {
    const COLUMNS: [Column; 3] =
        [Needed("route_id"), Optional("route_short_name"), Optional("route_long_name")];
    const FILE: &str = "routes.txt";
    let (mut ids, mut names) = (Ids::default(), Vec::new());
    for_each_row(source, FILE, &COLUMNS, report, |fields, report| {
        let (id, short, long) = (fields.get(0), fields.get(1), fields.get(2));
        if id.is_empty() {
            report.skip(FILE, fields.line, "route_id", Reason::MissingField);
        } else if ids.insert(&id).is_none() {
            report.skip(FILE, fields.line, &format!("route {id}"), Reason::DuplicateId);
        } else {
            names.push(if short.is_empty() { long } else { short }.as_ref().into());
        }
    })?;
    Ok((ids, names))
}

/// The trips, by the number of their id.
pub(super) fn read_trips(
    source: &mut Source,
    report: &mut Report,
    services: &(Ids, Vec<Service>),
    routes: &(Ids, Vec<Arc<str>>),
) -> Result<(Ids, Vec<TripRow>), GtfsError> {
    const COLUMNS: [Column; 5] = [
        Needed("trip_id"),
        Needed("service_id"),
        Optional("route_id"),
        Optional("trip_short_name"),
        Optional("trip_headsign"),
    ];
    const FILE: &str = "trips.txt";
    let (mut ids, mut trips) = (Ids::default(), Vec::new());
    for_each_row(source, FILE, &COLUMNS, report, |fields, report| {
        let (id, line) = (fields.get(0), fields.line);
        if id.is_empty() {
            return report.skip(FILE, line, "trip_id", Reason::MissingField);
        }
        if ids.insert(&id).is_none() {
            return report.skip(FILE, line, &format!("trip {id}"), Reason::DuplicateId);
        }
        let service = services.0.get(&fields.get(1));
        let runs = service.filter(|service| services.1[*service as usize].count() > 0);
        if runs.is_none() {
            let what = format!("trip {id}, service {}", fields.get(1));
            report.skip(FILE, line, &what, Reason::UnknownService);
        }
        let route = routes.0.get(&fields.get(2)).map(|route| routes.1[route as usize].clone());
        if route.is_none() {
            let what = format!("trip {id}, route {:?}", fields.get(2));
            report.note(FILE, line, &what, Reason::UnknownRoute);
        }
        trips.push(TripRow {
            id: id.into_owned(),
            line,
            service: runs.unwrap_or(0),
            route: route.unwrap_or_default(),
            number: fields.get(3).into_owned(),
            headsign: fields.get(4).into_owned(),
            left_out: runs.is_none(),
        });
    })?;
    Ok((ids, trips))
}
