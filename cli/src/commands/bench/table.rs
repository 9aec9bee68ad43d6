//! Results for people.

use benches::contest::Turn;
use benches::results::{Results, Row};
use serde::{Serialize, Serializer};

use crate::output::{Show, table, table_text};

/// What one run measured.
#[derive(Debug)]
pub(super) struct Table(pub(super) Results);

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Show for Table {
    fn text(&self) -> String {
        let mut rows = table([
            "SYSTEM",
            "CALLER",
            "LANES",
            "ASKED/S",
            "ANSWERS/S",
            "FROM-TO",
            "P50 MS",
            "P99 MS",
            "P99.9 MS",
            "SERVER µs",
            "CLIENT µs",
            "MiB",
        ]);
        for row in &self.0.rows {
            rows.add_row(cells(row));
        }
        let mut text = table_text(&rows);
        for absent in &self.0.absent {
            text += &format!("\nabsent: {absent}");
        }
        text
    }
}

fn cells(row: &Row) -> [String; 12] {
    let rate = row.figure(|turn| turn.per_second);
    let ms = |of: fn(&Turn) -> f64| format!("{:.2}", row.figure(of).median / 1e3);
    let us = |of: fn(&Turn) -> f64| format!("{:.1}", row.figure(of).median);
    [
        row.system.clone(),
        row.caller.clone(),
        format!("{}×{}", row.load.lanes, row.load.depth),
        row.rate.map_or(String::new(), |rate| format!("{rate:.0}")),
        format!("{:.0}", rate.median),
        format!("{:.0}-{:.0}", rate.least, rate.most),
        ms(|turn| turn.p50_us),
        ms(|turn| turn.p99_us),
        ms(|turn| turn.p999_us),
        us(|turn| turn.server_us),
        us(|turn| turn.client_us),
        format!("{:.0}", row.figure(|turn| turn.server_bytes as f64).median / 1_048_576.0),
    ]
}
