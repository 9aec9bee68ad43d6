//! The bytes of an outcome, as far as a trip that is on sale can answer it.

use proto::ids::Fence;

use super::DecodeError;
use super::wire::{
    Reader, invalid, put_grant, put_legs, put_moment, put_number, put_seats, put_text,
};
use crate::seat_map::few::Few;
use crate::seat_map::limits::{
    ALTERNATIVES, MAX_BATCH, MAX_BLOCKING, MAX_SEAT_NAME_BYTES, MAX_WINNERS, MAX_ZONE_NAME_BYTES,
};
use crate::seat_map::refusal::{BatchFault, Blocking, Class, Refusal, SeatRef, Taken, Winners};
use crate::seat_map::reply::{Lateness, Outcome, Reply};

/// Writes an outcome.
pub(super) fn put(out: &mut Vec<u8>, outcome: &Outcome) {
    match outcome {
        Ok(reply) => {
            out.push(0);
            put_reply(out, reply);
        }
        Err(refusal) => {
            out.push(1);
            put_refusal(out, refusal);
        }
    }
}

/// Reads an outcome.
pub(super) fn get(reader: &mut Reader<'_>) -> Result<Outcome, DecodeError> {
    if reader.flag("outcome")? {
        return get_refusal(reader, true).map(Err);
    }
    get_reply(reader, true).map(Ok)
}

fn put_reply(out: &mut Vec<u8>, reply: &Reply) {
    match reply {
        Reply::Opened { places, legs } => {
            out.push(1);
            put_number(out, (*places).into());
            put_number(out, (*legs).into());
        }
        Reply::Held(grant) => {
            out.push(2);
            put_grant(out, grant);
        }
        Reply::Extended { hold, expires_at } => {
            out.push(3);
            out.extend_from_slice(hold.as_bytes());
            put_number(out, expires_at.as_unix_ms());
        }
        Reply::Paying { hold, expires_at } => {
            out.push(4);
            out.extend_from_slice(hold.as_bytes());
            put_number(out, expires_at.as_unix_ms());
        }
        Reply::Confirmed { hold, fence, late } => {
            out.push(if *late == Lateness::InTime { 5 } else { 6 });
            out.extend_from_slice(hold.as_bytes());
            put_number(out, fence.get());
        }
        Reply::Released { hold } => {
            out.push(7);
            out.extend_from_slice(hold.as_bytes());
        }
        Reply::Cancelled { hold, left } => {
            out.push(8);
            out.extend_from_slice(hold.as_bytes());
            put_number(out, (*left).into());
        }
        Reply::Swapped(grant) => {
            out.push(9);
            put_grant(out, grant);
        }
        Reply::Blocked { block, count } => {
            out.push(10);
            out.extend_from_slice(block.as_bytes());
            put_number(out, (*count).into());
        }
        Reply::Unblocked { block, left } => {
            out.push(11);
            out.extend_from_slice(block.as_bytes());
            put_number(out, (*left).into());
        }
        Reply::Frozen => out.push(12),
        Reply::Thawed => out.push(13),
        Reply::SalesClosed => out.push(14),
        Reply::Expired { count } => {
            out.push(15);
            put_number(out, (*count).into());
        }
        Reply::Batch(replies) => {
            out.push(16);
            put_number(out, replies.len() as u64);
            for reply in replies {
                put_reply(out, reply);
            }
        }
    }
}

