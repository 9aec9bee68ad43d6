//! What a seat map answers when it says no.

use proto::ids::{Fence, Legs, SeatNo, Timestamp, ZoneNo};

use super::few::Few;
use super::layout_check::LayoutFault;
use super::open::TripFault;

/// Why a command was not done. The variants stand in the order in which they are checked, so that a
/// command that is wrong in two ways is always refused for the same one. (Only a late confirm meets the
/// buyer's limit last.)
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The id was used before for another command. Make a new id.
    IdReused,
    /// The batch itself is wrong: none of its commands was looked at. Correct the batch.
    BatchInvalid(BatchFault),
    /// A command of the batch was refused, so none was done. Correct that command or leave it out.
    InBatch {
        /// The command's place in the batch, counted from 0.
        place: u16,
        /// Why it was refused.
        refusal: Box<Refusal>,
    },
    /// The trip is not on sale here. Open it, or correct the trip id.
    TripNotFound,
    /// The trip is on sale already, opened by another command. Use it as it is.
    TripExists,
    /// The layout cannot be used. Correct it.
    InvalidLayout(Box<LayoutFault>),
    /// The trip cannot be put on sale as described. Correct it.
    InvalidTrip(TripFault),
    /// The layout has no such seat. Correct the name or number.
    UnknownSeat(SeatRef),
    /// The layout has no such zone. Correct the name or number.
    UnknownZone {
        /// The name, or the number as text.
        zone: Box<str>,
    },
    /// The zone is sold the other way: by seat instead of by number, or by number instead of by seat.
    WrongZone {
        /// The zone.
        zone: ZoneNo,
        /// Whether it is general admission.
        general_admission: bool,
    },
    /// The command names a seat twice. Name it once.
    DuplicateSeat {
        /// The seat.
        seat: SeatNo,
    },
    /// The number of places is out of its range, or both sides of a swap differ. Correct it.
    InvalidQuantity {
        /// How many places were asked for.
        quantity: u32,
        /// The fewest that are allowed.
        min: u32,
        /// The most that are allowed.
        max: u32,
    },
    /// The legs go beyond the last stop. Correct them.
    InvalidLegs {
        /// The legs asked for.
        legs: Legs,
        /// The last stop of the trip.
        last: u16,
    },
    /// Nobody may board at this stop. Choose another one.
    NoBoarding {
        /// The stop, counted from 0.
        stop: u16,
    },
    /// Nobody may alight at this stop. Choose another one.
    NoAlighting {
        /// The stop, counted from 0.
        stop: u16,
    },
    /// The time to live or payment window is out of its range. Correct it.
    InvalidTtl {
        /// What was asked for, in milliseconds.
        ttl_ms: u64,
        /// The shortest that is allowed, in milliseconds.
        min_ms: u64,
        /// The longest that is allowed, in milliseconds.
        max_ms: u64,
    },
    /// The sale is over. Nothing will be given out any more.
    SaleClosed,
    /// The sale has not begun. Come back when it has.
    SaleNotOpen {
        /// When it begins.
        opens_at: Timestamp,
    },
    /// The trip gives out no seats for the moment. Come back later.
    TripFrozen,
    /// The hold is larger than the trip allows. Hold fewer places at a time.
    MaxPerHoldExceeded {
        /// How many places were asked for.
        requested: u32,
        /// The most that are allowed.
        max: u32,
    },
    /// The trip counts places by buyer and the command names none. Name the buyer.
    BuyerRequired,
    /// The buyer would have more places than allowed. Release or cancel some first.
    MaxPerBuyerExceeded {
        /// How many places the buyer has in live holds and bookings.
        has: u32,
        /// How many more were asked for.
        requested: u32,
        /// The most that are allowed.
        max: u32,
    },
    /// There is no such hold, or it was finished and forgotten. Hold again.
    UnknownHold,
    /// There is no such block, or it was lifted. Ask for the seat's story.
    UnknownBlock,
    /// The hold is a booking already. Cancel it to give its seats back.
    HoldConfirmed {
        /// The booking's fencing number.
        fence: Fence,
    },
    /// The hold was released. Hold again.
    HoldReleased,
    /// The booking was cancelled. Its places were freed once and are not freed again.
    HoldCancelled,
    /// The hold's fencing number is another one: the caller acts on an outdated grant. Read the hold.
    HoldFenced {
        /// The hold's fencing number.
        fence: Fence,
    },
    /// The hold has expired. Hold again; if it is paid, confirm with reacquire or give the money back.
    HoldExpired {
        /// When it expired.
        expired_at: Timestamp,
        /// The fencing numbers of those who have its seats now; empty if all are free.
        winners: Winners,
    },
    /// The hold has expired and its places could not be taken again. Give the money back.
    HoldLost {
        /// When it expired.
        expired_at: Timestamp,
        /// The fencing numbers of those who have its seats now; empty for general admission.
        winners: Winners,
    },
    /// The hold is not a booking yet. Release it instead.
    HoldNotConfirmed,
    /// The seat is not one of the hold's, or the hold has no seats of that kind. Read the hold.
    NotInHold {
        /// The seat; `None` where the hold is general admission and the command is not, or vice versa.
        seat: Option<SeatNo>,
    },
    /// The hold has lived for as long as the trip allows. Confirm it or let it go.
    HoldCapReached {
        /// When it expires for good.
        until: Timestamp,
    },
    /// Seats are not free. Take the alternatives, or come back at `retry_at`.
    SeatsTaken(Taken),
    /// Not enough places are free. Ask for fewer, or another zone, or come back later.
    InsufficientStock {
        /// The zone; `None` if every numbered zone was tried.
        zone: Option<ZoneNo>,
        /// How many places were asked for.
        requested: u32,
        /// How many are free at most.
        available: u32,
    },
    /// Enough seats are free, but not side by side. Ask again with adjacency preferred.
    NotAdjacent {
        /// How many seats were asked for.
        requested: u32,
        /// How many are free side by side at most.
        longest: u32,
    },
}

