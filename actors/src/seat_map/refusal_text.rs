//! Refusals as sentences, for logs and for people without a catalogue of texts. Programs read the code
//! and the fields.

use std::fmt::{self, Display};

use super::few::Few;
use super::refusal::{BatchFault, Class, Refusal, SeatRef, Taken};

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdReused => f.write_str("the id was used before for another command"),
            Self::BatchInvalid(fault) => fault.fmt(f),
            Self::InBatch { place, refusal } => {
                write!(f, "command {place} of the batch: {refusal}")
            }
            Self::TripNotFound => f.write_str("the trip is not on sale"),
            Self::TripExists => f.write_str("the trip is on sale already"),
            Self::InvalidLayout(fault) => fault.fmt(f),
            Self::InvalidTrip(fault) => fault.fmt(f),
            Self::UnknownSeat(SeatRef::Number(seat)) => write!(f, "there is no seat number {seat}"),
            Self::UnknownSeat(SeatRef::Name(name)) => write!(f, "there is no seat {name}"),
            Self::UnknownZone { zone } => write!(f, "there is no zone {zone}"),
            Self::WrongZone { zone, general_admission: true } => {
                write!(f, "zone {zone} is sold by number, not by seat")
            }
            Self::WrongZone { zone, .. } => write!(f, "zone {zone} is sold by seat, not by number"),
            Self::DuplicateSeat { seat } => write!(f, "seat number {seat} is named twice"),
            Self::InvalidQuantity { quantity, min, max } => {
                write!(f, "{quantity} places were asked for, {min} to {max} are allowed")
            }
            Self::InvalidLegs { legs, last } => {
                write!(f, "the legs {legs} go beyond the last stop, which is {last}")
            }
            Self::NoBoarding { stop } => write!(f, "nobody may board at stop {stop}"),
            Self::NoAlighting { stop } => write!(f, "nobody may alight at stop {stop}"),
            Self::InvalidTtl { ttl_ms, min_ms, max_ms } => {
                write!(f, "{ttl_ms} ms were asked for, {min_ms} to {max_ms} ms are allowed")
            }
            Self::SaleClosed => f.write_str("the sale is over"),
            Self::SaleNotOpen { opens_at } => write!(f, "the sale begins at {opens_at}"),
            Self::TripFrozen => f.write_str("the trip gives out no seats for the moment"),
            Self::MaxPerHoldExceeded { requested, max } => {
                write!(f, "{requested} places were asked for, a hold may have {max}")
            }
            Self::BuyerRequired => f.write_str("the trip limits places by buyer: name the buyer"),
            Self::MaxPerBuyerExceeded { has, requested, max } => {
                write!(f, "the buyer has {has} places and asks for {requested}, {max} are allowed")
            }
            _ => self.fmt_about_hold(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// The sentences about holds and stock.
    fn fmt_about_hold(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHold => f.write_str("there is no such hold, or it is forgotten"),
            Self::UnknownBlock => f.write_str("there is no such block, or it was lifted"),
            Self::HoldConfirmed { fence } => write!(f, "the hold is a booking, fence {fence}"),
            Self::HoldReleased => f.write_str("the hold was released"),
            Self::HoldCancelled => f.write_str("the booking was cancelled"),
            Self::HoldFenced { fence } => write!(f, "the hold has another fence: {fence}"),
            Self::HoldExpired { expired_at, winners } => {
                write!(f, "the hold expired at {expired_at}")?;
                write_winners(f, winners)
            }
            Self::HoldLost { expired_at, winners } => {
                write!(f, "the hold expired at {expired_at} and its places are gone")?;
                write_winners(f, winners)
            }
            Self::HoldNotConfirmed => f.write_str("the hold is not a booking"),
            Self::NotInHold { seat: Some(seat) } => {
                write!(f, "seat number {seat} is not one of the hold's")
            }
            Self::NotInHold { seat: None } => f.write_str("the hold has no places of that kind"),
            Self::HoldCapReached { until } => {
                write!(f, "the hold has lived as long as allowed, until {until}")
            }
            Self::SeatsTaken(taken) => taken.fmt(f),
            Self::InsufficientStock { requested, available, .. } => {
                write!(f, "{requested} places were asked for, at most {available} are free")
            }
            Self::NotAdjacent { requested, longest } => write!(
                f,
                "{requested} seats side by side were asked for, at most {longest} are free so"
            ),
            other => f.write_str(other.code()),
        }
    }
}

fn write_winners(f: &mut fmt::Formatter<'_>, winners: &Few<proto::ids::Fence, 3>) -> fmt::Result {
    for (at, fence) in winners.iter().enumerate() {
        write!(f, "{}{fence}", if at == 0 { "; who has them now: fence " } else { ", " })?;
    }
    Ok(())
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("taken:")?;
        for blocking in &self.blocking {
            write!(f, " seat number {} on {} ({})", blocking.seat, blocking.legs, blocking.state)?;
        }
        if let Some(retry_at) = self.retry_at {
            write!(f, "; retry at {retry_at}")?;
        }
        for (at, seat) in self.alternatives.iter().enumerate() {
            write!(f, "{}{seat}", if at == 0 { "; free nearby: seat number " } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Held => "held",
            Self::Paying => "paying",
            Self::Sold => "sold",
            Self::Blocked => "blocked",
        })
    }
}

impl fmt::Display for BatchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { commands } => write!(
                f,
                "the batch has {commands} commands, 1 to {} are allowed",
                super::limits::MAX_BATCH
            ),
            Self::NotAllowed { place } => {
                write!(f, "command {place} cannot be part of a batch")
            }
            Self::DuplicateId { place } => {
                write!(f, "command {place} has an id that the batch used before")
            }
        }
    }
}
