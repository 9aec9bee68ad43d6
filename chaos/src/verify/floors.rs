//! How far a log had come, as far as its callers knew: the newest position that an answer had named
//! before a moment.

use std::collections::BTreeMap;

use super::call::{Call, Kind, Outcome};
use super::history::History;

/// The newest position of every moment, for each shard and each trip.
#[derive(Debug, Default)]
pub struct Floors {
    shards: BTreeMap<u32, Floor>,
    trips: BTreeMap<u32, Floor>,
}

/// The newest positions of one log or trip, in the order of answers.
#[derive(Debug, Default)]
struct Floor(Vec<Known>);

/// From a moment on a position is known to have been reached.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// When an answer named it, in microseconds.
    pub completed_us: u64,
    /// The position.
    pub position: u64,
    /// The line of that answer.
    pub line: u32,
}

impl Floors {
    /// Of all answers with a position.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut floors = Self::default();
        for call in history.calls() {
            let Some(position) = reached(call) else { continue };
            let known = Known { completed_us: call.completed_us, position, line: call.line };
            floors.shards.entry(call.shard).or_default().0.push(known);
            floors.trips.entry(call.trip).or_default().0.push(known);
        }
        floors.shards.values_mut().chain(floors.trips.values_mut()).for_each(Floor::settle);
        floors
    }

    /// The newest position of a shard that had been named before a moment.
    #[must_use]
    pub fn of_shard(&self, shard: u32, before_us: u64) -> Option<Known> {
        self.shards.get(&shard)?.before(before_us)
    }

    /// The newest position of a trip that had been named before a moment.
    #[must_use]
    pub fn of_trip(&self, trip: u32, before_us: u64) -> Option<Known> {
        self.trips.get(&trip)?.before(before_us)
    }
}

impl Floor {
    /// Sorts by the moment; each position becomes the newest so far.
    fn settle(&mut self) {
        self.0.sort_unstable_by_key(|known| (known.completed_us, known.line));
        for place in 1..self.0.len() {
            let before = self.0[place - 1];
            if before.position > self.0[place].position {
                let completed_us = self.0[place].completed_us;
                self.0[place] = Known { completed_us, ..before };
            }
        }
    }

    fn before(&self, moment_us: u64) -> Option<Known> {
        let end = self.0.partition_point(|known| known.completed_us < moment_us);
        self.0.get(end.checked_sub(1)?).copied()
    }
}

/// The newest position that an answer names.
fn reached(call: &Call) -> Option<u64> {
    if !matches!(call.outcome, Outcome::Ok | Outcome::Refused) {
        return None;
    }
    let position = call.position?.get();
    let fence = call.fence.filter(|_| call.kind == Kind::Hold && call.outcome == Outcome::Ok);
    Some(fence.map_or(position, |fence| fence.get().max(position)))
}
