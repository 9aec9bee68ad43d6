//! Where each trip calls, and when: in order, with a time at every stop.

use std::ops::Range;

use super::error::GtfsError;
use super::ids::Ids;
use super::limits::{MAX_BACKSTEP_S, MAX_STOPS_PER_TRIP};
use super::report::{Reason, Report};
use super::source::Source;
use super::table::Column::{Needed, Optional};
use super::table::{Column, Fields, for_each_row};
use super::time::parse_seconds;
use super::trips::{Stops, TripRow};

const FILE: &str = "stop_times.txt";
const COLUMNS: [Column; 7] = [
    Needed("trip_id"),
    Needed("stop_id"),
    Needed("stop_sequence"),
    Optional("arrival_time"),
    Optional("departure_time"),
    Optional("pickup_type"),
    Optional("drop_off_type"),
];

/// One call of a trip, in seconds into its service day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) stop: u32,
    pub(super) arrival: i32,
    pub(super) departure: i32,
    pub(super) boarding: bool,
    pub(super) alighting: bool,
}

/// A row as it was read.
struct CallRow {
    trip: u32,
    sequence: u32,
    stop: u32,
    line: u32,
    arrival: Option<i32>,
    departure: Option<i32>,
    boarding: bool,
    alighting: bool,
}

/// The calls of all trips in one list, and where in it each trip's calls stand.
pub(super) struct Calls {
    pub(super) list: Vec<Call>,
    pub(super) of_trips: Vec<Range<usize>>,
}

/// Reads the stop times; trips that cannot be sold with what they have are left out.
pub(super) fn read(
    source: &mut Source,
    report: &mut Report,
    trip_ids: &Ids,
    trips: &mut [TripRow],
    stops: &mut Stops,
) -> Result<Calls, GtfsError> {
    let mut rows = Vec::new();
    // Rows of a trip mostly stand together: the last one spares a search.
    let mut last: Option<(String, u32)> = None;
    for_each_row(source, FILE, &COLUMNS, report, |fields, report| {
        let id = fields.get(0);
        let known = last.as_ref().filter(|(known, _)| *known == id).map(|(_, trip)| *trip);
        let Some(trip) = known.or_else(|| trip_ids.get(&id)) else {
            return report.skip(FILE, fields.line, &format!("trip {id}"), Reason::UnknownTrip);
        };
        if known.is_none() {
            last = Some((id.clone().into_owned(), trip));
        }
        if trips[trip as usize].left_out {
            return report.skip(FILE, fields.line, &format!("trip {id}"), Reason::TripLeftOut);
        }
        rows.extend(read_row(fields, report, trip, stops));
    })?;
    rows.sort_by_key(|row| (row.trip, row.sequence));

    let mut calls = Calls { list: Vec::with_capacity(rows.len()), of_trips: Vec::new() };
    let mut rest = rows.as_slice();
    for (index, trip) in (0_u32..).zip(trips) {
        let length = rest.iter().take_while(|row| row.trip == index).count();
        let (own, behind) = rest.split_at(length);
        rest = behind;
        let start = calls.list.len();
        if !trip.left_out
            && let Err(reason) = push_calls(own, report, &trip.id, &mut calls.list)
        {
            calls.list.truncate(start);
            trip.left_out = true;
            report.skip("trips.txt", trip.line, &format!("trip {}", trip.id), reason);
        }
        calls.of_trips.push(start..calls.list.len());
    }
    Ok(calls)
}

