//! What a load came to.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::tally::{Kind, Tally, code_name};
use crate::output::{Show, pairs, table, table_text};

/// The figures of a load.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    seconds: f64,
    /// Commands that were answered, refusals included, each second.
    throughput: f64,
    commands: Vec<Latencies>,
    /// Answers `OVERLOADED`, from when the command was sent. They are no part of the throughput.
    overloaded: Option<Latencies>,
    refusals: BTreeMap<&'static str, u64>,
    retries: BTreeMap<&'static str, u64>,
    unknown: u64,
    failed: u64,
    abandoned: u64,
    starved: u64,
    per_second: Vec<u64>,
}

/// One kind of answer.
#[derive(Debug, Serialize)]
pub(crate) struct Latencies {
    command: &'static str,
    count: u64,
    per_second: f64,
    p50_us: u64,
    p90_us: u64,
    p99_us: u64,
    p999_us: u64,
    max_us: u64,
}

impl Latencies {
    fn of(command: &'static str, us: &Histogram<u64>, seconds: f64) -> Self {
        Self {
            command,
            count: us.len(),
            per_second: us.len() as f64 / seconds,
            p50_us: us.value_at_quantile(0.5),
            p90_us: us.value_at_quantile(0.9),
            p99_us: us.value_at_quantile(0.99),
            p999_us: us.value_at_quantile(0.999),
            max_us: us.max(),
        }
    }
}

impl Report {
    pub(crate) fn new(tally: &Tally, measured: Duration) -> Self {
        let seconds = measured.as_secs_f64().max(0.001);
        let commands: Vec<Latencies> = Kind::ALL
            .into_iter()
            .filter(|&kind| !tally.latency_us(kind).is_empty())
            .map(|kind| Latencies::of(kind.name(), tally.latency_us(kind), seconds))
            .collect();
        let overloaded = Some(tally.overloaded_us()).filter(|us| !us.is_empty());
        Self {
            seconds,
            throughput: commands.iter().map(|kind| kind.count).sum::<u64>() as f64 / seconds,
            commands,
            overloaded: overloaded.map(|us| Latencies::of("overloaded", us, seconds)),
            refusals: tally.refusals.iter().map(|(&code, &n)| (code_name(code), n)).collect(),
            retries: tally.retries.clone(),
            unknown: tally.unknown,
            failed: tally.failed,
            abandoned: tally.abandoned,
            starved: tally.starved,
            per_second: tally.per_second.clone(),
        }
    }

    /// Whether nothing was answered at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }
}

impl Show for Report {
    fn text(&self) -> String {
        let mut latencies =
            table(["COMMAND", "COUNT", "PER SECOND", "P50", "P90", "P99", "P99.9", "MAX"]);
        for kind in self.commands.iter().chain(&self.overloaded) {
            latencies.add_row([
                kind.command.to_owned(),
                kind.count.to_string(),
                format!("{:.0}", kind.per_second),
                us_text(kind.p50_us),
                us_text(kind.p90_us),
                us_text(kind.p99_us),
                us_text(kind.p999_us),
                us_text(kind.max_us),
            ]);
        }
        // The last second is seldom whole.
        let whole = &self.per_second[..self.per_second.len().saturating_sub(1)];
        let range = match (whole.iter().min(), whole.iter().max()) {
            (Some(least), Some(most)) => format!(", {least} to {most} in a second"),
            _ => String::new(),
        };
        let nonzero = |n: u64| if n > 0 { n.to_string() } else { String::new() };
        let tail = pairs(&[
            ("measured", format!("{:.1} s", self.seconds)),
            ("throughput", format!("{:.0} commands/s{range}", self.throughput)),
            ("refusals", counts(&self.refusals)),
            ("sent again", counts(&self.retries)),
            ("unknown", self.unknown.to_string()),
            ("failed", nonzero(self.failed)),
            ("abandoned", nonzero(self.abandoned)),
            ("no seat left", nonzero(self.starved)),
        ]);
        format!("{}\n\n{tail}", table_text(&latencies))
    }
}

fn counts(by_name: &BTreeMap<&'static str, u64>) -> String {
    let parts: Vec<String> = by_name.iter().map(|(name, n)| format!("{name} {n}")).collect();
    parts.join(", ")
}

/// A time in the unit that suits it.
fn us_text(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{:.2} ms", us as f64 / 1e3),
        _ => format!("{:.2} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client_sdk::pb::Code;

    #[test]
    fn figures_are_shown_with_their_units() {
        let mut tally = Tally::default();
        for us in [90, 100, 2_000] {
            tally.answered(Kind::Held, Duration::from_micros(us), Duration::ZERO);
        }
        tally.refused(Code::SeatTaken);
        let report = Report::new(&tally, Duration::from_secs(1));
        let text = report.text();
        assert!(text.contains("100 µs") && text.contains("2.00 ms"), "{text}");
        assert!(text.contains("throughput  3 commands/s"), "{text}");
        assert!(text.contains("refusals    SEAT_TAKEN 1"), "{text}");
    }
}
