//! What a seat map answers when it says yes.

use proto::ids::{Fence, HoldId, Legs, LogPosition, Timestamp, ZoneNo};

use super::command::SeatList;
use super::refusal::Refusal;

/// The answer to a command: what was done, or why not.
pub type Outcome = Result<Reply, Refusal>;

/// The answer before a command is put into the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// The id has been answered before: where, and the first answer; or a refusal because the id came
    /// back with another body.
    Known(LogPosition, Outcome),
    /// The seat map says no as it stands; nothing has to be logged.
    Refuse(Refusal),
    /// Only the log can tell.
    Propose,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The trip is on sale.
    Opened {
        /// Places on every leg: seats and general admission.
        places: u32,
        /// Legs of the trip.
        legs: u16,
    },
    /// Places are held.
    Held(Grant),
    /// The hold lives on.
    Extended {
        /// The hold.
        hold: HoldId,
        /// When it expires now.
        expires_at: Timestamp,
    },
    /// The hold waits for its payment.
    Paying {
        /// The hold.
        hold: HoldId,
        /// When it expires now.
        expires_at: Timestamp,
    },
    /// The hold is a booking.
    Confirmed {
        /// The hold.
        hold: HoldId,
        /// Its fencing number: a new one if the seats were taken again.
        fence: Fence,
        /// Whether the confirm came in time.
        late: Lateness,
    },
    /// The hold's places are free.
    Released {
        /// The hold.
        hold: HoldId,
    },
    /// Places of the booking are free.
    Cancelled {
        /// The hold that the booking was.
        hold: HoldId,
        /// How many places are still booked.
        left: u32,
    },
    /// The hold or booking has other seats.
    Swapped(Grant),
    /// The places are out of sale.
    Blocked {
        /// The id of the block.
        block: HoldId,
        /// How many places are blocked by it.
        count: u32,
    },
    /// Blocked places are on sale again.
    Unblocked {
        /// The id of the block.
        block: HoldId,
        /// How many places are still blocked by it.
        left: u32,
    },
    /// No seats are given out until thawed.
    Frozen,
    /// Seats are given out again.
    Thawed,
    /// No seats are given out any more.
    SalesClosed,
    /// What was due has expired.
    Expired {
        /// How many holds expired.
        count: u32,
    },
    /// Every command of the batch was done: their answers, in order.
    Batch(Vec<Reply>),
}

/// What a hold was granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The hold.
    pub hold: HoldId,
    /// Its fencing number.
    pub fence: Fence,
    /// When it expires unless it is extended or confirmed. For a booking: when the hold would have.
    pub expires_at: Timestamp,
    /// The legs it covers.
    pub legs: Legs,
    /// The places it covers.
    pub places: Places,
}

/// Places of a trip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// Numbered seats, ascending.
    Seats(SeatList),
    /// So many places of a general-admission zone.
    Quantity {
        /// The zone.
        zone: ZoneNo,
        /// How many.
        count: u32,
    },
}

impl Places {
    /// No place at all.
    pub fn none() -> Self {
        Self::Seats(SeatList::new())
    }

    /// How many places.
    pub fn count(&self) -> u32 {
        match self {
            Self::Seats(seats) => u32::try_from(seats.len()).expect("a list of seats is bounded"),
            Self::Quantity { count, .. } => *count,
        }
    }

    /// The numbered seats; none for general admission.
    pub fn seats(&self) -> &[proto::ids::SeatNo] {
        match self {
            Self::Seats(seats) => seats,
            Self::Quantity { .. } => &[],
        }
    }
}

/// Whether a confirm came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// The hold was alive.
    InTime,
    /// The hold had expired, but its places were still free and were taken again.
    Reacquired,
}
