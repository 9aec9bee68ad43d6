//! Times as GTFS counts them: seconds after noon minus twelve hours, local time of the agency.
//!
//! That point is midnight on every day but those of a clock change, and keeps a timetable right on
//! them: 08:00 is eight o'clock even if the night was an hour shorter.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};

use super::limits::MAX_HOURS;

/// Seconds into the service day of `H:MM:SS` (or `H:MM`), past 24:00 too; `None` if it is not one.
pub(super) fn parse_seconds(text: &str) -> Option<i32> {
    let mut parts = text.split(':').map(|part| {
        let digits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if digits { part.parse::<i32>().ok() } else { None }
    });
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() || hours > MAX_HOURS || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(hours * 3600 + minutes * 60 + seconds)
}

/// `HH:MM:SS`, with as many hours as it takes.
pub(super) fn format_seconds(seconds: i32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The day of `YYYYMMDD`.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// When second 0 of a service day is, in Unix milliseconds; `None` at the end of the calendar.
pub(super) fn day_start_ms(day: Date, zone: &TimeZone) -> Option<i64> {
    let noon = zone.to_ambiguous_timestamp(day.at(12, 0, 0, 0)).compatible().ok()?;
    let start = noon.checked_sub(SignedDuration::from_hours(12)).ok()?;
    Some(start.as_millisecond())
}

/// Whole days from `from` to `to`.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    // Two civil dates lie at most 20,000 years apart: the span in days always exists.
    from.until((jiff::Unit::Day, to)).map_or(0, |span| i64::from(span.get_days()))
}

/// The day `days` after `day`, or the last one that there is.
pub(super) fn add_days(day: Date, days: i64) -> Date {
    let end = if days < 0 { Date::MIN } else { Date::MAX };
    Span::new().try_days(days).and_then(|span| day.checked_add(span)).unwrap_or(end)
}

/// Moves trip instances by whole days, so that an old timetable can be sold today.
///
/// Local times stay: a train at 07:30 leaves at 07:30 on the new day, whatever the clock did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shift {
    days: i64,
}

impl Shift {
    /// Moves nothing.
    pub(crate) const NONE: Self = Self { days: 0 };

    /// Moves what runs on `from` to `to`, and every other day as far.
    pub(crate) fn between(from: Date, to: Date) -> Self {
        Self { days: days_between(from, to) }
    }

    /// Where a day lies after the move.
    pub(crate) fn apply(self, day: Date) -> Date {
        if self.days == 0 { day } else { add_days(day, self.days) }
    }
}
