//! What was counted and measured.

use std::collections::BTreeMap;
use std::time::Duration;

use client_sdk::pb::Code;
use hdrhistogram::Histogram;
use proto::code::meaning;

use super::buyer::Stage;

/// Latencies are told apart up to this; beyond it they count as so long, in microseconds.
const MAX_LATENCY_US: u64 = 60_000_000;

/// What latencies are kept of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Held,
    Refused,
    Confirmed,
    Released,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Held, Self::Refused, Self::Confirmed, Self::Released];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Held => "hold",
            Self::Refused => "hold refused",
            Self::Confirmed => "confirm",
            Self::Released => "release",
        }
    }
}

/// One worker's counts, or all of them together.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    latency_us: [Histogram<u64>; 4],
    /// How long it took, from being sent, to be told `OVERLOADED`.
    overloaded_us: Histogram<u64>,
    /// Refusals by code, of every kind of command.
    pub(crate) refusals: BTreeMap<Code, u64>,
    /// Answers after which the same command was sent again, by code.
    pub(crate) retries: BTreeMap<&'static str, u64>,
    /// Commands of which nobody knows whether they were carried out.
    pub(crate) unknown: u64,
    /// Commands that were given up without having been carried out.
    pub(crate) failed: u64,
    /// Holds that were left to expire.
    pub(crate) abandoned: u64,
    /// Times that no seat was left to ask for.
    pub(crate) starved: u64,
    /// Successes in each second since the beginning.
    pub(crate) per_second: Vec<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, MAX_LATENCY_US, 3).expect("the bounds are in order");
        Self {
            latency_us: [histogram(), histogram(), histogram(), histogram()],
            overloaded_us: histogram(),
            refusals: BTreeMap::new(),
            retries: BTreeMap::new(),
            unknown: 0,
            failed: 0,
            abandoned: 0,
            starved: 0,
            per_second: Vec::new(),
        }
    }
}

impl Tally {
    /// A command was carried out, or refused.
    pub(crate) fn answered(&mut self, kind: Kind, latency: Duration, since_start: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(MAX_LATENCY_US);
        self.latency_us[kind as usize].saturating_record(us.max(1));
        let second = usize::try_from(since_start.as_secs()).unwrap_or(usize::MAX).min(86_400);
        if self.per_second.len() <= second {
            self.per_second.resize(second + 1, 0);
        }
        self.per_second[second] += 1;
    }

    /// A command came back at once: the cluster has too much to do.
    pub(crate) fn overloaded(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(MAX_LATENCY_US);
        self.overloaded_us.saturating_record(us.max(1));
    }

    /// How long it took to be told `OVERLOADED`, in microseconds.
    pub(crate) fn overloaded_us(&self) -> &Histogram<u64> {
        &self.overloaded_us
    }

    /// A refusal, whatever its command was.
    pub(crate) fn refused(&mut self, code: Code) {
        *self.refusals.entry(code).or_default() += 1;
    }

    /// The same command will be sent again, because of this.
    pub(crate) fn retried(&mut self, why: &'static str) {
        *self.retries.entry(why).or_default() += 1;
    }

    /// Latencies of one kind, in microseconds.
    pub(crate) fn latency_us(&self, kind: Kind) -> &Histogram<u64> {
        &self.latency_us[kind as usize]
    }

    /// Adds another worker's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, more) in self.latency_us.iter_mut().zip(&other.latency_us) {
            own.add(more).expect("all histograms have the same bounds");
        }
        self.overloaded_us.add(&other.overloaded_us).expect("all histograms have the same bounds");
        for (code, count) in &other.refusals {
            *self.refusals.entry(*code).or_default() += count;
        }
        for (why, count) in &other.retries {
            *self.retries.entry(why).or_default() += count;
        }
        self.unknown += other.unknown;
        self.failed += other.failed;
        self.abandoned += other.abandoned;
        self.starved += other.starved;
        if self.per_second.len() < other.per_second.len() {
            self.per_second.resize(other.per_second.len(), 0);
        }
        for (own, more) in self.per_second.iter_mut().zip(&other.per_second) {
            *own += more;
        }
    }
}

/// The success of a stage.
pub(crate) fn success_of(stage: Stage) -> Kind {
    match stage {
        Stage::Hold => Kind::Held,
        Stage::Confirm => Kind::Confirmed,
        Stage::Release => Kind::Released,
    }
}

/// A code's name.
pub(crate) fn code_name(code: Code) -> &'static str {
    meaning(code).name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_add_up() {
        let second = Duration::from_secs(1);
        let (mut one, mut two) = (Tally::default(), Tally::default());
        one.answered(Kind::Held, Duration::from_micros(100), Duration::ZERO);
        two.answered(Kind::Held, Duration::from_micros(300), second);
        two.refused(Code::SeatTaken);
        two.overloaded(Duration::from_micros(200));
        one.add(&two);
        assert_eq!(one.latency_us(Kind::Held).len(), 2);
        assert_eq!(one.per_second, [1, 1], "what is sent again is not answered");
        assert_eq!(one.overloaded_us().len(), 1);
        assert_eq!(one.refusals[&Code::SeatTaken], 1);
    }

    #[test]
    fn an_endless_wait_is_kept_as_the_longest() {
        let mut tally = Tally::default();
        tally.answered(Kind::Held, Duration::from_secs(3_600), Duration::ZERO);
        assert!(tally.latency_us(Kind::Held).max() >= MAX_LATENCY_US);
    }
}
