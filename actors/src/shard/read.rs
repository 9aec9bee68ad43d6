//! Looking at trips.

use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::{Counts, ReadFailure, Shard};
use crate::directory::Slot;
use crate::ids::TripId;
use crate::seat_map::SeatMap;
use crate::watch::WatchEvent;

/// Looks at a seat map, or learns why it cannot. Runs on the shard's turn: it must be quick.
pub(crate) type ReadJob = Box<dyn FnOnce(Result<&SeatMap, ReadFailure>) + Send>;

/// Trips of a shard in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Id, and whether the trip is active.
    pub trips: Vec<(TripId, bool)>,
}

impl Shard {
    pub(super) fn read(&mut self, trip: &TripId, stale: bool, job: ReadJob) {
        let leadership = self.leadership();
        if !stale && !leadership.may_answer {
            return job(Err(ReadFailure::NotLeader {
                leader: leadership.leader,
                leads: leadership.leads,
            }));
        }
        let Some(number) = self.directory.find(trip.as_str()) else {
            return job(Err(ReadFailure::NotFound));
        };
        let tick = self.tick;
        match self.directory.activate(number) {
            Ok(Some(trip)) => {
                trip.touched_at_tick = tick;
                trip.look(&mut self.journal, |map| job(Ok(map)));
            }
            Ok(None) => job(Err(ReadFailure::Fenced)),
            Err(bad) => job(Err(ReadFailure::Damaged(bad.0))),
        }
    }

    pub(super) fn watch(
        &mut self,
        trip: &TripId,
        has: Option<u64>,
        queue: mpsc::Sender<WatchEvent>,
    ) -> Result<(), ReadFailure> {
        let number = self.directory.find(trip.as_str()).ok_or(ReadFailure::NotFound)?;
        let activated = self.directory.activate(number);
        let trip = activated.map_err(|bad| ReadFailure::Damaged(bad.0))?;
        let trip = trip.ok_or(ReadFailure::Fenced)?;
        if !trip.watchers.add(queue, has) {
            return Err(ReadFailure::TooManyWatchers);
        }
        trip.send_to_watchers(&mut self.journal);
        if !self.watched.contains(&number) {
            self.watched.push(number);
        }
        Ok(())
    }

    /// A page of trips. It looks at every id: listing is for people, not for the hot path.
    pub(super) fn list(&self, after: &str, prefix: &str, limit: usize) -> Page {
        let cells = self.directory.cells().iter();
        let mut found: Vec<_> = cells
            .filter(|cell| cell.id.as_str() > after && cell.id.as_str().starts_with(prefix))
            .collect();
        if found.len() > limit {
            found.select_nth_unstable_by(limit, |a, b| a.id.cmp(&b.id));
            found.truncate(limit);
        }
        found.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let trip = |cell: &&crate::directory::Cell| {
            (cell.id.clone(), matches!(cell.slot, Slot::Active(_)))
        };
        Page { trips: found.iter().map(trip).collect() }
    }

    pub(super) fn count(&self) -> Counts {
        Counts {
            trips: self.directory.cells().len(),
            active: self.directory.active(),
            live_holds: self.directory.live_holds(),
            fenced: self.directory.fenced(),
            waiting: self.sequencer.waiting(),
            in_flight: self.sequencer.in_flight(),
            watchers: self.watchers(),
            mailbox: self.mailbox.commands.load(Ordering::Relaxed),
            mailbox_refused: self.mailbox.refused.load(Ordering::Relaxed),
        }
    }

    fn watchers(&self) -> usize {
        let watchers = |&number: &u32| match &self.directory.cells()[number as usize].slot {
            Slot::Active(trip) => trip.watchers.len(),
            Slot::Passive(_) | Slot::Fenced(..) => 0,
        };
        self.watched.iter().map(watchers).sum()
    }
}