fn get_reply(reader: &mut Reader<'_>, outer: bool) -> Result<Reply, DecodeError> {
    let tag = reader.byte()?;
    Ok(match tag {
        1 => Reply::Opened { places: reader.small("places")?, legs: reader.small("legs")? },
        2 => Reply::Held(reader.grant()?),
        3 => Reply::Extended { hold: reader.hold()?, expires_at: reader.timestamp()? },
        4 => Reply::Paying { hold: reader.hold()?, expires_at: reader.timestamp()? },
        5 | 6 => {
            let late = if tag == 5 { Lateness::InTime } else { Lateness::Reacquired };
            Reply::Confirmed { hold: reader.hold()?, fence: reader.fence()?, late }
        }
        7 => Reply::Released { hold: reader.hold()? },
        8 => Reply::Cancelled { hold: reader.hold()?, left: reader.small("count")? },
        9 => Reply::Swapped(reader.grant()?),
        10 => Reply::Blocked { block: reader.hold()?, count: reader.small("count")? },
        11 => Reply::Unblocked { block: reader.hold()?, left: reader.small("count")? },
        12 => Reply::Frozen,
        13 => Reply::Thawed,
        14 => Reply::SalesClosed,
        15 => Reply::Expired { count: reader.small("count")? },
        16 if outer => {
            let count = reader.count(MAX_BATCH, "number of replies")?;
            let replies = (0..count).map(|_| get_reply(reader, false));
            Reply::Batch(replies.collect::<Result<_, _>>()?)
        }
        _ => return invalid("reply"),
    })
}

/// Writes a tag and the numbers of a refusal.
fn put_numbers<const N: usize>(out: &mut Vec<u8>, tag: u8, numbers: [u64; N]) {
    out.push(tag);
    for number in numbers {
        put_number(out, number);
    }
}

fn put_refusal(out: &mut Vec<u8>, refusal: &Refusal) {
    match refusal {
        Refusal::IdReused => out.push(1),
        Refusal::BatchInvalid(fault) => {
            let (tag, number) = match fault {
                BatchFault::Size { commands } => (0, *commands),
                BatchFault::NotAllowed { place } => (1, u32::from(*place)),
                BatchFault::DuplicateId { place } => (2, u32::from(*place)),
            };
            put_numbers(out, 2, [tag, number.into()]);
        }
        Refusal::InBatch { place, refusal } => {
            put_numbers(out, 3, [(*place).into()]);
            put_refusal(out, refusal);
        }
        Refusal::TripNotFound | Refusal::InvalidLayout(_) | Refusal::InvalidTrip(_) => {
            unreachable!("a trip that is on sale does not refuse so")
        }
        Refusal::TripExists => out.push(4),
        Refusal::UnknownSeat(SeatRef::Number(seat)) => put_numbers(out, 5, [seat.get().into()]),
        Refusal::UnknownSeat(SeatRef::Name(name)) => {
            out.push(6);
            put_text(out, name);
        }
        Refusal::UnknownZone { zone } => {
            out.push(7);
            put_text(out, zone);
        }
        Refusal::WrongZone { zone, general_admission } => {
            put_numbers(out, 8, [zone.get().into(), u64::from(*general_admission)]);
        }
        Refusal::DuplicateSeat { seat } => put_numbers(out, 9, [seat.get().into()]),
        Refusal::InvalidQuantity { quantity, min, max } => {
            put_numbers(out, 10, [*quantity, *min, *max].map(u64::from));
        }
        Refusal::InvalidLegs { legs, last } => {
            out.push(11);
            put_legs(out, *legs);
            put_number(out, (*last).into());
        }
        Refusal::NoBoarding { stop } => put_numbers(out, 12, [(*stop).into()]),
        Refusal::NoAlighting { stop } => put_numbers(out, 13, [(*stop).into()]),
        Refusal::InvalidTtl { ttl_ms, min_ms, max_ms } => {
            put_numbers(out, 14, [*ttl_ms, *min_ms, *max_ms]);
        }
        Refusal::SaleClosed => out.push(15),
        Refusal::SaleNotOpen { opens_at } => put_numbers(out, 16, [opens_at.as_unix_ms()]),
        Refusal::TripFrozen => out.push(17),
        Refusal::MaxPerHoldExceeded { requested, max } => {
            put_numbers(out, 18, [*requested, *max].map(u64::from));
        }
        Refusal::BuyerRequired => out.push(19),
        Refusal::MaxPerBuyerExceeded { has, requested, max } => {
            put_numbers(out, 20, [*has, *requested, *max].map(u64::from));
        }
        about_hold => put_refusal_about_hold(out, about_hold),
    }
}

