//! Bringing the trips of a batch into the cache before the first of its commands has its turn.
//!
//! See [`crate::seat_map::SeatMap::prefetch`] for why.

use std::hint::black_box;

use super::Shard;
use crate::seat_map::Command;
use crate::trip::guarded;

/// Commands that are prefetched together, at most: enough for their waits to overlap, few enough that
/// what they brought is still there when their turns come.
pub(super) const PREFETCH_WINDOW: usize = 32;

impl Shard {
    /// Prefetches what commands on active trips will touch. A defect in a trip shows in its own turn, not
    /// here, where it would take all trips along.
    pub(super) fn prefetch<'a>(
        &self,
        commands: impl Iterator<Item = (&'a str, &'a Command)> + Clone,
    ) {
        let _ = guarded(|| black_box(self.touch(commands)));
    }

    fn touch<'a>(&self, commands: impl Iterator<Item = (&'a str, &'a Command)> + Clone) -> u64 {
        let mut seen = 0;
        for (trip, _) in commands.clone() {
            seen ^= self.directory.prefetch(trip);
        }
        let mut trips = [None; PREFETCH_WINDOW];
        for ((trip, _), found) in commands.clone().zip(&mut trips) {
            *found = self.directory.active_trip(trip);
        }
        for trip in trips.iter().flatten() {
            seen ^= trip.touched_at_tick ^ trip.map().prefetch();
        }
        for ((_, command), trip) in commands.zip(trips) {
            seen ^= trip.map_or(0, |trip| trip.map().prefetch_for(command));
        }
        seen
    }
}