/// The fencing numbers of those who have seats now: at most [`super::limits::MAX_WINNERS`].
pub type Winners = Few<Fence, 3>;

/// A seat that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeatRef {
    /// Asked for by number.
    Number(SeatNo),
    /// Asked for by name.
    Name(Box<str>),
}

/// Which seats are not free, and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// What stands in the way, by seat and leg: at most [`super::limits::MAX_BLOCKING`] entries.
    pub blocking: Few<Blocking, 2>,
    /// When the first of the blocking holds expires at the earliest; `None` if all is sold or blocked.
    pub retry_at: Option<Timestamp>,
    /// Free seats nearby, in the same zone and on the same legs, nearest first: at most
    /// [`super::limits::ALTERNATIVES`].
    pub alternatives: Few<SeatNo, 5>,
}

/// A seat that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// The seat.
    pub seat: SeatNo,
    /// The legs on which its owner has it.
    pub legs: Legs,
    /// What its owner has it for.
    pub state: Class,
}

impl Default for Blocking {
    /// A filler for lists: the first seat on the first leg.
    fn default() -> Self {
        let legs = Legs::new(0, 1).expect("0 is smaller than 1");
        Self { seat: SeatNo::default(), legs, state: Class::default() }
    }
}

/// What a place is taken for. The number is its index into counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Class {
    /// A hold.
    #[default]
    Held,
    /// A hold that waits for its payment.
    Paying,
    /// A booking.
    Sold,
    /// A block.
    Blocked,
}

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchFault {
    /// It has no command, or more than [`super::limits::MAX_BATCH`].
    Size {
        /// How many commands it has.
        commands: u32,
    },
    /// It holds a command that has to stand alone: open, expire or a batch.
    NotAllowed {
        /// The command's place, counted from 0.
        place: u16,
    },
    /// Two commands have the same id, or one has the id of the batch.
    DuplicateId {
        /// The later command's place, counted from 0.
        place: u16,
    },
}