fn read_row(
    fields: &Fields<'_>,
    report: &mut Report,
    trip: u32,
    stops: &mut Stops,
) -> Option<CallRow> {
    let (line, stop_id) = (fields.line, fields.get(1));
    if stop_id.is_empty() {
        report.skip(FILE, line, "stop_id", Reason::MissingField);
        return None;
    }
    let Some(sequence) = fields.number(2) else {
        let what = format!("stop_sequence {:?}", fields.get(2));
        report.skip(FILE, line, &what, Reason::BadNumber);
        return None;
    };
    let stop = stops.ids.get(&stop_id).or_else(|| {
        report.note(FILE, line, &format!("stop {stop_id}"), Reason::UnknownStop);
        stops.add(&stop_id, "")
    })?;
    let mut time = |column: usize, name: &str| {
        let text = fields.get(column);
        let seconds = parse_seconds(&text);
        if seconds.is_none() && !text.is_empty() {
            report.note(FILE, line, &format!("{name} {text:?}"), Reason::BadTime);
        }
        seconds
    };
    Some(CallRow {
        trip,
        sequence,
        stop,
        line: u32::try_from(line).unwrap_or(u32::MAX),
        arrival: time(3, "arrival_time"),
        departure: time(4, "departure_time"),
        // 1 is «not possible»; 2 and 3 ask to phone or to talk to the driver, which is possible.
        boarding: fields.get(5) != "1",
        alighting: fields.get(6) != "1",
    })
}

/// Adds the calls of one trip, or says why it cannot be sold.
fn push_calls(
    rows: &[CallRow],
    report: &mut Report,
    trip_id: &str,
    calls: &mut Vec<Call>,
) -> Result<(), Reason> {
    let mut own: Vec<&CallRow> = Vec::with_capacity(rows.len());
    for row in rows {
        if own.last().is_some_and(|last| last.sequence == row.sequence) {
            let what = format!("trip {trip_id}, stop_sequence {}", row.sequence);
            report.skip(FILE, u64::from(row.line), &what, Reason::DuplicateSequence);
        } else {
            own.push(row);
        }
    }
    match own.len() {
        0 => return Err(Reason::NoStopTimes),
        1 => return Err(Reason::OneStop),
        stops if stops > MAX_STOPS_PER_TRIP => return Err(Reason::TooManyStops),
        _ => {}
    }
    let times = complete_times(&own).ok_or(Reason::NoTimeAtEnd)?;
    let mut before = 0;
    for (row, (arrival, departure)) in own.iter().zip(times) {
        let (line, sequence) = (u64::from(row.line), row.sequence);
        let what = || format!("trip {trip_id}, stop_sequence {sequence}");
        let (later_arrival, later_departure) =
            (arrival.max(before), departure.max(arrival).max(before));
        if later_arrival - arrival > MAX_BACKSTEP_S || later_departure - departure > MAX_BACKSTEP_S
        {
            return Err(Reason::TimeRunsBack);
        }
        if row.arrival.or(row.departure).is_none() {
            report.note(FILE, line, &what(), Reason::Interpolated);
        } else if (later_arrival, later_departure) != (arrival, departure) {
            report.note(FILE, line, &what(), Reason::TimeRaised);
        }
        let (arrival, departure) = (later_arrival, later_departure);
        before = departure;
        let (boarding, alighting) = (row.boarding, row.alighting);
        calls.push(Call { stop: row.stop, arrival, departure, boarding, alighting });
    }
    Ok(())
}

/// Arrival and departure of every row. Rows without a time lie evenly between their neighbours
/// that have one; `None` if the first or the last row has none.
fn complete_times(rows: &[&CallRow]) -> Option<Vec<(i32, i32)>> {
    let mut times: Vec<(i32, i32)> = Vec::with_capacity(rows.len());
    for (position, row) in rows.iter().enumerate() {
        let Some(arrival) = row.arrival.or(row.departure) else {
            continue;
        };
        let departure = row.departure.unwrap_or(arrival);
        // How many rows without a time lie between the last one that had one and this one.
        let blanks = (position - times.len()) as i32;
        if blanks > 0 {
            let (_, from) = *times.last()?;
            let between = (1..=blanks).map(|n| {
                let way = i64::from(arrival - from) * i64::from(n) / i64::from(blanks + 1);
                from + way as i32
            });
            times.extend(between.map(|time| (time, time)));
        }
        times.push((arrival, departure));
    }
    (times.len() == rows.len()).then_some(times)
}