fn put_refusal_about_hold(out: &mut Vec<u8>, refusal: &Refusal) {
    match refusal {
        Refusal::UnknownHold => out.push(21),
        Refusal::UnknownBlock => out.push(22),
        Refusal::HoldConfirmed { fence } => put_numbers(out, 23, [fence.get()]),
        Refusal::HoldReleased => out.push(24),
        Refusal::HoldCancelled => out.push(25),
        Refusal::HoldFenced { fence } => put_numbers(out, 26, [fence.get()]),
        Refusal::HoldExpired { expired_at, winners } => {
            put_numbers(out, 27, [expired_at.as_unix_ms()]);
            put_winners(out, winners);
        }
        Refusal::HoldLost { expired_at, winners } => {
            put_numbers(out, 28, [expired_at.as_unix_ms()]);
            put_winners(out, winners);
        }
        Refusal::HoldNotConfirmed => out.push(29),
        Refusal::NotInHold { seat } => {
            put_numbers(out, 30, [seat.map_or(0, |seat| u64::from(seat.get()) + 1)]);
        }
        Refusal::HoldCapReached { until } => put_numbers(out, 31, [until.as_unix_ms()]),
        Refusal::SeatsTaken(taken) => {
            out.push(32);
            put_taken(out, taken);
        }
        Refusal::InsufficientStock { zone, requested, available } => {
            let zone = zone.map_or(0, |zone| u64::from(zone.get()) + 1);
            put_numbers(out, 33, [zone, (*requested).into(), (*available).into()]);
        }
        Refusal::NotAdjacent { requested, longest } => {
            put_numbers(out, 34, [*requested, *longest].map(u64::from));
        }
        _ => unreachable!("the refusals before the hold are written by the caller"),
    }
}

fn get_refusal(reader: &mut Reader<'_>, outer: bool) -> Result<Refusal, DecodeError> {
    Ok(match reader.byte()? {
        1 => Refusal::IdReused,
        2 => Refusal::BatchInvalid(match reader.number()? {
            0 => BatchFault::Size { commands: reader.small("count")? },
            1 => BatchFault::NotAllowed { place: reader.small("place")? },
            2 => BatchFault::DuplicateId { place: reader.small("place")? },
            _ => return invalid("batch fault"),
        }),
        3 if outer => Refusal::InBatch {
            place: reader.small("place")?,
            refusal: Box::new(get_refusal(reader, false)?),
        },
        4 => Refusal::TripExists,
        5 => Refusal::UnknownSeat(SeatRef::Number(reader.seat()?)),
        6 => {
            let name = reader.text(MAX_SEAT_NAME_BYTES, "seat name")?;
            Refusal::UnknownSeat(SeatRef::Name(name.into()))
        }
        7 => {
            let zone = reader.text(MAX_ZONE_NAME_BYTES, "zone name")?;
            Refusal::UnknownZone { zone: zone.into() }
        }
        8 => {
            let (zone, general_admission) = (reader.zone()?, reader.flag("zone kind")?);
            Refusal::WrongZone { zone, general_admission }
        }
        9 => Refusal::DuplicateSeat { seat: reader.seat()? },
        10 => Refusal::InvalidQuantity {
            quantity: reader.small("quantity")?,
            min: reader.small("quantity")?,
            max: reader.small("quantity")?,
        },
        11 => Refusal::InvalidLegs { legs: reader.legs()?, last: reader.small("stop")? },
        12 => Refusal::NoBoarding { stop: reader.small("stop")? },
        13 => Refusal::NoAlighting { stop: reader.small("stop")? },
        14 => Refusal::InvalidTtl {
            ttl_ms: reader.number()?,
            min_ms: reader.number()?,
            max_ms: reader.number()?,
        },
        15 => Refusal::SaleClosed,
        16 => Refusal::SaleNotOpen { opens_at: reader.timestamp()? },
        17 => Refusal::TripFrozen,
        18 => Refusal::MaxPerHoldExceeded {
            requested: reader.small("quantity")?,
            max: reader.small("quantity")?,
        },
        19 => Refusal::BuyerRequired,
        20 => Refusal::MaxPerBuyerExceeded {
            has: reader.small("quantity")?,
            requested: reader.small("quantity")?,
            max: reader.small("quantity")?,
        },
        tag => return get_refusal_about_hold(reader, tag),
    })
}

