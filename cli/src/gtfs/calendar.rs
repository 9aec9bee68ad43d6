//! On which days a service runs: weekdays between two dates, and exceptions to them.

use jiff::civil::Date;

use super::error::GtfsError;
use super::ids::Ids;
use super::report::{Reason, Report};
use super::source::Source;
use super::table::Column::{Needed, Optional};
use super::table::{Column, for_each_row};
use super::time::{add_days, days_between, parse_date};

const CALENDAR: [Column; 10] = [
    Needed("service_id"),
    Needed("monday"),
    Needed("tuesday"),
    Needed("wednesday"),
    Needed("thursday"),
    Needed("friday"),
    Needed("saturday"),
    Needed("sunday"),
    Needed("start_date"),
    Needed("end_date"),
];
const CALENDAR_DATES: [Column; 3] =
    [Needed("service_id"), Needed("date"), Optional("exception_type")];

/// The days of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct Service {
    regular: Option<Regular>,
    /// Days that differ from the regular ones, in order, each once.
    exceptions: Vec<Exception>,
}

#[derive(Clone, Copy, Debug)]
struct Exception {
    day: Date,
    runs: bool,
    line: u64,
}

#[derive(Clone, Copy, Debug)]
struct Regular {
    /// From Monday on.
    weekdays: [bool; 7],
    start: Date,
    end: Date,
}

impl Regular {
    fn runs_on(&self, day: Date) -> bool {
        let weekday = day.weekday().to_monday_zero_offset() as usize;
        (self.start..=self.end).contains(&day) && self.weekdays[weekday]
    }

    fn count(&self) -> u64 {
        let days = u64::try_from(days_between(self.start, self.end) + 1).unwrap_or(0);
        let a_week = self.weekdays.iter().filter(|runs| **runs).count() as u64;
        let rest = (0..days % 7).filter(|day| self.runs_on(add_days(self.start, *day as i64)));
        days / 7 * a_week + rest.count() as u64
    }
}

impl Service {
    /// Whether it runs on `day`.
    pub(super) fn runs_on(&self, day: Date) -> bool {
        match self.exceptions.binary_search_by_key(&day, |exception| exception.day) {
            Ok(at) => self.exceptions[at].runs,
            Err(_) => self.regular.is_some_and(|regular| regular.runs_on(day)),
        }
    }

    /// On how many days it runs.
    pub(super) fn count(&self) -> u64 {
        let mut count = self.regular.map_or(0, |regular| regular.count());
        for Exception { day, runs, .. } in &self.exceptions {
            match (self.regular.is_some_and(|regular| regular.runs_on(*day)), runs) {
                (false, true) => count += 1,
                (true, false) => count -= 1,
                _ => {}
            }
        }
        count
    }

    /// The first and the last day on which it could run.
    pub(super) fn span(&self) -> Option<(Date, Date)> {
        let added = || self.exceptions.iter().filter(|added| added.runs).map(|added| added.day);
        let starts = added().chain(self.regular.map(|regular| regular.start));
        let ends = added().chain(self.regular.map(|regular| regular.end));
        Some((starts.min()?, ends.max()?))
    }
}

/// Reads both calendar files; a feed may have either, or both.
pub(super) fn read(
    source: &mut Source,
    report: &mut Report,
) -> Result<(Ids, Vec<Service>), GtfsError> {
    let mut ids = Ids::default();
    let mut services: Vec<Service> = Vec::new();
    for_each_row(source, "calendar.txt", &CALENDAR, report, |fields, report| {
        let (file, line, id) = ("calendar.txt", fields.line, fields.get(0));
        if id.is_empty() {
            return report.skip(file, line, "service_id", Reason::MissingField);
        }
        let mut weekdays = [false; 7];
        for (n, runs) in weekdays.iter_mut().enumerate() {
            *runs = fields.get(n + 1) == "1";
        }
        let (start, end) = (parse_date(&fields.get(8)), parse_date(&fields.get(9)));
        let (Some(start), Some(end)) = (start, end) else {
            let what = format!("service {id}: {} to {}", fields.get(8), fields.get(9));
            return report.skip(file, line, &what, Reason::BadDate);
        };
        let service = slot(&mut ids, &mut services, &id);
        if service.regular.is_some() {
            return report.skip(file, line, &format!("service {id}"), Reason::DuplicateId);
        }
        service.regular = Some(Regular { weekdays, start, end });
    })?;
    for_each_row(source, "calendar_dates.txt", &CALENDAR_DATES, report, |fields, report| {
        let (file, line, id) = ("calendar_dates.txt", fields.line, fields.get(0));
        if id.is_empty() {
            return report.skip(file, line, "service_id", Reason::MissingField);
        }
        let Some(day) = parse_date(&fields.get(1)) else {
            let what = format!("service {id}: {}", fields.get(1));
            return report.skip(file, line, &what, Reason::BadDate);
        };
        let runs = match fields.get(2).as_ref() {
            "1" => true,
            "2" => false,
            other => {
                let what = format!("service {id}: exception_type {other:?}");
                return report.skip(file, line, &what, Reason::BadNumber);
            }
        };
        slot(&mut ids, &mut services, &id).exceptions.push(Exception { day, runs, line });
    })?;
    for service in &mut services {
        // The sort is stable, so the first of two rows for a day is the one that stays.
        service.exceptions.sort_by_key(|exception| exception.day);
        service.exceptions.dedup_by(|later, earlier| {
            let same = later.day == earlier.day;
            if same {
                let what = format!("the day {}", later.day);
                report.skip("calendar_dates.txt", later.line, &what, Reason::DuplicateId);
            }
            same
        });
    }
    Ok((ids, services))
}

fn slot<'a>(ids: &mut Ids, services: &'a mut Vec<Service>, id: &str) -> &'a mut Service {
    let index = ids.index(id);
    if index as usize >= services.len() {
        services.push(Service::default());
    }
    &mut services[index as usize]
}
