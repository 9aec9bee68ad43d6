//! Names that people choose: of trips and of buyers.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

use super::{InvalidId, InvalidReason, MAX_BUYER_ID_BYTES, MAX_TRIP_ID_BYTES};

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
    // Nearly every name.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
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
