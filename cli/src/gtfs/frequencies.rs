//! Trips that run again and again: every headway from a start to an end.

use super::error::GtfsError;
use super::ids::Ids;
use super::limits::MAX_DEPARTURES_PER_DAY;
use super::report::{Reason, Report};
use super::source::Source;
use super::table::Column::Needed;
use super::table::{Column, for_each_row};
use super::time::{format_seconds, parse_seconds};
use super::trips::TripRow;

const FILE: &str = "frequencies.txt";
const COLUMNS: [Column; 4] =
    [Needed("trip_id"), Needed("start_time"), Needed("end_time"), Needed("headway_secs")];

/// When each trip leaves its first stop, in seconds into the service day and in order.
///
/// `None` is a trip that runs once, as its stop times say. Whether times are exact or only say how
/// long one waits (`exact_times`), a seat needs a departure to be sold on, so both count alike.
pub(super) fn read(
    source: &mut Source,
    report: &mut Report,
    trip_ids: &Ids,
    trips: &[TripRow],
) -> Result<Vec<Option<Vec<i32>>>, GtfsError> {
    let mut of_trips: Vec<Option<Vec<i32>>> = vec![None; trips.len()];
    for_each_row(source, FILE, &COLUMNS, report, |fields, report| {
        let (id, line) = (fields.get(0), fields.line);
        let Some(trip) = trip_ids.get(&id) else {
            return report.skip(FILE, line, &format!("trip {id}"), Reason::UnknownTrip);
        };
        if trips[trip as usize].left_out {
            return report.skip(FILE, line, &format!("trip {id}"), Reason::TripLeftOut);
        }
        let starts = of_trips[trip as usize].get_or_insert_default();
        let (from, to) = (fields.get(1), fields.get(2));
        let what = format!("trip {id}: {from} to {to} every {:?} s", fields.get(3));
        let headway = fields.number(3).filter(|headway| *headway > 0);
        let (Some(from), Some(to), Some(headway)) =
            (parse_seconds(&from), parse_seconds(&to), headway)
        else {
            return report.skip(FILE, line, &what, Reason::BadFrequency);
        };
        if from >= to {
            return report.skip(FILE, line, &what, Reason::BadFrequency);
        }
        let departures = (to.abs_diff(from)).div_ceil(headway) as usize;
        if starts.len() + departures > MAX_DEPARTURES_PER_DAY {
            return report.skip(FILE, line, &what, Reason::TooManyDepartures);
        }
        for start in (from..to).step_by(headway as usize) {
            match starts.binary_search(&start) {
                Err(at) => starts.insert(at, start),
                Ok(_) => {
                    let what = format!("trip {id} at {}", format_seconds(start));
                    report.note(FILE, line, &what, Reason::DuplicateDeparture);
                }
            }
        }
    })?;
    Ok(of_trips)
}
