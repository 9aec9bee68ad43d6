//! What happened: one record for every change of a trip, the last few kept for watchers.

use std::collections::VecDeque;

use proto::ids::{BuyerId, HoldId, Legs, LogPosition, Timestamp};

use super::limits::MAX_CHANGES;
use super::reply::Places;

/// One change of a trip.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The trip's version after the change: from 1, without gaps.
    pub version: u64,
    /// Where the command that made the change stands in the log.
    pub pos: LogPosition,
    /// The log time of the change.
    pub at: Timestamp,
    /// What happened.
    pub kind: ChangeKind,
    /// The hold, booking or block that changed; `None` when the whole trip did.
    pub hold: Option<HoldId>,
    /// Whose it is.
    pub buyer: BuyerId,
    /// The legs that changed; `None` when the whole trip did.
    pub legs: Option<Legs>,
    /// The places that changed.
    pub places: Places,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The trip went on sale.
    Opened,
    /// Free places were held.
    Held,
    /// A hold's expiry moved away.
    Extended,
    /// A hold began to wait for its payment.
    Paying,
    /// A hold became a booking.
    Confirmed,
    /// An expired hold took its places again and became a booking.
    Reacquired,
    /// A hold's places became free because it was released.
    Released,
    /// A hold's places became free because it expired.
    Expired,
    /// A booking's places became free.
    Cancelled,
    /// A swap freed these seats; [`ChangeKind::SwappedIn`] follows.
    SwappedOut,
    /// A swap took these seats.
    SwappedIn,
    /// Free places were taken out of sale.
    Blocked,
    /// Blocked places became free.
    Unblocked,
    /// The trip stopped giving out places for the moment.
    Frozen,
    /// The trip gives out places again.
    Thawed,
    /// The trip stopped giving out places for good.
    SalesClosed,
}

/// The last [`MAX_CHANGES`] changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(VecDeque<Change>);

impl Changes {
    /// Adds a change, dropping the oldest beyond the limit.
    #[inline]
    pub(super) fn push(&mut self, change: Change) {
        if self.0.len() == MAX_CHANGES {
            self.0.pop_front();
        }
        self.0.push_back(change);
    }

    /// The changes after `version`, given the version that the trip has now; `None` if some of them
    /// are gone, or if the trip has not come so far.
    pub(super) fn since(&self, version: u64, now: u64) -> Option<impl Iterator<Item = &Change>> {
        let behind = now.checked_sub(version)?;
        let behind = usize::try_from(behind).ok().filter(|behind| *behind <= self.0.len())?;
        Some(self.0.range(self.0.len() - behind..))
    }

    /// Every change that is kept, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    /// Bytes on the heap, without names and long lists.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Change>()
    }
}
