//! What can be asked of a seat map: one struct a command.

use std::sync::Arc;

use proto::ids::{BuyerId, CommandId, Fence, HoldId, Legs, SeatNo, ZoneNo};

use super::attributes::Attributes;
use super::few::Few;
use super::limits::MAX_NOTE_BYTES;
use super::open::{LatePolicy, Open};

/// A list of seats: ascending and without doubles wherever the seat map made it.
pub type SeatList = Few<SeatNo, 5>;

/// One command with the id under which it happens once.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The id that a retry repeats. For [`Hold`], [`HoldBest`], [`HoldQuantity`] and [`Block`] it is
    /// also the id of the hold or block that the command makes.
    pub id: CommandId,
    /// What to do.
    pub body: CommandBody,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandBody {
    /// Put a trip on sale.
    Open(Arc<Open>),
    /// Hold seats that the caller names.
    Hold(Hold),
    /// Hold seats that the seat map chooses.
    HoldBest(HoldBest),
    /// Hold places of a general-admission zone.
    HoldQuantity(HoldQuantity),
    /// Move a hold's expiry further away.
    Extend(Extend),
    /// Pin a hold while its payment runs.
    BeginPayment(BeginPayment),
    /// Turn a hold into a booking.
    Confirm(Confirm),
    /// Give a hold's seats back.
    Release(Release),
    /// Give a booking's seats back, all or some.
    Cancel(Cancel),
    /// Change seats of a hold or booking in one step.
    Swap(Swap),
    /// Take free seats out of sale.
    Block(Block),
    /// Put blocked seats back on sale.
    Unblock(Unblock),
    /// Stop giving out seats until [`CommandBody::Thaw`]. Confirm and release go on.
    Freeze,
    /// Give out seats again.
    Thaw,
    /// Stop giving out seats for good.
    CloseSales,
    /// Expire everything that is due at the log time of the command. Its id is not remembered.
    Expire,
    /// Expire holds before their time. For rehearsals: no booking service asks for it by itself.
    ExpireNow(ExpireNow),
    /// Several commands, all or none. They are bounded, have distinct ids and are not batches.
    Batch(Vec<Command>),
}

/// Expires a hold, or all holds of the trip, as if its time had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpireNow {
    /// The hold; all live ones of the trip unless given.
    pub hold: Option<HoldId>,
}

/// Holds the named seats on the legs, all or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// Who holds.
    pub buyer: BuyerId,
    /// The seats, at least one, none twice.
    pub seats: Seats,
    /// The legs on which to hold them.
    pub legs: Span,
    /// Time to live in milliseconds; 0 takes the trip's default.
    pub ttl_ms: u64,
}

/// Holds seats that the seat map chooses: see `hold_best.rs` for how.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldBest {
    /// Who holds.
    pub buyer: BuyerId,
    /// How many seats: 1 to [`super::limits::MAX_BEST_QUANTITY`].
    pub quantity: u32,
    /// The zone to choose from; `None` takes the first numbered zone that serves. A party is never
    /// spread over zones.
    pub zone: Option<ZoneRef>,
    /// Attributes that every seat must have.
    pub required: Attributes,
    /// Attributes that are preferred.
    pub wanted: Attributes,
    /// Attributes that no seat may have.
    pub avoided: Attributes,
    /// Whether the seats must be side by side.
    pub adjacent: Adjacent,
    /// The legs on which to hold them.
    pub legs: Span,
    /// Time to live in milliseconds; 0 takes the trip's default.
    pub ttl_ms: u64,
}

/// Holds places of a general-admission zone: a number, no seats.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldQuantity {
    /// Who holds.
    pub buyer: BuyerId,
    /// The zone; it must be general admission.
    pub zone: ZoneRef,
    /// How many places: at least 1.
    pub quantity: u32,
    /// The legs on which to hold them.
    pub legs: Span,
    /// Time to live in milliseconds; 0 takes the trip's default.
    pub ttl_ms: u64,
}

/// Moves a hold's expiry to `ttl_ms` from now; never nearer, never beyond the trip's hold cap.
#[derive(Clone, Debug, PartialEq)]
pub struct Extend {
    /// The hold.
    pub hold: HoldId,
    /// Time to live from now in milliseconds; 0 takes the trip's default.
    pub ttl_ms: u64,
}