fn get_refusal_about_hold(reader: &mut Reader<'_>, tag: u8) -> Result<Refusal, DecodeError> {
    Ok(match tag {
        21 => Refusal::UnknownHold,
        22 => Refusal::UnknownBlock,
        23 => Refusal::HoldConfirmed { fence: reader.fence()? },
        24 => Refusal::HoldReleased,
        25 => Refusal::HoldCancelled,
        26 => Refusal::HoldFenced { fence: reader.fence()? },
        27 => {
            Refusal::HoldExpired { expired_at: reader.timestamp()?, winners: get_winners(reader)? }
        }
        28 => Refusal::HoldLost { expired_at: reader.timestamp()?, winners: get_winners(reader)? },
        29 => Refusal::HoldNotConfirmed,
        30 => Refusal::NotInHold { seat: get_one_more(reader)?.map(proto::ids::SeatNo::new) },
        31 => Refusal::HoldCapReached { until: reader.timestamp()? },
        32 => Refusal::SeatsTaken(get_taken(reader)?),
        33 => Refusal::InsufficientStock {
            zone: get_one_more(reader)?.map(proto::ids::ZoneNo::new),
            requested: reader.small("quantity")?,
            available: reader.small("quantity")?,
        },
        34 => Refusal::NotAdjacent {
            requested: reader.small("quantity")?,
            longest: reader.small("quantity")?,
        },
        _ => return invalid("refusal"),
    })
}

/// Reads a number that may be missing: 0, or one more than the number.
fn get_one_more<T: TryFrom<u64>>(reader: &mut Reader<'_>) -> Result<Option<T>, DecodeError> {
    match reader.number()?.checked_sub(1) {
        None => Ok(None),
        Some(number) => match T::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => invalid("number"),
        },
    }
}

fn put_winners(out: &mut Vec<u8>, winners: &Winners) {
    put_number(out, winners.len() as u64);
    for winner in winners {
        put_number(out, winner.get());
    }
}

fn get_winners(reader: &mut Reader<'_>) -> Result<Winners, DecodeError> {
    let count = reader.count(MAX_WINNERS, "number of winners")?;
    (0..count).map(|_| reader.fence()).collect::<Result<Vec<Fence>, _>>().map(Few::from)
}

fn put_taken(out: &mut Vec<u8>, taken: &Taken) {
    put_number(out, taken.blocking.len() as u64);
    for blocking in &taken.blocking {
        put_number(out, blocking.seat.get().into());
        put_legs(out, blocking.legs);
        out.push(blocking.state as u8);
    }
    put_moment(out, taken.retry_at);
    put_seats(out, &taken.alternatives);
}

fn get_taken(reader: &mut Reader<'_>) -> Result<Taken, DecodeError> {
    let count = reader.count(MAX_BLOCKING, "number of blocking seats")?;
    let blocking = (0..count).map(|_| {
        let (seat, legs) = (reader.seat()?, reader.legs()?);
        let state = match reader.byte()? {
            0 => Class::Held,
            1 => Class::Paying,
            2 => Class::Sold,
            3 => Class::Blocked,
            _ => return invalid("class"),
        };
        Ok(Blocking { seat, legs, state })
    });
    let blocking = blocking.collect::<Result<Vec<_>, _>>()?;
    let retry_at = reader.moment()?;
    let alternatives = reader.seats()?;
    if alternatives.len() > ALTERNATIVES {
        return invalid("alternatives");
    }
    Ok(Taken { blocking: blocking.into(), retry_at, alternatives })
}
