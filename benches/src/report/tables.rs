//! Every number, in tables that the text and the page share.

use std::collections::BTreeSet;

use super::figures::{count, ends, mib, ms, three, times};
use super::sections::{Section, Series, is_ours, ratio, throughput};
use crate::results::{Row, Run, Spread};

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) is_number: bool,
}

/// A line of a table.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// It is about Seatgrid.
    pub(super) is_ours: bool,
    pub(super) cells: Vec<String>,
}

/// A table as text that nobody has escaped yet.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) columns: Vec<Column>,
    pub(super) lines: Vec<Line>,
}

/// Columns that have words; all others have numbers.
const WORDS: [&str; 6] = ["system", "asked by", "date", "commit", "machine", "command"];

/// What one cell of a row says, by its column.
pub(super) type Cell<'a> = (&'static str, Box<dyn Fn(&Row) -> String + 'a>);

pub(super) fn cell<'a>(name: &'static str, of: impl Fn(&Row) -> String + 'a) -> Cell<'a> {
    (name, Box::new(of))
}

/// Who was asked, and how.
pub(super) fn who() -> Vec<Cell<'static>> {
    vec![
        cell("system", |row| row.system.clone()),
        cell("asked by", |row| row.caller.clone()),
        cell("lanes × depth", |row| format!("{} × {}", row.load.lanes, row.load.depth)),
    ]
}

/// How much was answered.
pub(super) fn rates() -> Vec<Cell<'static>> {
    vec![
        cell("answers/s", |row| count(throughput(row).median)),
        cell("from–to", |row| ends(&throughput(row), count)),
    ]
}

/// How long it took, and what it cost.
pub(super) fn costs() -> Vec<Cell<'static>> {
    vec![
        cell("p50 ms", |row| ms(row.figure(|turn| turn.p50_us).median)),
        cell("p99 ms", |row| ms(row.figure(|turn| turn.p99_us).median)),
        cell("p99.9 ms", |row| ms(row.figure(|turn| turn.p999_us).median)),
        cell("server µs", |row| three(row.figure(|turn| turn.server_us).median)),
        cell("client µs", |row| three(row.figure(|turn| turn.client_us).median)),
        cell("MiB", |row| mib(memory(row).median)),
        cell("failed", |row| count(row.turns.iter().map(|turn| turn.failed as f64).sum())),
    ]
}

/// Memory of all servers, in bytes.
pub(super) fn memory(row: &Row) -> Spread {
    row.figure(|turn| turn.server_bytes as f64)
}

/// How many times as much one of our rows is; nothing beside ourselves.
fn beside(ours: Option<&Row>, row: &Row) -> Option<Spread> {
    ours.filter(|_| !is_ours(&row.system)).and_then(|ours| ratio(ours, row))
}

fn or_dash(ratio: Option<Spread>, write: impl Fn(Spread) -> String) -> String {
    ratio.map_or("–".to_owned(), write)
}