/// Pins a hold for a payment: it does not expire before the window ends. The window is bounded by the
/// trip's hold cap; an expiry that is later anyway stays.
#[derive(Clone, Debug, PartialEq)]
pub struct BeginPayment {
    /// The hold.
    pub hold: HoldId,
    /// Payment window from now in milliseconds; 0 takes the trip's longest.
    pub window_ms: u64,
}

/// Turns a hold into a booking.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    /// The hold.
    pub hold: HoldId,
    /// The fencing number that the caller was granted; `None` skips the comparison.
    pub fence: Option<Fence>,
    /// What to do when the hold has expired; `None` takes the trip's policy.
    pub late: Option<LatePolicy>,
}

/// Gives a hold's seats back before it expires.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// The hold.
    pub hold: HoldId,
}

/// Gives back seats of a booking.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancel {
    /// The hold that the booking was.
    pub hold: HoldId,
    /// Which of its seats.
    pub part: Part,
}

/// Gives seats of a hold or booking back and takes as many others on the same legs, in one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Swap {
    /// The hold or booking.
    pub hold: HoldId,
    /// The fencing number that the caller was granted; `None` skips the comparison.
    pub fence: Option<Fence>,
    /// Seats to give back, all of the hold.
    pub give: Seats,
    /// Seats to take, all free; as many as are given back.
    pub take: Seats,
}

/// Takes free seats out of sale. The command's id names the block.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// What to take out of sale.
    pub stock: Stock,
    /// On which legs.
    pub legs: Span,
    /// Why, for whoever asks about the seat.
    pub note: Note,
}

/// Puts seats of a block back on sale.
#[derive(Clone, Debug, PartialEq)]
pub struct Unblock {
    /// The id of the command that made the block.
    pub block: HoldId,
    /// Which of its seats.
    pub part: Part,
}

/// Seats as a caller names them.
#[derive(Clone, Debug, PartialEq)]
pub enum Seats {
    /// By number: the canonical form, once sorted.
    Numbers(SeatList),
    /// By the names of the layout.
    Names(Box<[Box<str>]>),
}

impl Seats {
    /// The seats by number.
    ///
    /// # Panics
    /// If the seats are given by name: the command is not in canonical form.
    pub(super) fn numbers(&self) -> &SeatList {
        match self {
            Self::Numbers(numbers) => numbers,
            Self::Names(_) => panic!("seats have numbers in the canonical form"),
        }
    }
}

/// A zone as a caller names it.
#[derive(Clone, Debug, PartialEq)]
pub enum ZoneRef {
    /// By number: the canonical form.
    Number(ZoneNo),
    /// By the name of the layout.
    Name(Box<str>),
}

impl ZoneRef {
    /// The zone by number.
    ///
    /// # Panics
    /// If the zone is given by name: the command is not in canonical form.
    pub(super) fn number(&self) -> ZoneNo {
        match self {
            Self::Number(number) => *number,
            Self::Name(_) => panic!("a zone has a number in the canonical form"),
        }
    }
}

/// Legs as a caller names them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Span {
    /// From the first stop to the last.
    Whole,
    /// These legs: the canonical form.
    Legs(Legs),
}

impl Span {
    /// The legs.
    ///
    /// # Panics
    /// If the span is not resolved: the command is not in canonical form.
    pub(super) fn legs(self) -> Legs {
        match self {
            Self::Legs(legs) => legs,
            Self::Whole => panic!("a span has legs in the canonical form"),
        }
    }
}

/// Whether chosen seats must be side by side: in one row without a gap or aisle between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjacent {
    /// Side by side or refused.
    Required,
    /// Side by side if possible, else in as few pieces as possible.
    Preferred,
}

/// Which part of a booking or block.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// All that is left of it.
    All,
    /// These seats.
    Seats(Seats),
    /// So many places of its general-admission zone.
    Quantity(u32),
}

/// What to block.
#[derive(Clone, Debug, PartialEq)]
pub enum Stock {
    /// These seats.
    Seats(Seats),
    /// So many places of a general-admission zone.
    Quantity {
        /// The zone.
        zone: ZoneRef,
        /// How many: at least 1.
        count: u32,
    },
}

/// A remark of at most [`MAX_NOTE_BYTES`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Note(Box<str>);

impl Note {
    /// Takes the text, cut after the last character that fits.
    pub fn new(text: &str) -> Self {
        Self(text[..text.floor_char_boundary(MAX_NOTE_BYTES)].into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
