//! What commands answer when they were carried out.

use proto::ids::{CommandId, Fence, HoldId, Timestamp, TripId};
use proto::pb;
use proto::pb::pipeline_reply::Reply;

use crate::error::Error;
use crate::position::Position;

/// Seats are held. Confirm or release the hold, or it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a hold that is neither confirmed nor released keeps its seats until it expires"]
pub struct Held {
    /// The trip.
    pub trip: TripId,
    /// The hold.
    pub hold: HoldId,
    /// Fencing number of the hold, checked at confirm.
    pub fence: Fence,
    /// Log time at which the hold ends.
    pub expires_at: Timestamp,
    /// The seats, where the cluster chose them; those asked for otherwise.
    pub seats: Vec<String>,
    /// Where it was decided.
    pub position: Position,
}

/// A hold has more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    /// Log time at which the hold ends.
    pub expires_at: Timestamp,
    /// Where it was decided.
    pub position: Position,
}

/// A hold is pinned while its buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentBegun {
    /// Log time until which it is pinned.
    pub pinned_until: Timestamp,
    /// Where it was decided.
    pub position: Position,
}

/// A hold has become a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The hold had expired, and its seats were taken back.
    pub reacquired: bool,
    /// Fencing number of the booking.
    pub fence: Fence,
    /// Where it was decided.
    pub position: Position,
}

/// Something was done about which there is no more to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Where it was decided.
    pub position: Position,
}

/// Places were given back or put back on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduced {
    /// Places that are still booked or blocked.
    pub left: u32,
    /// Where it was decided.
    pub position: Position,
}

/// Seats were exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swapped {
    /// Fencing number of the hold or booking from now on.
    pub fence: Fence,
    /// Where it was decided.
    pub position: Position,
}

/// Seats are out of sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The name of the block, by which it is put back on sale.
    pub block: CommandId,
    /// Where it was decided.
    pub position: Position,
}

/// A trip is open for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Places of the layout: numbered seats and general admission.
    pub places: u32,
    /// Legs.
    pub legs: u32,
    /// Where it was decided.
    pub position: Position,
}

/// All commands of a batch were carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Batched {
    /// One answer for each command, in their order.
    pub replies: Vec<Reply>,
    /// Where it was decided.
    pub position: Position,
}

/// The answer has another kind than its command.
pub(crate) fn unexpected(wanted: &str, reply: &Reply) -> Error {
    Error::protocol(format!("{wanted} was answered by {}", kind(reply)))
}

fn kind(reply: &Reply) -> &'static str {
    match reply {
        Reply::Problem(_) => "a problem",
        Reply::Held(_) => "held",
        Reply::Extended(_) => "extended",
        Reply::PaymentBegun(_) => "payment_begun",
        Reply::Confirmed(_) => "confirmed",
        Reply::Released(_) => "released",
        Reply::Cancelled(_) => "cancelled",
        Reply::Swapped(_) => "swapped",
        Reply::Blocked(_) => "blocked",
        Reply::Unblocked(_) => "unblocked",
        Reply::SaleSet(_) => "sale_set",
        Reply::Opened(_) => "opened",
        Reply::Batch(_) => "batch",
    }
}

impl Held {
    pub(crate) fn new(
        trip: TripId,
        hold: HoldId,
        asked: Vec<String>,
        held: pb::HoldResponse,
    ) -> Self {
        Self {
            trip,
            hold,
            fence: Fence::new(held.fence),
            expires_at: Timestamp::from_unix_ms(held.expires_at_ms),
            seats: if held.seats.is_empty() { asked } else { held.seats },
            position: held.position.into(),
        }
    }
}

impl From<pb::OpenTripResponse> for Opened {
    fn from(opened: pb::OpenTripResponse) -> Self {
        Self { places: opened.places, legs: opened.legs, position: opened.position.into() }
    }
}
