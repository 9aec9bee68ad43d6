//! The names of things: ids, positions in the log, times and legs.
//!
//! Every newtype is valid by construction: whoever holds one never has to check it again. What is not
//! valid is refused here with an [`InvalidId`], which names the field and says what is allowed.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

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

/// The name of a trip: 1 to [`MAX_TRIP_ID_BYTES`] bytes of UTF-8 without blanks and control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TripId(SmolStr);

impl TripId {
    /// Checks the text and takes it as a trip's name.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() {
            return Err(InvalidId { field: "trip_id", reason: InvalidReason::Empty });
        }
        check_text("trip_id", text, MAX_TRIP_ID_BYTES)?;
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who holds or books: 0 to [`MAX_BUYER_ID_BYTES`] bytes of UTF-8 without blanks and control
/// characters. The empty buyer is anonymous. A clone copies a short text and shares a longer one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BuyerId(SmolStr);

impl BuyerId {
    /// Checks the text and takes it as a buyer's name.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        check_text("buyer_id", text, MAX_BUYER_ID_BYTES)?;
        Ok(Self(text.into()))
    }

    /// The name as text, empty for the anonymous buyer.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the buyer did not give a name.
    pub fn is_anonymous(&self) -> bool {
        self.0.is_empty()
    }
}

/// Refuses text that is too long or holds a character that would break a line, a log or a key.
fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), InvalidId> {
    if text.len() > max {
        let reason = InvalidReason::TooLong { bytes: text.len(), max };
        return Err(InvalidId { field, reason });
    }
    match text.char_indices().find(|(_, c)| c.is_control() || c.is_whitespace()) {
        Some((at, _)) => Err(InvalidId { field, reason: InvalidReason::BadCharacter { at } }),
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(TripId);
text_id!(BuyerId);

/// The id of a hold and of the booking that it becomes: 128 bits made by the client, never all
/// zeroes. It is the idempotency key of the command that makes the hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId([u8; 16]);

/// The id of one command: 128 bits made by the client, never all zeroes. A retry carries the same
/// one. The command that makes a hold carries the hold's own id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId([u8; 16]);

macro_rules! uuid_id {
    ($name:ident, $field:literal) => {
        impl $name {
            /// Takes 16 bytes as an id; all zeroes are refused.
            pub const fn new(bytes: [u8; 16]) -> Result<Self, InvalidId> {
                if u128::from_be_bytes(bytes) == 0 {
                    return Err(InvalidId { field: $field, reason: InvalidReason::Nil });
                }
                Ok(Self(bytes))
            }

            /// Takes a slice as an id; anything but 16 bytes that are not all zero is refused.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
                match <[u8; 16]>::try_from(bytes) {
                    Ok(bytes) => Self::new(bytes),
                    Err(_) if bytes.is_empty() => {
                        Err(InvalidId { field: $field, reason: InvalidReason::Empty })
                    }
                    Err(_) => Err(InvalidId {
                        field: $field,
                        reason: InvalidReason::TooLong { bytes: bytes.len(), max: 16 },
                    }),
                }
            }

            /// Takes a number as an id, most significant byte first; zero is refused.
            pub const fn from_u128(number: u128) -> Result<Self, InvalidId> {
                Self::new(number.to_be_bytes())
            }

            /// The id as 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The id as a number, most significant byte first.
            pub const fn as_u128(self) -> u128 {
                u128::from_be_bytes(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(parse_uuid($field, text)?)
            }
        }
    };
}

uuid_id!(HoldId, "hold_id");
uuid_id!(CommandId, "command_id");

impl From<HoldId> for CommandId {
    fn from(hold: HoldId) -> Self {
        Self(hold.0)
    }
}

impl From<CommandId> for HoldId {
    fn from(command: CommandId) -> Self {
        Self(command.0)
    }
}

/// Writes 16 bytes as lower-case hexadecimal digits in groups of 8-4-4-4-12.
fn write_uuid(f: &mut fmt::Formatter<'_>, bytes: &[u8; 16]) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; UUID_TEXT_BYTES];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    f.pad(std::str::from_utf8(&text).expect("digits and hyphens are ASCII"))
}

/// Reads 32 hexadecimal digits, either bare or in groups of 8-4-4-4-12.
fn parse_uuid(field: &'static str, text: &str) -> Result<[u8; 16], InvalidId> {
    if text.is_empty() {
        return Err(InvalidId { field, reason: InvalidReason::Empty });
    }
    let not_hex = InvalidId { field, reason: InvalidReason::NotHex };
    let hyphens = match text.len() {
        32 => false,
        UUID_TEXT_BYTES => true,
        _ => return Err(not_hex),
    };
    let mut bytes = [0; 16];
    let mut digits = 0;
    for (at, c) in text.chars().enumerate() {
        if hyphens && matches!(at, 8 | 13 | 18 | 23) {
            if c != '-' {
                return Err(not_hex);
            }
            continue;
        }
        let digit = c.to_digit(16).ok_or(not_hex)?;
        let byte: &mut u8 = bytes.get_mut(digits / 2).ok_or(not_hex)?;
        *byte = *byte << 4 | u8::try_from(digit).expect("a hexadecimal digit is below 16");
        digits += 1;
    }
    if digits == 32 { Ok(bytes) } else { Err(not_hex) }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $number:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name($number);

        impl $name {
            /// Takes the number as it is.
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            /// The number.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number_id! {
    /// A shard: one Raft group that owns many trips. Numbered from 0 without gaps.
    ShardId, u32
}
number_id! {
    /// A node: one process of the cluster. Never used again after its node has left.
    NodeId, u64
}
number_id! {
    /// The place of an entry in its shard's log, from 1; 0 is before the first entry.
    LogIndex, u64
}
number_id! {
    /// The fencing number of a hold: the log position at which it was granted, as a number. A later
    /// grant of the same seat always has a larger one. Checked at confirm.
    Fence, u64
}
number_id! {
    /// A seat of a layout, numbered from 0 in the layout's order.
    SeatNo, u32
}
number_id! {
    /// A zone of a layout, numbered from 0 in the layout's order.
    ZoneNo, u16
}

impl SeatNo {
    /// The number as an index into a layout's seats.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ZoneNo {
    /// The number as an index into a layout's zones.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a command stands in its shard's log: the entry's index and the command's place in the entry,
/// packed so that comparing two positions compares the commands' order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogPosition(u64);

impl LogPosition {
    /// The position of the command at place `slot` (from 0) of the entry at `index`.
    ///
    /// # Panics
    /// If `index` is beyond [`MAX_LOG_INDEX`].
    pub const fn new(index: LogIndex, slot: u16) -> Self {
        assert!(index.0 <= MAX_LOG_INDEX, "a log index beyond 48 bits");
        Self(index.0 << SLOT_BITS | slot as u64)
    }

    /// Takes a packed position as it is.
    pub const fn from_packed(packed: u64) -> Self {
        Self(packed)
    }

    /// The packed position.
    pub const fn packed(self) -> u64 {
        self.0
    }

    /// The index of the entry.
    pub const fn index(self) -> LogIndex {
        LogIndex(self.0 >> SLOT_BITS)
    }

    /// The place of the command in the entry, from 0.
    pub const fn slot(self) -> u16 {
        (self.0 & (MAX_COMMANDS_PER_ENTRY as u64 - 1)) as u16
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.slot())
    }
}

impl From<LogPosition> for Fence {
    fn from(position: LogPosition) -> Self {
        Self(position.0)
    }
}

impl From<Fence> for LogPosition {
    fn from(fence: Fence) -> Self {
        Self(fence.0)
    }
}

/// A moment of log time, in milliseconds since 1970-01-01 UTC. The leader stamps it into the entry; it
/// never runs backwards within a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The end of time: later than every deadline.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment so many milliseconds after 1970-01-01 UTC.
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub const fn as_unix_ms(self) -> u64 {
        self.0
    }

    /// The moment `ms` milliseconds later, or the end of time.
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment, or 0 when it is not earlier.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// A run of legs of a trip, from one stop to a later one: at least one leg by construction. Leg `n`
/// goes from stop `n` to stop `n + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Legs {
    from: u16,
    to: u16,
}

impl Legs {
    /// The legs between two stops, counted from 0; `from` must be smaller than `to`.
    pub const fn new(from: u16, to: u16) -> Result<Self, InvalidId> {
        if from >= to {
            let reason = InvalidReason::NoLeg { from, to };
            return Err(InvalidId { field: "legs", reason });
        }
        Ok(Self { from, to })
    }

    /// The stop where the legs begin, counted from 0. It is also the first leg.
    pub const fn from(self) -> u16 {
        self.from
    }

    /// The stop where the legs end, counted from 0. It is one beyond the last leg.
    pub const fn to(self) -> u16 {
        self.to
    }

    /// How many legs: at least 1.
    pub const fn count(self) -> u16 {
        self.to - self.from
    }

    /// Whether both runs have a leg in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether the run covers this leg.
    pub const fn contains(self, leg: u16) -> bool {
        self.from <= leg && leg < self.to
    }
}

impl fmt::Display for Legs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

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
