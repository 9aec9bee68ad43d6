//! The clocks of one node: they can be wrong, jump, and run too fast or too slow.

use actors::clock::Clock;
use parking_lot::Mutex;

use super::trace::Trace;

/// Where all wall clocks would stand at the beginning, if they were right: Unix milliseconds.
const EPOCH_MS: u64 = 1_790_000_000_000;

/// The rate of a clock that is right, in per mille.
pub const RIGHT_RATE: u64 = 1_000;

/// The clocks of one node. They survive a restart of its process.
pub struct NodeClock {
    timeline: Trace,
    hands: Mutex<Hands>,
}

struct Hands {
    /// Where the monotonic clock stood at the last change of its rate, in microseconds.
    monotonic_us: u64,
    /// When that was, in virtual microseconds.
    at_us: u64,
    rate: u64,
    /// How far the wall clock is off.
    wrong_ms: i64,
}

impl NodeClock {
    /// A clock that is right.
    #[must_use]
    pub fn new(timeline: Trace) -> Self {
        let at_us = timeline.now_us();
        let hands = Hands { monotonic_us: at_us, at_us, rate: RIGHT_RATE, wrong_ms: 0 };
        Self { timeline, hands: Mutex::new(hands) }
    }

    /// Moves the wall clock.
    pub fn jump(&self, ms: i64) {
        self.hands.lock().wrong_ms += ms;
    }

    /// Makes both clocks run so fast from now on, in per mille.
    pub fn run_at(&self, rate: u64) {
        let now = self.monotonic_micros();
        let mut hands = self.hands.lock();
        (hands.monotonic_us, hands.at_us, hands.rate) = (now, self.timeline.now_us(), rate);
    }

    /// Makes both clocks run right again. What the wall clock is off by stays.
    pub fn run_right(&self) {
        self.run_at(RIGHT_RATE);
    }
}

impl Clock for NodeClock {
    fn wall_ms(&self) -> u64 {
        let right = EPOCH_MS + self.monotonic_ms();
        right.saturating_add_signed(self.hands.lock().wrong_ms)
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic_micros() / 1_000
    }

    fn monotonic_micros(&self) -> u64 {
        let hands = self.hands.lock();
        let passed = self.timeline.now_us() - hands.at_us;
        hands.monotonic_us + passed * hands.rate / RIGHT_RATE
    }
}
