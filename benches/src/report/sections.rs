//! What was measured, sorted: a section for each thing that is asked for, and the peaks within it.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::{Results, Row, Spread};

/// The longest 99th percentile that a peak may have, in microseconds: callers wait no longer than this.
pub(super) const PEAK_P99_US: f64 = 100_000.0;

/// The order of workloads; others follow by their names.
const WORKLOADS: [&str; 3] = ["spread", "hot", "life"];

/// What a system is in a comparison, in the order in which systems are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Seatgrid in one of its configurations.
    Ours,
    /// What people use today.
    Other,
    /// A server that decides nothing: it tells what the caller and the kernel can do, and sells no seat.
    Ceiling,
}

impl Role {
    pub(super) fn of(system: &str) -> Self {
        match system {
            _ if system.starts_with("Seatgrid") => Self::Ours,
            _ if system.starts_with("null") => Self::Ceiling,
            _ => Self::Other,
        }
    }
}

/// Whether a system is Seatgrid.
pub(super) fn is_ours(system: &str) -> bool {
    Role::of(system) == Role::Ours
}

/// Everything that was measured of one thing that buyers ask for.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    pub(super) workload: &'a str,
    pub(super) per_hold: u16,
    pub(super) legs: u16,
    /// Where the next request waits for an answer.
    pub(super) closed: Vec<&'a Row>,
    /// Where requests arrive at a rate.
    pub(super) open: Vec<&'a Row>,
}

/// All sections, in the order in which they are told. Rows without a turn are left out, and those that are
/// told elsewhere: of other sizes than the workload's, and long runs.
pub(super) fn sections(results: &Results) -> Vec<Section<'_>> {
    let mut by_key: BTreeMap<_, Section<'_>> = BTreeMap::new();
    let told_here = |row: &&Row| !row.turns.is_empty() && row.size.is_none() && !row.is_long();
    for row in results.rows.iter().filter(told_here) {
        let workload = row.workload.as_str();
        let place = WORKLOADS.iter().position(|known| *known == workload);
        let key = (place.unwrap_or(WORKLOADS.len()), workload, row.legs, row.per_hold);
        let section = by_key.entry(key).or_insert_with(|| Section {
            workload,
            per_hold: row.per_hold,
            legs: row.legs,
            closed: Vec::new(),
            open: Vec::new(),
        });
        match row.rate {
            None => section.closed.push(row),
            Some(_) => section.open.push(row),
        }
    }
    by_key.into_values().collect()
}

/// Who asks whom: the load apart, rows of the same series are the same. Ours come first in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series<'a> {
    role: Role,
    pub(super) system: &'a str,
    pub(super) caller: &'a str,
}

impl<'a> Series<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        Self { role: Role::of(&row.system), system: &row.system, caller: &row.caller }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.role == Role::Ours
    }
}

/// Answers each second over all turns.
pub(super) fn throughput(row: &Row) -> Spread {
    row.figure(|turn| turn.per_second)
}

/// The row with the highest median throughput; of equal ones the first.
fn fastest<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Option<&'a Row> {
    let median = |row: &Row| throughput(row).median;
    rows.into_iter().reduce(|best, row| if median(row) > median(best) { row } else { best })
}

/// How many times as much ours is: of the medians, and from our least beside their most to our most beside
/// their least. None where the other has nothing.
pub(super) fn ratio(ours: &Row, other: &Row) -> Option<Spread> {
    let (ours, other) = (throughput(ours), throughput(other));
    (other.least > 0.0).then(|| Spread {
        least: ours.least / other.most,
        median: ours.median / other.median,
        most: ours.most / other.least,
    })
}

