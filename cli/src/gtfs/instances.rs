//! Trips on days: what a timetable comes to.

use std::sync::Arc;

use jiff::civil::Date;

use super::names::trip_key;
use super::time::{Shift, add_days, day_start_ms};
use super::{Feed, Trip};

/// One trip on one day: what is opened for sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TripInstance {
    /// `<trip_id>@2019-03-25`, and `T06:30:00` behind it where a frequency runs the trip several
    /// times a day. Unique in the feed, stable from import to import, at most
    /// [`super::limits::MAX_TRIP_KEY_BYTES`] bytes without white space or control characters.
    pub(crate) trip_key: String,
    /// For people: `ICE 521 → München Hbf`.
    pub(crate) title: Arc<str>,
    /// The day that the timetable counts it to; a night train may call on later ones.
    pub(crate) service_date: Date,
    /// In the order of travel; at least two.
    pub(crate) stops: Vec<StopCall>,
}

/// A call of one trip on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StopCall {
    /// The feed's id of the stop.
    pub(crate) stop_id: Arc<str>,
    /// Its name, or its id if it has none.
    pub(crate) name: Arc<str>,
    /// When the trip comes, in Unix milliseconds; `None` at the first stop.
    pub(crate) arrival_ms: Option<i64>,
    /// When it leaves, in Unix milliseconds; `None` at the last stop.
    pub(crate) departure_ms: Option<i64>,
    /// Whether one may get on here.
    pub(crate) boarding: bool,
    /// Whether one may get off here.
    pub(crate) alighting: bool,
}

/// Walks days, on each day trips, and of each trip its departures.
pub(super) struct Instances<'a> {
    feed: &'a Feed,
    shift: Shift,
    day: Date,
    end: Date,
    /// `day` after the shift, and its second 0.
    sold: Option<(Date, i64)>,
    /// Which services run on `day`.
    running: Vec<bool>,
    trip: usize,
    departure: usize,
}

impl<'a> Instances<'a> {
    pub(super) fn new(feed: &'a Feed, from: Date, days: u32, shift: Shift) -> Self {
        let (day, end) = feed.clip(from, days).unwrap_or((Date::MAX, Date::MAX));
        let running = Vec::new();
        let mut walk = Self { feed, shift, day, end, sold: None, running, trip: 0, departure: 0 };
        walk.enter_day();
        walk
    }

    fn enter_day(&mut self) {
        (self.trip, self.departure) = (0, 0);
        self.sold = None;
        if self.day < self.end {
            let sold = self.shift.apply(self.day);
            self.sold = day_start_ms(sold, &self.feed.time_zone).map(|start| (sold, start));
            let services = self.feed.services.iter();
            self.running = services.map(|service| service.runs_on(self.day)).collect();
        }
    }
}

impl Iterator for Instances<'_> {
    type Item = TripInstance;

    fn next(&mut self) -> Option<TripInstance> {
        loop {
            let (sold, start_ms) = self.sold?;
            let Some(trip) = self.feed.trips.get(self.trip) else {
                self.day = add_days(self.day, 1);
                self.enter_day();
                continue;
            };
            let departure = self.departure;
            if !self.running[trip.service as usize] || departure >= trip.departures_a_day() {
                self.trip += 1;
                self.departure = 0;
                continue;
            }
            self.departure += 1;
            return Some(instance(self.feed, trip, departure, sold, start_ms));
        }
    }
}

fn instance(feed: &Feed, trip: &Trip, departure: usize, day: Date, start_ms: i64) -> TripInstance {
    let calls = &feed.calls[trip.calls.clone()];
    let start = trip.departures.as_ref().map(|departures| departures[departure]);
    // A frequency says when the trip leaves its first stop; the stop times only how long it takes.
    let moved = start.map_or(0, |start| start - calls[0].departure);
    let ms = |seconds: i32| Some(start_ms + i64::from(seconds + moved) * 1_000);
    let last = calls.len() - 1;
    let stops = calls.iter().enumerate().map(|(index, call)| {
        let stop = &feed.stops[call.stop as usize];
        StopCall {
            stop_id: stop.id.clone(),
            name: stop.name.clone(),
            arrival_ms: if index == 0 { None } else { ms(call.arrival) },
            departure_ms: if index == last { None } else { ms(call.departure) },
            boarding: call.boarding,
            alighting: call.alighting,
        }
    });
    TripInstance {
        trip_key: trip_key(&trip.key_base, day, start),
        title: trip.title.clone(),
        service_date: day,
        stops: stops.collect(),
    }
}
