//! What was measured, in a form that can be kept, added to and drawn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contest::{Load, Slice, Turn};

/// Everything that a report shows. Several runs add up to one of these.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// Where, when and of what it was measured, a run each.
    pub runs: Vec<Run>,
    /// What was measured.
    pub rows: Vec<Row>,
    /// Systems that were not measured, and why.
    pub absent: Vec<String>,
    /// How each system was configured, by its name: a setting a line.
    pub configurations: BTreeMap<String, Vec<String>>,
}

/// One run of the command.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// The command, as it was given.
    pub command: String,
    /// The commit of the program, where it is known.
    pub commit: String,
    /// When it began, as `2026-11-22 09:00 UTC`.
    pub date: String,
    /// The machine: processor, cores, memory, kernel.
    pub machine: String,
}

/// One system at one load, with all its turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The workload: `hot`, `spread` or `life`.
    pub workload: String,
    /// Seats of a hold.
    pub per_hold: u16,
    /// Legs that a trip has: a hold takes some of them where there is more than one.
    pub legs: u16,
    /// What is on sale, where it is not the workload's own size.
    #[serde(default)]
    pub size: Option<Size>,
    /// The system's name.
    pub system: String,
    /// How callers ask: `pipeline`, `unary` or `batch`.
    pub caller: String,
    /// Arrivals each second in an open loop; none where the next request waits for an answer.
    pub rate: Option<f64>,
    /// Connections, and requests in flight on each.
    #[serde(flatten)]
    pub load: Load,
    /// A turn a round.
    pub turns: Vec<Turn>,
}

/// How much is on sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Size {
    /// How many trips.
    pub trips: u32,
    /// Seats of each.
    pub seats: u32,
}

/// How much a figure changes in an hour, as a share of its mean: the slope of the line that fits best (least
/// squares); 0 of fewer than two pieces.
#[must_use]
pub fn trend(slices: &[Slice], of: impl Fn(&Slice) -> f64) -> f64 {
    let count = slices.len() as f64;
    let mean = |of: &dyn Fn(&Slice) -> f64| slices.iter().map(of).sum::<f64>() / count;
    let (time, figure) = (mean(&|slice| slice.end_s), mean(&of));
    let both: f64 = slices.iter().map(|s| (s.end_s - time) * (of(s) - figure)).sum();
    let square: f64 = slices.iter().map(|s| (s.end_s - time).powi(2)).sum();
    let slope = both / square * 3_600.0 / figure;
    if slope.is_finite() { slope } else { 0.0 }
}

/// The middle of some figures, and their ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The smallest.
    pub least: f64,
    /// The one in the middle; of an even number the upper of the two.
    pub median: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Of some figures; all zero where there is none.
    #[must_use]
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
        Self { least: at(0), median: at(sorted.len() / 2), most: at(sorted.len().max(1) - 1) }
    }
}

impl Row {
    /// One figure of all turns.
    #[must_use]
    pub fn figure(&self, of: impl Fn(&Turn) -> f64) -> Spread {
        Spread::of(self.turns.iter().map(of))
    }

    /// Requests in flight over all connections, at most.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        u64::from(self.load.lanes) * u64::from(self.load.depth)
    }

    /// Whether it is a long run, told in pieces.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.turns.iter().any(|turn| !turn.slices.is_empty())
    }

    /// Whether another row is of the same thing.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        let key = |row: &Self| {
            let rate = row.rate.map(f64::to_bits);
            (
                row.workload.clone(),
                row.per_hold,
                row.legs,
                row.size,
                row.system.clone(),
                row.caller.clone(),
                rate,
            )
        };
        self.load == other.load && key(self) == key(other)
    }
}

impl Results {
    /// Adds what a later run has measured. Of rows of the same thing the later one stays.
    pub fn add(&mut self, later: Self) {
        self.rows.retain(|row| !later.rows.iter().any(|new| new.is_of(row)));
        self.rows.extend(later.rows);
        self.runs.extend(later.runs);
        self.configurations.extend(later.configurations);
        self.absent.extend(later.absent);
        self.absent.sort();
        self.absent.dedup();
    }

    /// Adds a turn to its row.
    pub fn note(&mut self, of: Row) {
        match self.rows.iter_mut().find(|row| row.is_of(&of)) {
            Some(row) => row.turns.extend(of.turns),
            None => self.rows.push(of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(per_second: f64) -> Turn {
        Turn { per_second, server_bytes: 6, ..Turn::default() }
    }

    fn row(system: &str, rates: &[f64]) -> Row {
        Row {
            workload: "spread".to_owned(),
            per_hold: 1,
            legs: 1,
            size: None,
            system: system.to_owned(),
            caller: "pipeline".to_owned(),
            rate: None,
            load: Load { lanes: 4, depth: 16 },
            turns: rates.iter().copied().map(turn).collect(),
        }
    }

    #[test]
    fn a_spread_is_the_middle_and_the_ends() {
        assert_eq!(Spread::of([]), Spread::default());
        let spread = Spread { least: 1.0, median: 3.0, most: 9.0 };
        assert_eq!(Spread::of([9.0, 1.0, 3.0]), spread);
    }

    #[test]
    fn a_later_run_takes_the_place_of_what_it_measured_again() {
        let mut all = Results::default();
        all.note(row("a", &[1.0]));
        all.note(row("b", &[2.0]));
        all.note(row("a", &[3.0]));
        assert_eq!(all.rows.len(), 2);
        assert_eq!(all.rows[0].turns.len(), 2);
        let mut later = Results::default();
        later.note(row("a", &[7.0]));
        all.add(later);
        let rates = |row: &Row| row.turns.iter().map(|turn| turn.per_second).collect::<Vec<_>>();
        assert_eq!(all.rows.iter().map(rates).collect::<Vec<_>>(), [vec![2.0], vec![7.0]]);
    }

    #[test]
    fn results_come_back_from_their_file() {
        let mut all = Results::default();
        all.note(Row { rate: Some(50_000.0), ..row("a", &[1.0]) });
        let text = serde_json::to_string(&all).expect("figures are written");
        let read: Results = serde_json::from_str(&text).expect("and read");
        assert!(read.rows[0].is_of(&all.rows[0]) && read.rows[0].turns[0].server_bytes == 6);
    }
}
