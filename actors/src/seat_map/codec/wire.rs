//! The primitives of the encoding.

use proto::ids::{BuyerId, CommandId, Fence, HoldId, Legs, SeatNo, Timestamp, ZoneNo};

use super::DecodeError;
use crate::seat_map::command::SeatList;
use crate::seat_map::few::Few;
use crate::seat_map::layout::LayoutDigest;
use crate::seat_map::limits::{MAX_SEATS_PER_COMMAND, MAX_ZONE_CAPACITY};
use crate::seat_map::reply::{Grant, Places};

/// Writes a number in groups of 7 bits, least significant first.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes a text with its length.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Writes a moment that may be missing: 0, or one more than its milliseconds.
pub(super) fn put_moment(out: &mut Vec<u8>, moment: Option<Timestamp>) {
    match moment {
        None => out.push(0),
        Some(moment) => {
            out.push(1);
            put_number(out, moment.as_unix_ms());
        }
    }
}

/// Writes legs: the first stop and how many.
pub(super) fn put_legs(out: &mut Vec<u8>, legs: Legs) {
    put_number(out, legs.from().into());
    put_number(out, legs.count().into());
}

/// Writes seats: how many, and each as it is.
pub(super) fn put_seats(out: &mut Vec<u8>, seats: &[SeatNo]) {
    put_number(out, seats.len() as u64);
    for seat in seats {
        put_number(out, seat.get().into());
    }
}

/// Writes places.
pub(super) fn put_places(out: &mut Vec<u8>, places: &Places) {
    match places {
        Places::Seats(seats) => {
            out.push(0);
            put_seats(out, seats);
        }
        Places::Quantity { zone, count } => {
            out.push(1);
            put_number(out, zone.get().into());
            put_number(out, (*count).into());
        }
    }
}

/// Writes a grant.
pub(super) fn put_grant(out: &mut Vec<u8>, grant: &Grant) {
    out.extend_from_slice(grant.hold.as_bytes());
    put_number(out, grant.fence.get());
    put_number(out, grant.expires_at.as_unix_ms());
    put_legs(out, grant.legs);
    put_places(out, &grant.places);
}

/// Reads what was written, never beyond the end.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads so many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Refuses bytes that are left over.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }

    /// Reads the version, which must be the one given.
    pub(super) fn version(&mut self, expected: u8) -> Result<(), DecodeError> {
        match self.byte()? {
            version if version == expected => Ok(()),
            version => Err(DecodeError::Version(version)),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    /// Reads a yes or no.
    pub(super) fn flag(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => invalid(what),
        }
    }

    /// Reads a number; refuses one that could have been written in fewer bytes.
    pub(super) fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || byte == 0 && shift > 0 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        invalid("number")
    }

    /// Reads a number that fits a smaller type.
    pub(super) fn small<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, DecodeError> {
        T::try_from(self.number()?).map_err(|_| DecodeError::Invalid { what })
    }

    /// Reads the length of a list whose items take at least one byte each.
    pub(super) fn count(&mut self, max: usize, what: &'static str) -> Result<usize, DecodeError> {
        let count: usize = self.small(what)?;
        if count > max {
            return invalid(what);
        }
        if count > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(count)
    }

    /// Reads a text of at most `max` bytes.
    pub(super) fn text(&mut self, max: usize, what: &'static str) -> Result<&'a str, DecodeError> {
        let len = self.count(max, what)?;
        std::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::Invalid { what })
    }

    pub(super) fn bytes16(&mut self) -> Result<[u8; 16], DecodeError> {
        Ok(self.take(16)?.try_into().expect("16 bytes were taken"))
    }

    pub(super) fn digest(&mut self) -> Result<LayoutDigest, DecodeError> {
        Ok(LayoutDigest(self.bytes16()?))
    }

    pub(super) fn hold(&mut self) -> Result<HoldId, DecodeError> {
        HoldId::new(self.bytes16()?).map_err(|_| DecodeError::Invalid { what: "hold id" })
    }

    pub(super) fn command_id(&mut self) -> Result<CommandId, DecodeError> {
        CommandId::new(self.bytes16()?).map_err(|_| DecodeError::Invalid { what: "command id" })
    }

    pub(super) fn buyer(&mut self) -> Result<BuyerId, DecodeError> {
        let text = self.text(proto::ids::MAX_BUYER_ID_BYTES, "buyer")?;
        BuyerId::new(text).map_err(|_| DecodeError::Invalid { what: "buyer" })
    }

    pub(super) fn timestamp(&mut self) -> Result<Timestamp, DecodeError> {
        self.number().map(Timestamp::from_unix_ms)
    }

    pub(super) fn moment(&mut self) -> Result<Option<Timestamp>, DecodeError> {
        if self.flag("moment")? { self.timestamp().map(Some) } else { Ok(None) }
    }

    pub(super) fn fence(&mut self) -> Result<Fence, DecodeError> {
        self.number().map(Fence::new)
    }

    pub(super) fn seat(&mut self) -> Result<SeatNo, DecodeError> {
        self.small("seat").map(SeatNo::new)
    }

    pub(super) fn zone(&mut self) -> Result<ZoneNo, DecodeError> {
        self.small("zone").map(ZoneNo::new)
    }

    pub(super) fn legs(&mut self) -> Result<Legs, DecodeError> {
        let from: u16 = self.small("legs")?;
        let count: u16 = self.small("legs")?;
        let to = from.checked_add(count).ok_or(DecodeError::Invalid { what: "legs" })?;
        Legs::new(from, to).map_err(|_| DecodeError::Invalid { what: "legs" })
    }

    pub(super) fn seats(&mut self) -> Result<SeatList, DecodeError> {
        let count = self.count(MAX_SEATS_PER_COMMAND, "seats")?;
        (0..count).map(|_| self.seat()).collect::<Result<Vec<_>, _>>().map(Few::from)
    }

    /// Reads places as the seat map makes them: at least one, seats ascending.
    pub(super) fn places(&mut self) -> Result<Places, DecodeError> {
        let places = match self.byte()? {
            0 => Places::Seats(self.seats()?),
            1 => Places::Quantity { zone: self.zone()?, count: self.small("count")? },
            _ => return invalid("places"),
        };
        let ascending = places.seats().is_sorted_by(|a, b| a < b);
        if !ascending || !(1..=MAX_ZONE_CAPACITY).contains(&places.count()) {
            return invalid("places");
        }
        Ok(places)
    }

    pub(super) fn grant(&mut self) -> Result<Grant, DecodeError> {
        Ok(Grant {
            hold: self.hold()?,
            fence: self.fence()?,
            expires_at: self.timestamp()?,
            legs: self.legs()?,
            places: self.places()?,
        })
    }
}

/// The error for a value out of its range.
pub(super) fn invalid<T>(what: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::Invalid { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_encoding_each() {
        for number in [0, 1, 127, 128, 300, 1 << 32, u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.number(), Ok(number));
            assert_eq!(reader.end(), Ok(()));
        }
        let long_zero = [0x80, 0];
        assert!(Reader::new(&long_zero).number().is_err());
        let beyond = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert!(Reader::new(&beyond).number().is_err());
        assert_eq!(Reader::new(&[0x80]).number(), Err(DecodeError::Truncated));
    }
}
