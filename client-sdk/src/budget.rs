//! A bound on retries: what a client sends again may only be a share of what it sends at all.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Thousandths of a token, so that a share of a token can be put in.
const MILLI: i64 = 1_000;

/// A token bucket: every call puts a share of a token in, every retry takes a whole one out. In an
/// outage retries stop at the bucket's end instead of multiplying the load.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tokens_milli: AtomicI64,
    per_call_milli: i64,
    per_second_milli: i64,
    max_milli: i64,
    /// When tokens of the steady trickle were last put in.
    filled_at_ms: AtomicU64,
}

impl RetryBudget {
    /// `ratio` tokens for each call and `per_second` in any case, at most `burst` together.
    pub(crate) fn new(ratio: f64, per_second: u32, burst: u32) -> Self {
        let max_milli = i64::from(burst) * MILLI;
        Self {
            tokens_milli: AtomicI64::new(max_milli),
            per_call_milli: (ratio.clamp(0.0, 10.0) * MILLI as f64) as i64,
            per_second_milli: i64::from(per_second) * MILLI,
            max_milli,
            filled_at_ms: AtomicU64::new(0),
        }
    }

    /// A call is made.
    pub(crate) fn deposit(&self) {
        if self.tokens_milli.load(Ordering::Relaxed) < self.max_milli {
            self.tokens_milli.fetch_add(self.per_call_milli, Ordering::Relaxed);
        }
    }

    /// A retry is wanted at `now_ms` (of any clock that does not run backwards): whether it may be made.
    pub(crate) fn withdraw(&self, now_ms: u64) -> bool {
        self.trickle(now_ms);
        let taken = self.tokens_milli.fetch_sub(MILLI, Ordering::Relaxed);
        if taken >= MILLI {
            return true;
        }
        self.tokens_milli.fetch_add(MILLI, Ordering::Relaxed);
        false
    }

    fn trickle(&self, now_ms: u64) {
        let before_ms = self.filled_at_ms.fetch_max(now_ms, Ordering::Relaxed);
        let passed_ms = i64::try_from(now_ms.saturating_sub(before_ms)).unwrap_or(i64::MAX);
        if before_ms == 0 || passed_ms == 0 {
            return;
        }
        let more = (self.per_second_milli / MILLI).saturating_mul(passed_ms).min(self.max_milli);
        let room = self.max_milli - self.tokens_milli.load(Ordering::Relaxed);
        self.tokens_milli.fetch_add(more.min(room.max(0)), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_spent_and_calls_earn_a_share_back() {
        let budget = RetryBudget::new(0.1, 0, 2);
        assert!(budget.withdraw(1));
        assert!(budget.withdraw(1));
        assert!(!budget.withdraw(1));
        for _ in 0..9 {
            budget.deposit();
        }
        assert!(!budget.withdraw(1));
        budget.deposit();
        assert!(budget.withdraw(1));
    }

    #[test]
    fn time_alone_earns_a_trickle() {
        let budget = RetryBudget::new(0.0, 10, 5);
        for _ in 0..5 {
            assert!(budget.withdraw(1_000));
        }
        assert!(!budget.withdraw(1_099));
        assert!(budget.withdraw(1_200));
        assert!(budget.withdraw(1_200));
        assert!(!budget.withdraw(1_200));
    }

    #[test]
    fn a_quiet_day_does_not_earn_more_than_the_burst() {
        let budget = RetryBudget::new(1.0, 1_000, 3);
        (0..100).for_each(|_| budget.deposit());
        assert!(budget.withdraw(1));
        let granted = (0..100).filter(|_| budget.withdraw(86_400_000)).count();
        assert!((3..=4).contains(&granted), "{granted}");
    }
}