pub(super) fn table(caption: String, cells: &[Cell<'_>], rows: &[&Row]) -> Table {
    let column = |name: &'static str| Column { name, is_number: !WORDS.contains(&name) };
    Table {
        caption,
        columns: cells.iter().map(|(name, _)| column(name)).collect(),
        lines: rows
            .iter()
            .map(|row| Line {
                is_ours: is_ours(&row.system),
                cells: cells.iter().map(|(_, of)| of(row)).collect(),
            })
            .collect(),
    }
}

/// A table whose first column has words and whose others have numbers.
pub(super) fn words_table(
    caption: String,
    columns: &[&'static str],
    lines: Vec<Vec<String>>,
) -> Table {
    let column = |(place, name): (usize, &&'static str)| Column { name, is_number: place > 0 };
    let line = |cells| Line { is_ours: false, cells };
    Table {
        caption,
        columns: columns.iter().enumerate().map(column).collect(),
        lines: lines.into_iter().map(line).collect(),
    }
}

/// Each series at its peak, beside our highest. None where no series has a peak.
pub(super) fn peaks(section: &Section<'_>) -> Option<Table> {
    let (peaks, ours) = (section.peaks(), section.ours());
    let mut cells = who();
    cells.extend(rates());
    if ours.is_some() && peaks.iter().any(|row| !is_ours(&row.system)) {
        cells.push(cell("Seatgrid ÷ it", move |row| {
            or_dash(beside(ours, row), |ratio| times(ratio.median))
        }));
        cells.push(cell("ratio from–to", move |row| {
            or_dash(beside(ours, row), |ratio| ends(&ratio, times))
        }));
        let ways: BTreeSet<&str> = section
            .series()
            .iter()
            .filter(|series| series.is_ours())
            .map(|series| series.caller)
            .collect();
        if ways.len() > 1 {
            cells.push(cell("÷ it, same caller", |row| {
                let alike = peaks.iter().copied().filter(|peak| peak.caller == row.caller);
                let ours = Section::ours_among(&alike.collect::<Vec<_>>());
                or_dash(beside(ours, row), |ratio| times(ratio.median))
            }));
        }
    }
    cells.extend(costs());
    let caption = "Peak against peak: each system at its best load".to_owned();
    (!peaks.is_empty()).then(|| table(caption, &cells, &peaks))
}

/// A table for each number of requests in flight.
pub(super) fn equal_concurrency(section: &Section<'_>) -> Vec<Table> {
    let groups = section.by_outstanding();
    let tables = groups.iter().map(|(outstanding, rows)| {
        let ours = Section::ours_among(rows);
        let mut cells = who();
        cells.extend(rates());
        if ours.is_some() && rows.iter().any(|row| !is_ours(&row.system)) {
            cells.push(cell("Seatgrid ÷ it", move |row| {
                or_dash(beside(ours, row), |ratio| times(ratio.median))
            }));
        }
        cells.extend(costs());
        let requests = if *outstanding == 1 { "request" } else { "requests" };
        let caption = format!("{} {requests} in flight", count(*outstanding as f64));
        table(caption, &cells, rows)
    });
    tables.collect()
}

/// Requests that arrive at a rate, the lowest first.
pub(super) fn open_loop(section: &Section<'_>) -> Option<Table> {
    let mut rows = section.open.clone();
    let rate = |row: &Row| row.rate.unwrap_or_default();
    rows.sort_by(|a, b| rate(a).total_cmp(&rate(b)).then(Series::of(a).cmp(&Series::of(b))));
    let mut cells = vec![cell("asked/s", |row| count(rate(row)))];
    cells.extend(who());
    cells.extend(rates());
    cells.extend(costs());
    let caption = "Open loop: requests arrive at a rate".to_owned();
    (!rows.is_empty()).then(|| table(caption, &cells, &rows))
}

/// When and where it was measured.
pub(super) fn runs(runs: &[Run]) -> Option<Table> {
    let columns = ["date", "commit", "machine", "command"];
    let or_dash = |text: &String| if text.is_empty() { "–".to_owned() } else { text.clone() };
    let line = |run: &Run| Line {
        is_ours: false,
        cells: [&run.date, &run.commit, &run.machine, &run.command].map(or_dash).to_vec(),
    };
    (!runs.is_empty()).then(|| Table {
        caption: "Runs".to_owned(),
        columns: columns.map(|name| Column { name, is_number: false }).to_vec(),
        lines: runs.iter().map(line).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{row, slow};
    use super::super::sections::sections;
    use super::*;
    use crate::results::Results;

    fn column(table: &Table, name: &str) -> Vec<String> {
        let place = table.columns.iter().position(|column| column.name == name);
        let place = place.expect("the table has this column");
        table.lines.iter().map(|line| line.cells[place].clone()).collect()
    }

    #[test]
    fn peaks_are_compared_with_our_highest() {
        let mut results = Results::default();
        results.note(row("Seatgrid", 64, &[90.0, 100.0, 110.0]));
        results.note(slow("Seatgrid", 256, &[5_000.0], 100_001.0));
        results.note(row("Seatgrid", 1, &[10.0]));
        results.note(row("Redis", 1, &[40.0, 50.0, 45.0]));
        let unary = |row: Row| Row { caller: "unary".to_owned(), ..row };
        results.note(unary(row("Seatgrid", 1, &[30.0])));
        results.note(unary(row("Postgres", 1, &[20.0])));
        let sections = sections(&results);
        let table = peaks(&sections[0]).expect("there are peaks");
        let systems = ["Seatgrid", "Redis", "Seatgrid", "Postgres"];
        assert_eq!(column(&table, "system"), systems);
        assert_eq!(column(&table, "Seatgrid ÷ it"), ["–", "2.22×", "–", "5.00×"]);
        let spreads = ["–", "1.80×–2.75×", "–", "4.50×–5.50×"];
        assert_eq!(column(&table, "ratio from–to"), spreads);
        let alike = ["–", "2.22×", "–", "1.50×"];
        assert_eq!(column(&table, "÷ it, same caller"), alike);
    }

    #[test]
    fn equal_concurrency_puts_rows_with_as_many_requests_together() {
        let mut results = Results::default();
        results.note(row("Seatgrid", 64, &[100.0]));
        results.note(row("Redis", 64, &[50.0]));
        results.note(row("Redis", 1, &[7.0]));
        let sections = sections(&results);
        let tables = equal_concurrency(&sections[0]);
        let captions: Vec<&str> = tables.iter().map(|table| table.caption.as_str()).collect();
        assert_eq!(captions, ["1 request in flight", "64 requests in flight"]);
        assert_eq!(column(&tables[1], "Seatgrid ÷ it"), ["–", "2.00×"]);
    }

    #[test]
    fn arrivals_at_a_rate_have_a_table_of_their_own() {
        let mut results = Results::default();
        results.note(Row { rate: Some(2_000.0), ..row("Redis", 1, &[1_990.0]) });
        results.note(Row { rate: Some(1_000.0), ..row("Redis", 1, &[1_000.0]) });
        let sections = sections(&results);
        let table = open_loop(&sections[0]).expect("there are rates");
        assert_eq!(column(&table, "asked/s"), ["1,000", "2,000"]);
        assert_eq!(column(&table, "answers/s"), ["1,000", "1,990"]);
        assert!(peaks(&sections[0]).is_none() && equal_concurrency(&sections[0]).is_empty());
    }
}
