//! Time for the shell: a seam, and the log time made from it.

use std::sync::Arc;

use raft::mutant::{Mutant, planted};

use crate::ids::Timestamp;

/// Where time comes from. The node reads the system's clocks, a simulator its own.
pub trait Clock: Send + Sync + 'static {
    /// Wall-clock time in Unix milliseconds. May jump.
    fn wall_ms(&self) -> u64;

    /// Milliseconds of a clock that never jumps, from any origin.
    fn monotonic_ms(&self) -> u64;

    /// The same clock in microseconds, for measuring.
    fn monotonic_micros(&self) -> u64 {
        self.monotonic_ms().saturating_mul(1_000)
    }
}

/// The log time of one shard: what a leader stamps into entries.
///
/// Every node starts from its wall clock, once, and from then on goes by the monotonic clock, so that a
/// jump of the wall clock changes nothing. A replica that follows compares the stamps of its leader with
/// its own time; when it becomes leader it goes on in its leader's time, however wrong its own is. So a
/// failover to a node whose wall clock is ahead expires nothing early. Stamps of an entry arrive late,
/// never early: the smallest difference seen is the nearest to the truth. Nor is it ever earlier than a
/// stamp that was applied: who finds its own time behind the newest stamp goes on from there.
pub(crate) struct LogClock {
    clock: Arc<dyn Clock>,
    /// Wall-clock time when the monotonic clock stood at `started_monotonic`.
    started_wall: u64,
    started_monotonic: u64,
    /// How far the own time is ahead of the leaders', the smallest value seen.
    ahead_ms: Option<i64>,
    /// The newest stamp applied or given out.
    newest: Timestamp,
}

impl LogClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let (started_wall, started_monotonic) = (clock.wall_ms(), clock.monotonic_ms());
        Self {
            clock,
            started_wall,
            started_monotonic,
            ahead_ms: None,
            newest: Timestamp::default(),
        }
    }

    /// Takes notice of the stamp of an applied entry. `live`: another leader stamped it lately; false
    /// during a replay and for own entries.
    pub(crate) fn observe(&mut self, stamp: Timestamp, live: bool) {
        self.newest = self.newest.max(stamp);
        let ahead = self.own_ms().cast_signed() - stamp.as_unix_ms().cast_signed();
        if live || ahead < self.ahead_ms.unwrap_or(0) {
            self.ahead_ms = Some(self.ahead_ms.map_or(ahead, |least| least.min(ahead)));
        }
    }

    /// The log time now.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead_ms = self.ahead_ms.filter(|_| !planted(Mutant::StampsByItsOwnClock));
        let now = self.own_ms().saturating_add_signed(-ahead_ms.unwrap_or(0));
        Timestamp::from_unix_ms(now).max(self.newest)
    }

    /// The stamp for an entry: now, remembered so that the next one is not earlier.
    pub(crate) fn stamp(&mut self) -> Timestamp {
        self.newest = self.now();
        self.newest
    }

    /// The newest stamp that was applied or given out.
    pub(crate) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// See [`Clock::monotonic_ms`].
    pub(crate) fn monotonic_ms(&self) -> u64 {
        self.clock.monotonic_ms()
    }

    /// Microseconds of a clock that never jumps: for measuring, never for deciding.
    pub(crate) fn micros(&self) -> u64 {
        self.clock.monotonic_micros()
    }

    fn own_ms(&self) -> u64 {
        self.started_wall + self.clock.monotonic_ms().saturating_sub(self.started_monotonic)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    #[derive(Default)]
    struct Hands {
        wall: AtomicU64,
        monotonic: AtomicU64,
    }

    impl Clock for Hands {
        fn wall_ms(&self) -> u64 {
            self.wall.load(Relaxed)
        }

        fn monotonic_ms(&self) -> u64 {
            self.monotonic.load(Relaxed)
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    #[test]
    fn a_jump_of_the_wall_clock_changes_nothing() {
        let hands = Arc::new(Hands::default());
        hands.wall.store(1_000_000, Relaxed);
        let mut clock = LogClock::new(hands.clone());
        assert_eq!(clock.stamp(), at(1_000_000));
        hands.wall.store(4_600_000, Relaxed);
        hands.monotonic.store(10, Relaxed);
        assert_eq!(clock.stamp(), at(1_000_010));
        hands.wall.store(0, Relaxed);
        assert_eq!(clock.stamp(), at(1_000_010));
    }

    #[test]
    fn a_new_leader_goes_on_from_the_stamps_it_followed() {
        // This node's wall clock is an hour ahead of the old leader's.
        let hands = Arc::new(Hands::default());
        hands.wall.store(3_600_000, Relaxed);
        let mut clock = LogClock::new(hands.clone());
        // A catch-up brings an entry that is old, then fresh ones come.
        clock.observe(at(1_000), true);
        clock.observe(at(5_000), true);
        hands.monotonic.store(250, Relaxed);
        assert_eq!(clock.stamp(), at(5_250), "an hour ahead would expire every hold");
    }

    /// Else nothing would expire until the own time has caught up with the log: for an hour, if this
    /// node's wall clock is an hour slow.
    #[test]
    fn log_time_goes_on_where_the_own_clock_is_behind_it() {
        let hands = Arc::new(Hands::default());
        hands.wall.store(1_000, Relaxed);
        let mut clock = LogClock::new(hands.clone());
        clock.observe(at(3_600_000), false);
        assert_eq!(clock.stamp(), at(3_600_000));
        hands.monotonic.store(250, Relaxed);
        assert_eq!(clock.stamp(), at(3_600_250));
    }

    #[test]
    fn log_time_never_runs_backwards() {
        let hands = Arc::new(Hands::default());
        hands.wall.store(1_000, Relaxed);
        let mut clock = LogClock::new(hands);
        clock.observe(at(9_000), false);
        assert_eq!(clock.stamp(), at(9_000), "replayed stamps bound it from below");
    }
}
