//! A circuit breaker per node: a node that does not answer is left alone for a while.

use std::time::{Duration, Instant};

/// Opens after some failures in a row, and lets one probe through after a rest.
#[derive(Debug)]
pub(crate) struct Breaker {
    threshold: u32,
    rest: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Requests pass; so many have failed in a row.
    Closed { failures: u32 },
    /// Nothing passes before this moment.
    Open { until: Instant },
    /// One probe is under way; another may follow at this moment if nothing is heard of it.
    Probing { until: Instant },
}

impl Breaker {
    /// Opens after `threshold` failures in a row, for `rest`.
    pub(crate) fn new(threshold: u32, rest: Duration) -> Self {
        Self { threshold: threshold.max(1), rest, state: State::Closed { failures: 0 } }
    }

    /// Whether a request may pass at `now`. After a rest, the first to ask becomes the probe.
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } | State::Probing { until } if now >= until => {
                self.state = State::Probing { until: now + self.rest };
                true
            }
            State::Open { .. } | State::Probing { .. } => false,
        }
    }

    /// The node answered, be it with a refusal.
    pub(crate) fn success(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// The node could not be reached, or did not answer.
    pub(crate) fn failure(&mut self, now: Instant) {
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < self.threshold => {
                State::Closed { failures: failures + 1 }
            }
            _ => State::Open { until: now + self.rest },
        };
    }

    /// Whether requests pass freely and none has failed lately.
    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_millis(100);

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(3, REST);
        for _ in 0..3 {
            assert!(breaker.allow(now));
            breaker.failure(now);
        }
        breaker
    }

    #[test]
    fn it_opens_only_after_failures_in_a_row() {
        let now = Instant::now();
        let mut breaker = Breaker::new(3, REST);
        for _ in 0..10 {
            breaker.failure(now);
            breaker.failure(now);
            breaker.success();
        }
        assert!(breaker.is_closed());
        assert!(!opened(now).allow(now));
    }

    #[test]
    fn one_probe_passes_after_the_rest() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(!breaker.allow(now + REST / 2));
        assert!(breaker.allow(now + REST));
        assert!(!breaker.allow(now + REST), "a second probe must wait for the first");
        breaker.success();
        assert!(breaker.is_closed());
    }

    #[test]
    fn a_failed_probe_opens_it_again() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(breaker.allow(now + REST));
        breaker.failure(now + REST);
        assert!(!breaker.allow(now + REST + REST / 2));
        assert!(breaker.allow(now + REST + REST));
    }

    #[test]
    fn a_probe_that_is_never_heard_of_does_not_block_for_ever() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(breaker.allow(now + REST));
        assert!(breaker.allow(now + REST + REST));
    }
}
