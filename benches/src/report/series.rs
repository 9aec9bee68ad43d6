//! A colour and a shape for each series, the same in every picture.

use std::collections::BTreeSet;

use super::sections::{Section, Series};
use crate::results::Row;

/// Colours that the style sheet has, and shapes of a point.
const KINDS: usize = 8;

/// Shapes around the origin, as large as a point is.
const SHAPES: [&str; KINDS] = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.6-3.6h7.2v7.2h-7.2z",
    "M0-4.6L4.4 3.4h-8.8z",
    "M0-5L5 0L0 5L-5 0z",
    "M0 4.6L4.4-3.4h-8.8z",
    "M-3.6-3.6L3.6 3.6M-3.6 3.6L3.6-3.6",
    "M-4.6 0h9.2M0-4.6v9.2",
    "M-2.4-4.2h4.8L4.8 0L2.4 4.2h-4.8L-4.8 0z",
];

/// The styles of all series of a report.
#[derive(Clone, Debug)]
pub(super) struct Styles<'a> {
    all: Vec<Series<'a>>,
}

impl<'a> Styles<'a> {
    pub(super) fn of(sections: &[Section<'a>]) -> Self {
        let rows = sections.iter().flat_map(|section| section.closed.iter().chain(&section.open));
        let all: BTreeSet<Series<'a>> = rows.copied().map(Series::of).collect();
        Self { all: all.into_iter().collect() }
    }

    fn place(&self, series: Series<'_>) -> usize {
        self.all.iter().position(|known| *known == series).unwrap_or(0)
    }

    /// The class that has a series' colour.
    pub(super) fn class(&self, series: Series<'_>) -> String {
        let own = if series.is_ours() { " ours" } else { "" };
        format!("c{}{own}", self.place(series) % KINDS)
    }

    /// The shape of a series' points. Where colours come again, shapes are others.
    pub(super) fn shape(&self, series: Series<'_>) -> &'static str {
        let place = self.place(series);
        SHAPES[(place + place / KINDS) % KINDS]
    }

    /// A series by its name, with how it is asked where its system is asked in several ways.
    pub(super) fn name(&self, series: Series<'_>) -> String {
        let ways = self.all.iter().filter(|known| known.system == series.system).count();
        match ways {
            0 | 1 => series.system.to_owned(),
            _ => format!("{}, {}", series.system, series.caller),
        }
    }

    /// The name of a row's series.
    pub(super) fn name_of(&self, row: &Row) -> String {
        self.name(Series::of(row))
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::row;
    use super::super::sections::sections;
    use super::*;
    use crate::results::Results;

    #[test]
    fn each_series_looks_like_no_other() {
        let mut results = Results::default();
        for number in 0..40 {
            results.note(row(&format!("system {number:02}"), 1, &[1.0]));
        }
        results.note(row("Seatgrid", 1, &[1.0]));
        let sections = sections(&results);
        let styles = Styles::of(&sections);
        let looks: BTreeSet<(String, &str)> = sections[0]
            .series()
            .into_iter()
            .map(|series| (styles.class(series), styles.shape(series)))
            .collect();
        assert_eq!(looks.len(), 41);
        let first = sections[0].series().into_iter().next().expect("there are some");
        assert_eq!((first.system, styles.class(first).as_str()), ("Seatgrid", "c0 ours"));
    }

    #[test]
    fn how_it_is_asked_is_named_where_there_is_a_choice() {
        let mut results = Results::default();
        results.note(row("a", 1, &[1.0]));
        results.note(Row { caller: "unary".to_owned(), ..row("a", 1, &[1.0]) });
        results.note(row("b", 1, &[1.0]));
        let sections = sections(&results);
        let styles = Styles::of(&sections);
        let names: Vec<String> =
            sections[0].series().into_iter().map(|series| styles.name(series)).collect();
        assert_eq!(names, ["a, pipeline", "a, unary", "b"]);
    }
}
