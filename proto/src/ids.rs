//! The names of things: ids, positions in the log, times and legs.
//!
//! Every newtype is valid by construction: whoever holds one never has to check it again. What is not
//! valid is refused here with an [`InvalidId`], which names the field and says what is allowed.

mod extent;
mod names;
mod numbers;
mod uuid;

use std::error::Error;
use std::fmt;

pub use extent::{Legs, Timestamp};
pub use names::{BuyerId, TripId};
pub use numbers::{Fence, LogIndex, LogPosition, NodeId, SeatNo, ShardId, ZoneNo};
pub use uuid::{CommandId, HoldId};

/// Longest trip id, in bytes: room for a tenant, a route and a departure in one readable key.
pub const MAX_TRIP_ID_BYTES: usize = 128;

/// Longest buyer id, in bytes: a UUID or a hashed account fits; personal data should not.
pub const MAX_BUYER_ID_BYTES: usize = 64;

/// Most commands in one log entry, in commands: the place in the entry takes 16 bits of a
/// [`LogPosition`].
pub const MAX_COMMANDS_PER_ENTRY: usize = 1 << SLOT_BITS;

/// Largest log index, as an index: what is left of 64 bits beside the place in the entry. At a
/// million entries a second it lasts for nine years.
pub const MAX_LOG_INDEX: u64 = u64::MAX >> SLOT_BITS;

/// Bits of a [`LogPosition`] that hold the place in the entry.
const SLOT_BITS: u32 = 16;

/// Length of a 128-bit id in its hyphenated text form, in bytes.
const UUID_TEXT_BYTES: usize = 36;

/// Why a value is not a valid id: which field it was meant for, and what is allowed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidId {
    /// The field as it is named on the wire, for example `trip_id`.
    pub field: &'static str,
    /// What is wrong with the value.
    pub reason: InvalidReason,
}

/// What is wrong with a value that is not a valid id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvalidReason {
    /// The value is empty and may not be.
    Empty,
    /// The value is longer than allowed.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The longest that is allowed, in bytes.
        max: usize,
    },
    /// The value holds a blank or a control character.
    BadCharacter {
        /// Where the character starts, in bytes from the beginning.
        at: usize,
    },
    /// The value is not a 128-bit id in hexadecimal digits.
    NotHex,
    /// The id is all zeroes, which stands for "no id" on the wire.
    Nil,
    /// The legs hold no leg: `from` must be smaller than `to`.
    NoLeg {
        /// The stop where the legs begin.
        from: u16,
        /// The stop where the legs end.
        to: u16,
    },
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match self.reason {
            InvalidReason::Empty => write!(f, "{field} must not be empty"),
            InvalidReason::TooLong { bytes, max } => {
                write!(f, "{field} has {bytes} bytes, at most {max} are allowed")
            }
            InvalidReason::BadCharacter { at } => write!(
                f,
                "{field} has a blank or control character at byte {at}; neither is allowed"
            ),
            InvalidReason::NotHex => {
                write!(f, "{field} must be 32 hexadecimal digits, with or without hyphens")
            }
            InvalidReason::Nil => write!(f, "{field} must not be all zeroes"),
            InvalidReason::NoLeg { from, to } => {
                write!(f, "{field} {from}..{to} hold no leg: from must be smaller than to")
            }
        }
    }
}

impl Error for InvalidId {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_id_reads_back_what_it_writes() {
        let text = "0190f3a2-7b1c-7def-8123-456789abcdef";
        let id: HoldId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(text.replace('-', "").to_uppercase().parse(), Ok(id));
        assert_eq!(HoldId::from_slice(id.as_bytes()), Ok(id));
        assert_eq!(HoldId::from_u128(id.as_u128()), Ok(id));
    }

    #[test]
    fn text_that_is_not_an_id_is_refused_with_the_field() {
        let refused = |text: &str| text.parse::<HoldId>().unwrap_err().to_string();
        assert_eq!(refused(""), "hold_id must not be empty");
        assert_eq!(refused(&"0".repeat(32)), "hold_id must not be all zeroes");
        let not_hex = "hold_id must be 32 hexadecimal digits, with or without hyphens";
        for bad in ["abc", &"g".repeat(32), &"0".repeat(36), &"é".repeat(16), &"-".repeat(36)] {
            assert_eq!(refused(bad), not_hex);
        }
        assert_eq!(
            CommandId::from_slice(&[1; 17]).unwrap_err().to_string(),
            "command_id has 17 bytes, at most 16 are allowed"
        );
    }

    #[test]
    fn names_are_bounded_and_hold_no_blanks() {
        assert!(TripId::new("").is_err());
        assert!(TripId::new(&"x".repeat(MAX_TRIP_ID_BYTES)).is_ok());
        assert!(TripId::new(&"x".repeat(MAX_TRIP_ID_BYTES + 1)).is_err());
        assert!(TripId::new("Köln–Zürich/2026-01-01").is_ok());
        let refused = TripId::new("ab c").unwrap_err();
        assert_eq!(refused.reason, InvalidReason::BadCharacter { at: 2 });
        assert!(BuyerId::new("").is_ok_and(|buyer| buyer.is_anonymous()));
        assert!(BuyerId::new("a\u{7f}").is_err());
        assert!(BuyerId::new(&"x".repeat(MAX_BUYER_ID_BYTES + 1)).is_err());
    }

    #[test]
    fn positions_order_as_the_log_does() {
        let at = |index, slot| LogPosition::new(LogIndex::new(index), slot);
        assert!(at(1, u16::MAX) < at(2, 0));
        assert!(at(2, 0) < at(2, 1));
        assert_eq!(at(7, 9).index(), LogIndex::new(7));
        assert_eq!(at(7, 9).slot(), 9);
        assert_eq!(at(7, 9).to_string(), "7.9");
        assert_eq!(LogPosition::from(Fence::from(at(7, 9))), at(7, 9));
        assert_eq!(at(MAX_LOG_INDEX, u16::MAX).packed(), u64::MAX);
    }

    #[test]
    fn legs_are_never_empty() {
        assert!(Legs::new(3, 3).is_err());
        assert!(Legs::new(4, 3).is_err());
        let legs = Legs::new(2, 5).unwrap();
        assert_eq!((legs.count(), legs.contains(2), legs.contains(5)), (3, true, false));
        assert!(legs.overlaps(Legs::new(4, 9).unwrap()));
        assert!(!legs.overlaps(Legs::new(5, 9).unwrap()));
    }

    #[test]
    fn time_stops_at_its_end() {
        assert_eq!(Timestamp::from_unix_ms(5).plus_ms(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_unix_ms(5).ms_since(Timestamp::from_unix_ms(9)), 0);
    }
}
