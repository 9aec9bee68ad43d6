//! What happened: one record for every change of a trip.

use proto::ids::{BuyerId, HoldId, Legs, LogPosition, Timestamp};

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