impl<'a> Section<'a> {
    /// Who was asked in a closed loop, and how.
    pub(super) fn series(&self) -> BTreeSet<Series<'a>> {
        self.closed.iter().copied().map(Series::of).collect()
    }

    /// The best load of a series whose callers did not wait too long.
    pub(super) fn peak(&self, series: Series<'_>) -> Option<&'a Row> {
        fastest(self.closed.iter().copied().filter(|row| {
            Series::of(row) == series && row.figure(|turn| turn.p99_us).median <= PEAK_P99_US
        }))
    }

    /// The peaks of all series that have one, the highest first.
    pub(super) fn peaks(&self) -> Vec<&'a Row> {
        let mut peaks: Vec<&Row> =
            self.series().into_iter().filter_map(|series| self.peak(series)).collect();
        peaks.sort_by(|a, b| throughput(b).median.total_cmp(&throughput(a).median));
        peaks
    }

    /// The series whose callers always waited too long.
    pub(super) fn without_peak(&self) -> Vec<Series<'a>> {
        self.series().into_iter().filter(|series| self.peak(*series).is_none()).collect()
    }

    /// The highest peak of systems with a role.
    pub(super) fn best(&self, role: Role) -> Option<&'a Row> {
        fastest(self.peaks().into_iter().filter(|row| Role::of(&row.system) == role))
    }

    /// Our highest peak.
    pub(super) fn ours(&self) -> Option<&'a Row> {
        self.best(Role::Ours)
    }

    /// The highest peak of a system, whichever way it was asked.
    pub(super) fn peak_of(&self, system: &str) -> Option<&'a Row> {
        fastest(self.peaks().into_iter().filter(|row| row.system == system))
    }

    /// Rows with as many requests in flight, the fewest first; within them the fastest first.
    pub(super) fn by_outstanding(&self) -> BTreeMap<u64, Vec<&'a Row>> {
        let mut groups: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in self.closed.iter().copied() {
            groups.entry(row.outstanding()).or_default().push(row);
        }
        for rows in groups.values_mut() {
            rows.sort_by(|a, b| throughput(b).median.total_cmp(&throughput(a).median));
        }
        groups
    }

    /// Our fastest row among some.
    pub(super) fn ours_among(rows: &[&'a Row]) -> Option<&'a Row> {
        fastest(rows.iter().copied().filter(|row| is_ours(&row.system)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{row, slow};
    use super::*;

    #[test]
    fn a_peak_is_the_highest_throughput_that_keeps_its_callers_waiting_no_longer_than_allowed() {
        let mut results = Results::default();
        results.note(row("Seatgrid", 64, &[90.0, 100.0, 110.0]));
        results.note(slow("Seatgrid", 4096, &[500.0], PEAK_P99_US + 1.0));
        results.note(slow("Redis", 64, &[40.0, 50.0, 45.0], PEAK_P99_US));
        results.note(slow("Postgres", 64, &[900.0], PEAK_P99_US * 2.0));
        results.note(row("null server", 64, &[9_000.0]));
        let sections = sections(&results);
        let section = &sections[0];
        let (ours, other) = (section.ours(), section.best(Role::Other));
        let (ours, other) = (ours.expect("one is fast"), other.expect("its p99 is just allowed"));
        assert_eq!((ours.outstanding(), other.system.as_str()), (64, "Redis"));
        let ratio = ratio(ours, other).expect("it answered");
        let expected = Spread { least: 90.0 / 50.0, median: 100.0 / 45.0, most: 110.0 / 40.0 };
        assert_eq!(ratio, expected);
        let slow: Vec<&str> = section.without_peak().iter().map(|series| series.system).collect();
        assert_eq!(slow, ["Postgres"]);
    }

    #[test]
    fn the_median_turn_decides_whether_callers_waited_too_long() {
        let mut results = Results::default();
        for p99_us in [1.0, 2.0, PEAK_P99_US * 9.0] {
            results.note(slow("Redis", 1, &[10.0], p99_us));
        }
        assert_eq!(sections(&results)[0].peaks().len(), 1);
    }

    #[test]
    fn a_section_for_each_thing_that_is_asked_for() {
        let mut results = Results::default();
        results.note(Row { workload: "other".to_owned(), ..row("Redis", 1, &[1.0]) });
        results.note(Row { workload: "hot".to_owned(), ..row("Redis", 1, &[1.0]) });
        results.note(Row { per_hold: 4, ..row("Redis", 1, &[1.0]) });
        results.note(Row { legs: 3, ..row("Redis", 1, &[1.0]) });
        results.note(Row { rate: Some(5.0), ..row("Redis", 1, &[1.0]) });
        results.note(row("Redis", 2, &[]));
        let found: Vec<_> = sections(&results)
            .iter()
            .map(|section| (section.workload.to_owned(), section.per_hold, section.legs))
            .collect();
        let expected = [("spread", 1, 1), ("spread", 4, 1), ("spread", 1, 3), ("hot", 1, 1)];
        let expected = expected.into_iter().chain([("other", 1, 1)]);
        assert_eq!(found, expected.map(|(a, b, c)| (a.to_owned(), b, c)).collect::<Vec<_>>());
        let all = sections(&results);
        assert_eq!((all[0].closed.len(), all[0].open.len()), (0, 1), "no row without a turn");
    }

    #[test]
    fn what_answered_nothing_has_no_ratio() {
        let (ours, nothing) = (row("Seatgrid", 1, &[5.0]), row("Redis", 1, &[0.0]));
        assert_eq!(ratio(&ours, &nothing), None);
    }
}
