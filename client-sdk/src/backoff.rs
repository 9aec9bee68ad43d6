//! How long to wait before an attempt is made again.

use std::time::Duration;

/// Exponential backoff with full jitter: every delay is drawn evenly from zero to a ceiling that doubles
/// with each attempt, so that callers who failed together do not come back together.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    attempt: u32,
}

impl Backoff {
    /// Starts with a ceiling of `base`, never rising above `cap`.
    pub(crate) fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, attempt: 0 }
    }

    /// The next delay; `random` is any number, evenly drawn.
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let doubled = self.base.saturating_mul(1_u32 << self.attempt.min(20));
        self.attempt = self.attempt.saturating_add(1);
        let ceiling_us = u64::try_from(doubled.min(self.cap).as_micros()).unwrap_or(u64::MAX - 1);
        Duration::from_micros(random % (ceiling_us + 1))
    }

    /// Begins again at `base`, after something worked.
    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let mut backoff = Backoff::new(10 * MS, 50 * MS);
        // A ceiling of n us is reached by the random number n.
        assert_eq!(backoff.next(10_000), 10 * MS);
        assert_eq!(backoff.next(20_000), 20 * MS);
        assert_eq!(backoff.next(40_000), 40 * MS);
        assert_eq!(backoff.next(50_000), 50 * MS);
        assert_eq!(backoff.next(50_000), 50 * MS);
        backoff.reset();
        assert_eq!(backoff.next(10_001), Duration::ZERO);
    }

    #[test]
    fn a_long_outage_overflows_nothing() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(3));
        for _ in 0..10_000 {
            assert!(backoff.next(u64::MAX) <= Duration::from_secs(3));
        }
    }
}
