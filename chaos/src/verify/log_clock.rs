//! What is known of the log time at a log position: grants tell both.

use std::collections::BTreeMap;

use super::call::{Kind, Outcome};
use super::history::History;

/// The log time along each shard's log, where it is known.
#[derive(Debug, Default)]
pub struct LogClock(BTreeMap<u32, Vec<Tick>>);

/// A position whose log time is known.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// The position.
    pub position: u64,
    /// The log time, in Unix milliseconds.
    pub at_ms: u64,
    /// The line that tells both.
    pub line: u32,
}

impl LogClock {
    /// Of all grants.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut clock = Self::default();
        for call in history.calls() {
            if call.kind != Kind::Hold || call.outcome != Outcome::Ok {
                continue;
            }
            if let (Some(fence), Some(at_ms)) = (call.fence, call.granted_at_ms()) {
                let tick = Tick { position: fence.get(), at_ms, line: call.line };
                clock.0.entry(call.shard).or_default().push(tick);
            }
        }
        for ticks in clock.0.values_mut() {
            ticks.sort_unstable_by_key(|tick| (tick.position, tick.line));
        }
        clock
    }

    /// The log time was at least this at a position, in Unix milliseconds.
    #[must_use]
    pub fn at_least_ms(&self, shard: u32, position: u64) -> Option<u64> {
        let ticks = self.0.get(&shard)?;
        let end = ticks.partition_point(|tick| tick.position <= position);
        Some(ticks.get(end.checked_sub(1)?)?.at_ms)
    }

    /// The log time was at most this at a position, in Unix milliseconds.
    #[must_use]
    pub fn at_most_ms(&self, shard: u32, position: u64) -> Option<u64> {
        let ticks = self.0.get(&shard)?;
        let first = ticks.partition_point(|tick| tick.position < position);
        Some(ticks.get(first)?.at_ms)
    }

    /// All ticks of each shard, in log order.
    pub fn shards(&self) -> impl Iterator<Item = (u32, &[Tick])> {
        self.0.iter().map(|(shard, ticks)| (*shard, ticks.as_slice()))
    }
}