impl Refusal {
    /// The refusal's code: stable, one word, upper case. A batch has the code of the command that was
    /// refused.
    pub fn code(&self) -> &'static str {
        CODES[self.number()]
    }

    /// Whether the refusal rests on counts that an expiry could change: before what is due has been
    /// swept it is no answer yet.
    pub(super) fn rests_on_counts(&self) -> bool {
        match self {
            Self::MaxPerBuyerExceeded { .. }
            | Self::InsufficientStock { .. }
            | Self::NotAdjacent { .. } => true,
            Self::InBatch { refusal, .. } => refusal.rests_on_counts(),
            _ => false,
        }
    }
}

/// Writes the one table of codes. The numbers are only for counting: they may change with a version.
macro_rules! codes {
    ($($number:literal $code:literal $variant:ident $(($any:tt))? $({ $rest:tt })?;)*) => {
        /// The codes of all refusals, by their numbers.
        pub const CODES: [&str; [$($number),*].len()] = [$($code),*];

        const _: () = {
            let numbers = [$($number),*];
            let mut at = 0;
            while at < numbers.len() {
                assert!(numbers[at] == at, "numbers count from 0 without a gap");
                at += 1;
            }
        };

        impl Refusal {
            /// The place of the refusal's code in [`CODES`].
            pub fn number(&self) -> usize {
                match self {
                    Self::InBatch { refusal, .. } => refusal.number(),
                    $(Self::$variant $(($any))? $({ $rest })? => $number,)*
                }
            }
        }
    };
}

codes! {
    0 "ID_REUSED" IdReused;
    1 "BATCH_INVALID" BatchInvalid(_);
    2 "TRIP_NOT_FOUND" TripNotFound;
    3 "TRIP_EXISTS" TripExists;
    4 "INVALID_LAYOUT" InvalidLayout(_);
    5 "INVALID_TRIP" InvalidTrip(_);
    6 "UNKNOWN_SEAT" UnknownSeat(_);
    7 "UNKNOWN_ZONE" UnknownZone { .. };
    8 "WRONG_ZONE" WrongZone { .. };
    9 "DUPLICATE_SEAT" DuplicateSeat { .. };
    10 "INVALID_QUANTITY" InvalidQuantity { .. };
    11 "INVALID_LEGS" InvalidLegs { .. };
    12 "NO_BOARDING" NoBoarding { .. };
    13 "NO_ALIGHTING" NoAlighting { .. };
    14 "INVALID_TTL" InvalidTtl { .. };
    15 "SALE_CLOSED" SaleClosed;
    16 "SALE_NOT_OPEN" SaleNotOpen { .. };
    17 "TRIP_FROZEN" TripFrozen;
    18 "MAX_PER_HOLD_EXCEEDED" MaxPerHoldExceeded { .. };
    19 "BUYER_REQUIRED" BuyerRequired;
    20 "MAX_PER_BUYER_EXCEEDED" MaxPerBuyerExceeded { .. };
    21 "UNKNOWN_HOLD" UnknownHold;
    22 "UNKNOWN_BLOCK" UnknownBlock;
    23 "HOLD_CONFIRMED" HoldConfirmed { .. };
    24 "HOLD_RELEASED" HoldReleased;
    25 "HOLD_CANCELLED" HoldCancelled;
    26 "HOLD_FENCED" HoldFenced { .. };
    27 "HOLD_EXPIRED" HoldExpired { .. };
    28 "HOLD_LOST" HoldLost { .. };
    29 "HOLD_NOT_CONFIRMED" HoldNotConfirmed;
    30 "NOT_IN_HOLD" NotInHold { .. };
    31 "HOLD_CAP_REACHED" HoldCapReached { .. };
    32 "SEAT_TAKEN" SeatsTaken(_);
    33 "INSUFFICIENT_STOCK" InsufficientStock { .. };
    34 "NOT_ADJACENT" NotAdjacent { .. };
}

impl From<LayoutFault> for Refusal {
    fn from(fault: LayoutFault) -> Self {
        Self::InvalidLayout(Box::new(fault))
    }
}

impl From<TripFault> for Refusal {
    fn from(fault: TripFault) -> Self {
        Self::InvalidTrip(fault)
    }
}
