//! How cost and memory grow with what is on sale, and what a long run changes.

use super::figures::{count, mib, ms, signed_percent, three};
use super::tables::{Cell, Table, cell, costs, rates, table, who, words_table};
use crate::contest::{Slice, Turn};
use crate::results::{Results, Row, Size, trend};

/// Points of a long run that are written down, at most.
const POINTS: usize = 12;

/// Rows of other sizes than the workload's own, the smallest first. None where there is none.
pub(super) fn growth(results: &Results) -> Option<Table> {
    let sized = results.rows.iter().filter(|row| row.size.is_some() && !row.is_long());
    let mut rows: Vec<&Row> = sized.filter(|row| !row.turns.is_empty()).collect();
    let key = |row: &Row| (row.workload.clone(), row.size, row.system.clone());
    rows.sort_by_key(|row| key(row));
    let size = |row: &Row| row.size.unwrap_or_default();
    let mut cells: Vec<Cell<'_>> = vec![
        cell("trips", move |row| count(size(row).trips.into())),
        cell("seats a trip", move |row| count(size(row).seats.into())),
    ];
    cells.extend(who());
    cells.extend(rates());
    cells.extend(costs());
    cells.push(cell("bytes a trip", move |row| three(a_trip(row, size(row)))));
    cells.push(cell("bytes a hold", |row| three(a_hold(row))));
    let caption = "Growth: the same work on more trips, seats or shards".to_owned();
    (!rows.is_empty()).then(|| table(caption, &cells, &rows))
}

/// Memory of all servers for each trip that was opened, in bytes.
fn a_trip(row: &Row, size: Size) -> f64 {
    let each = |turn: &Turn| turn.opened_bytes.saturating_sub(turn.empty_bytes) as f64;
    row.figure(each).median / f64::from(size.trips.max(1))
}

/// Memory of all servers for each hold that was granted, in bytes.
fn a_hold(row: &Row) -> f64 {
    let grown = |turn: &Turn| turn.server_bytes.saturating_sub(turn.opened_bytes) as f64;
    row.figure(|turn| grown(turn) / turn.held.max(1) as f64).median
}

/// Each long run: what it came to on the whole, and at some moments.
pub(super) fn long_runs(results: &Results) -> Vec<Table> {
    let long = results.rows.iter().filter(|row| row.is_long());
    long.flat_map(|row| row.turns.iter().flat_map(|turn| [whole(row, turn), points(turn)]))
        .collect()
}

type Quantity = (&'static str, fn(&Slice) -> f64, fn(f64) -> String);

const QUANTITIES: [Quantity; 5] = [
    ("answers/s", |slice| slice.per_second, count),
    ("p50 ms", |slice| slice.p50_us, ms),
    ("p99 ms", |slice| slice.p99_us, ms),
    ("memory MiB", |slice| slice.server_bytes as f64, mib),
    ("disk MiB", |slice| slice.disk_bytes as f64, mib),
];

fn whole(row: &Row, turn: &Turn) -> Table {
    let end = turn.slices.last().map_or(0.0, |slice| slice.end_s);
    let rate = row.rate.map_or(String::new(), |rate| format!(", {} asked/s", count(rate)));
    let caption = format!(
        "A long run: {}, {}{rate}, {} minutes in pieces of {} s",
        row.system,
        row.workload,
        three(end / 60.0),
        three(end / turn.slices.len().max(1) as f64),
    );
    let later = &turn.slices[turn.slices.len() / 2..];
    let lines = QUANTITIES.iter().map(|(name, of, write)| {
        let figures = turn.slices.iter().map(of);
        let least = figures.clone().fold(f64::INFINITY, f64::min);
        let most = figures.fold(0.0, f64::max);
        let slope = |slices| signed_percent(trend(slices, of));
        vec![(*name).to_owned(), write(least), write(most), slope(&turn.slices), slope(later)]
    });
    let columns = ["figure", "least", "most", "change in an hour", "of the second half alone"];
    words_table(caption, &columns, lines.collect())
}

/// Some moments of a long run.
fn points(turn: &Turn) -> Table {
    let step = turn.slices.len().div_ceil(POINTS).max(1);
    let lines = turn.slices.chunks(step).filter_map(|chunk| chunk.last()).map(|slice| {
        let at = std::iter::once(format!("{:.0} s", slice.end_s));
        at.chain(QUANTITIES.iter().map(|(_, of, write)| write(of(slice)))).collect()
    });
    let names = QUANTITIES.iter().map(|(name, ..)| *name);
    let columns: Vec<&str> = std::iter::once("until").chain(names).collect();
    words_table("The same at some moments".to_owned(), &columns, lines.collect())
}

#[cfg(test)]
mod tests {
    use super::super::made_up::row;
    use super::*;

    fn text(table: &Table) -> Vec<String> {
        table.lines.iter().map(|line| line.cells.join(" ")).collect()
    }

    #[test]
    fn memory_is_told_for_each_trip_and_each_hold() {
        let mut results = Results::default();
        assert!(growth(&results).is_none());
        for (trips, opened_bytes) in [(1_000, 3_000_000), (10, 1_030_000)] {
            let mut row = row("Seatgrid", 1, &[100.0]);
            row.size = Some(Size { trips, seats: 50 });
            let held = 50;
            let (empty_bytes, server_bytes) = (1_000_000, opened_bytes + 12_000);
            let turn = row.turns[0].clone();
            row.turns = vec![Turn { held, empty_bytes, opened_bytes, server_bytes, ..turn }];
            results.note(row);
        }
        let lines = text(&growth(&results).expect("there are sizes"));
        assert!(lines[0].starts_with("10 50 Seatgrid") && lines[0].ends_with("3,000 240"));
        assert!(lines[1].starts_with("1,000 50") && lines[1].ends_with("2,000 240"));
    }

    #[test]
    fn a_long_run_says_how_much_changes_in_an_hour() {
        let mut row = row("Seatgrid", 1, &[100.0]);
        let slice = |n: u32| Slice {
            end_s: f64::from(n) * 10.0,
            per_second: 1_000.0,
            server_bytes: (100 + u64::from(n)) << 20,
            ..Slice::default()
        };
        row.turns[0].slices = (1..=36).map(slice).collect();
        let mut results = Results::default();
        results.note(row);
        let tables = long_runs(&results);
        let whole = text(&tables[0]);
        assert_eq!(whole[0], "answers/s 1,000 1,000 +0.0 % +0.0 %");
        // One MiB in ten seconds is 360 in an hour, of 118.5 in the mean.
        assert_eq!(whole[3], "memory MiB 101 136 +303.8 % +282.4 %");
        assert_eq!(tables[1].lines.len(), POINTS);
    }
}
