//! Bringing the trips of a batch into the cache before the first of its commands has its turn.
//!
//! See [`crate::seat_map::SeatMap::prefetch`] for why.

use super::Shard;
use crate::fetch::fetch_whole;
use crate::seat_map::Command;
use crate::trip::guarded;

/// Commands that are prefetched together, at most: enough for their waits to overlap, few enough that
/// what they brought is still there when their turns come.
pub(super) const PREFETCH_WINDOW: usize = 32;

/// The numbers of the trips of a window's commands; none for those that were not there yet.
pub(super) type Numbers = [Option<u32>; PREFETCH_WINDOW];

impl Shard {
    /// Finds the trips of commands, and prefetches what these will touch of the active ones. A defect in a
    /// trip shows in its own turn, not here, where it would take all trips along.
    pub(super) fn prefetch<'a>(
        &self,
        commands: impl Iterator<Item = (&'a str, &'a Command)> + Clone,
    ) -> Numbers {
        let mut numbers = [None; PREFETCH_WINDOW];
        for ((trip, _), number) in commands.clone().zip(&mut numbers) {
            *number = self.directory.candidate(trip);
        }
        for ((trip, _), number) in commands.clone().zip(&mut numbers) {
            *number = number.and_then(|candidate| self.directory.find_at(candidate, trip));
        }
        let _ = guarded(|| self.fetch(commands, &numbers));
        numbers
    }

    fn fetch<'a>(
        &self,
        commands: impl Iterator<Item = (&'a str, &'a Command)> + Clone,
        numbers: &Numbers,
    ) {
        let trips = numbers.map(|number| number.and_then(|one| self.directory.active_trip(one)));
        trips.iter().flatten().for_each(|trip| fetch_whole(*trip));
        let trips = trips.iter().zip(commands);
        let active = trips.filter_map(|(trip, (_, command))| Some(((*trip)?, command)));
        active.clone().for_each(|(trip, command)| trip.map().prefetch(command));
        active.clone().for_each(|(trip, command)| trip.map().prefetch_record(command));
        active.for_each(|(trip, command)| trip.map().prefetch_end(command));
    }
}
