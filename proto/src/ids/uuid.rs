//! Ids of 128 bits that clients make: of holds and of commands.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, InvalidReason, UUID_TEXT_BYTES};

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
