//! Calls and their latencies, second by second.

use crate::verify::History;
use crate::verify::call::Outcome;

/// Spans of a history at most: longer histories have longer spans.
const MAX_SPANS: u64 = 240;

/// Calls that ended within one span.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    /// Acknowledged, refused, without an answer, and failed.
    pub(super) counts: [u64; 4],
    /// Latencies of those with an answer, ascending, in microseconds.
    latencies_us: Vec<u64>,
}

/// What the counts of a span are, in their order.
pub(super) const OUTCOMES: [&str; 4] = ["acknowledged", "refused", "no answer", "failed"];

/// A history in spans of the same length.
#[derive(Clone, Debug)]
pub(super) struct Seconds {
    /// Length of a span, in microseconds: whole seconds.
    pub(super) span_us: u64,
    /// When the first begins.
    pub(super) from_us: u64,
    pub(super) spans: Vec<Span>,
}

impl Seconds {
    pub(super) fn of(history: &History) -> Self {
        let calls = history.calls();
        let from_us = calls.iter().map(|call| call.invoked_us).min().unwrap_or(0);
        let from_us = from_us - from_us % 1_000_000;
        let to_us = calls.iter().map(|call| call.completed_us).max().unwrap_or(from_us);
        let seconds = (to_us - from_us) / 1_000_000 + 1;
        let span_us = seconds.div_ceil(MAX_SPANS) * 1_000_000;
        let count = (to_us - from_us) / span_us + 1;
        let mut spans = vec![Span::default(); count as usize];
        for call in calls {
            let span = &mut spans[((call.completed_us - from_us) / span_us) as usize];
            let outcome = match call.outcome {
                Outcome::Ok => 0,
                Outcome::Refused => 1,
                Outcome::Unknown => 2,
                Outcome::Failed | Outcome::Defect => 3,
            };
            span.counts[outcome] += 1;
            if outcome < 2 {
                span.latencies_us.push(call.completed_us - call.invoked_us);
            }
        }
        spans.iter_mut().for_each(|span| span.latencies_us.sort_unstable());
        Self { span_us, from_us, spans }
    }

    /// The end of the last span, in microseconds.
    pub(super) fn to_us(&self) -> u64 {
        self.from_us + self.span_us * self.spans.len() as u64
    }

    /// Calls a second, at most.
    pub(super) fn peak(&self) -> f64 {
        let most = self.spans.iter().map(|span| span.counts.iter().sum::<u64>()).max();
        self.per_second(most.unwrap_or(0)).max(1.0)
    }

    /// A span's count as calls a second.
    pub(super) fn per_second(&self, count: u64) -> f64 {
        count as f64 * 1e6 / self.span_us as f64
    }
}

impl Span {
    /// The latency below which so many of a hundred lie, in milliseconds.
    pub(super) fn latency_ms(&self, percent: usize) -> Option<f64> {
        let place = (self.latencies_us.len() * percent).div_ceil(100);
        self.latencies_us.get(place.checked_sub(1)?).map(|us| *us as f64 / 1_000.0)
    }
}
