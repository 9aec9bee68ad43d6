//! Who watches a trip, and what they are sent.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::limits::MAX_WATCHERS_PER_TRIP;
use crate::seat_map::{Change, Layout, SeatMap};

/// What a watcher is sent.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// The whole trip as it stands.
    Snapshot(Box<SeatMap>),
    /// One change after what was sent before, and the layout that names its seats.
    Change(Change, Arc<Layout>),
}

/// One watcher: its queue, and the version up to which it has everything.
#[derive(Debug)]
struct Watcher {
    queue: mpsc::Sender<WatchEvent>,
    /// `None`: it has nothing yet.
    has: Option<u64>,
}

/// The watchers of one trip.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Vec<Watcher>);

impl Watchers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are, those who have gone since the last event included.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a watcher; false when there are too many.
    pub(crate) fn add(&mut self, queue: mpsc::Sender<WatchEvent>, has: Option<u64>) -> bool {
        if self.0.len() >= MAX_WATCHERS_PER_TRIP {
            return false;
        }
        self.0.push(Watcher { queue, has });
        true
    }

    /// Sends every watcher what it does not have, as far as its queue takes it. A watcher whose queue
    /// is full stays behind; when the changes that it lacks are gone it is sent a snapshot.
    pub(crate) fn send(&mut self, map: &SeatMap) {
        self.0.retain_mut(|watcher| watcher.send(map));
    }
}

impl Watcher {
    /// False when nobody listens any more.
    fn send(&mut self, map: &SeatMap) -> bool {
        if self.has == Some(map.version()) {
            return !self.queue.is_closed();
        }
        let known = self.has.filter(|&has| has <= map.version());
        let Some(changes) = known.and_then(|has| map.changes_since(has)) else {
            let snapshot = WatchEvent::Snapshot(Box::new(map.clone()));
            return self.try_send(snapshot, map.version()).unwrap_or(true);
        };
        for change in changes {
            let version = change.version;
            let event = WatchEvent::Change(change.clone(), Arc::clone(&map.trip().layout));
            match self.try_send(event, version) {
                Some(true) => {}
                Some(false) => return false,
                None => return true,
            }
        }
        true
    }

    /// `None` when the queue is full, else whether somebody listens.
    fn try_send(&mut self, event: WatchEvent, version: u64) -> Option<bool> {
        match self.queue.try_send(event) {
            Ok(()) => {
                self.has = Some(version);
                Some(true)
            }
            Err(TrySendError::Closed(_)) => Some(false),
            Err(TrySendError::Full(_)) => None,
        }
    }
}
