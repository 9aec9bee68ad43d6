//! What an import took, what it left out, and what it changed: nothing is dropped silently.

use std::collections::BTreeMap;
use std::fmt;

use super::limits::{
    MAX_BACKSTEP_S, MAX_DEPARTURES_PER_DAY, MAX_EXAMPLES_PER_REASON, MAX_HOURS, MAX_STOPS_PER_TRIP,
};

// The texts of the reasons say these limits in words.
const _: () = assert!(MAX_STOPS_PER_TRIP == 1_025 && MAX_DEPARTURES_PER_DAY == 1_440);
const _: () = assert!(MAX_HOURS == 999 && MAX_BACKSTEP_S == 12 * 3600);

/// The account of one import.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Rows of each file that was read, headers not counted.
    pub(crate) files: Vec<FileCount>,
    /// Trips that can be sold.
    pub(crate) trips: u64,
    /// Trip instances over all days of the feed.
    pub(crate) instances: u64,
    /// Rows and trips that were left out.
    pub(crate) skipped: Tally,
    /// Rows and trips that were taken with a change.
    pub(crate) notes: Tally,
}

/// How many rows a file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileCount {
    /// Its name, such as `trips.txt`.
    pub(crate) file: &'static str,
    /// Its rows.
    pub(crate) rows: u64,
}

/// Things of one kind: all are counted, the first few are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// How often each reason applied.
    pub(crate) totals: BTreeMap<Reason, u64>,
    /// The first [`MAX_EXAMPLES_PER_REASON`] of each reason.
    pub(crate) examples: Vec<Skip>,
}

/// One thing that was left out or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    /// The file, such as `stop_times.txt`.
    pub(crate) file: &'static str,
    /// The line in it, from 1.
    pub(crate) line: u64,
    /// What was found there.
    pub(crate) what: String,
    /// Why it was not taken as it was.
    pub(crate) reason: Reason,
}

/// Why something was left out or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Left out: a field that the row needs is empty.
    MissingField,
    /// Left out: a field is longer than the limit.
    FieldTooLong,
    /// Left out: an earlier row has the same id.
    DuplicateId,
    /// Left out: the date is not a day of the calendar.
    BadDate,
    /// Left out: a number is not one, or not one of those that are allowed.
    BadNumber,
    /// Left out: it belongs to a trip that does not exist.
    UnknownTrip,
    /// Left out: it belongs to a trip that was left out.
    TripLeftOut,
    /// Left out: the trip's service runs on no day.
    UnknownService,
    /// Left out: the trip has no stop times.
    NoStopTimes,
    /// Left out: the trip has one stop.
    OneStop,
    /// Left out: the trip has too many stops.
    TooManyStops,
    /// Left out: an earlier row has the same place in the trip.
    DuplicateSequence,
    /// Left out: the trip's first or last stop has no time.
    NoTimeAtEnd,
    /// Left out: the trip's times run backwards by more than half a day.
    TimeRunsBack,
    /// Left out: the frequency is not a window of time with a headway.
    BadFrequency,
    /// Left out: the frequency stands for too many departures.
    TooManyDepartures,
    /// Changed: unreadable characters were replaced.
    NotUtf8,
    /// Changed: no time zone is given, or an unknown one, so it is UTC.
    NoTimeZone,
    /// Changed: agencies are in several time zones; the first one counts.
    TimeZonesDiffer,
    /// Changed: the stop is not listed, so its id is its name.
    UnknownStop,
    /// Changed: the route is not listed, so the title has no route.
    UnknownRoute,
    /// Changed: the time cannot be read and counts as blank.
    BadTime,
    /// Changed: a blank time was put evenly between its neighbours.
    Interpolated,
    /// Changed: the time is before the one ahead of it, and was raised to it.
    TimeRaised,
    /// Changed: two frequencies have the same departure, which runs once.
    DuplicateDeparture,
}

impl Reason {
    /// The reason in words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::MissingField => "a field that is needed is empty",
            Self::FieldTooLong => "a field is too long: is a quote not closed?",
            Self::DuplicateId => "an earlier row has the same id",
            Self::BadDate => "not a date: YYYYMMDD is allowed",
            Self::BadNumber => "not a number that is allowed there",
            Self::UnknownTrip => "the trip is not in trips.txt",
            Self::TripLeftOut => "the trip was left out",
            Self::UnknownService => "the service runs on no day",
            Self::NoStopTimes => "the trip has no stop times",
            Self::OneStop => "the trip has one stop only",
            Self::TooManyStops => "the trip has more than 1,025 stops",
            Self::DuplicateSequence => "an earlier row has the same stop_sequence",
            Self::NoTimeAtEnd => "the first or last stop has no time",
            Self::TimeRunsBack => "the times run backwards by more than 12 hours",
            Self::BadFrequency => "not a window of time with a headway",
            Self::TooManyDepartures => "more than 1,440 departures a day",
            Self::NotUtf8 => "not UTF-8: unreadable characters were replaced",
            Self::NoTimeZone => "no known time zone: UTC is used",
            Self::TimeZonesDiffer => "another time zone than the first agency: the first is used",
            Self::UnknownStop => "the stop is not in stops.txt: its id is its name",
            Self::UnknownRoute => "the route is not in routes.txt: the title is without it",
            Self::BadTime => "not a time (H:MM:SS, up to 999 hours): taken as blank",
            Self::Interpolated => "a blank time: put evenly between its neighbours",
            Self::TimeRaised => "a time before the one ahead of it: raised to that one",
            Self::DuplicateDeparture => "the same departure twice: it runs once",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Tally {
    /// How many things there are in all.
    pub(crate) fn total(&self) -> u64 {
        self.totals.values().sum()
    }

    /// How many things there are for one reason.
    pub(crate) fn of(&self, reason: Reason) -> u64 {
        self.totals.get(&reason).copied().unwrap_or(0)
    }

    fn add(&mut self, file: &'static str, line: u64, what: &str, reason: Reason) {
        let total = self.totals.entry(reason).or_default();
        *total += 1;
        if *total <= MAX_EXAMPLES_PER_REASON as u64 {
            let what = what.chars().take(80).collect();
            self.examples.push(Skip { file, line, what, reason });
        }
    }
}

impl Report {
    /// Counts something that is left out.
    pub(super) fn skip(&mut self, file: &'static str, line: u64, what: &str, reason: Reason) {
        self.skipped.add(file, line, what, reason);
    }

    /// Counts something that is taken with a change.
    pub(super) fn note(&mut self, file: &'static str, line: u64, what: &str, reason: Reason) {
        self.notes.add(file, line, what, reason);
    }
}

/// The whole account, for a terminal: files, totals, and for each reason the first few lines.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for FileCount { file, rows } in &self.files {
            writeln!(f, "{file:<20} {rows:>9} rows")?;
        }
        writeln!(f, "{:<20} {:>9}", "trips", self.trips)?;
        writeln!(f, "{:<20} {:>9}", "trip instances", self.instances)?;
        for (heading, tally) in [("left out", &self.skipped), ("changed", &self.notes)] {
            writeln!(f, "{heading:<20} {:>9}", tally.total())?;
            for (reason, total) in &tally.totals {
                writeln!(f, "  {total}: {reason}")?;
                let mut examples = tally.examples.iter().filter(|skip| skip.reason == *reason);
                for Skip { file, line, what, .. } in examples.by_ref().take(3) {
                    writeln!(f, "    {file}:{line}: {what}")?;
                }
            }
        }
        Ok(())
    }
}
