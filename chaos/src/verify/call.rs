//! One call of a history, as small as it can be kept.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To hold seats.
    Hold,
    /// To confirm a hold: it becomes a booking.
    Confirm,
    /// To give a hold back.
    Release,
    /// To let a hold live longer.
    Extend,
    /// To give a whole booking back.
    Cancel,
    /// Anything else about the hold: from its question on nothing is concluded from the hold.
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Hold, Self::Confirm, Self::Release, Self::Extend, Self::Cancel, Self::Other];

    /// Its name in a history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Confirm => "confirm",
            Self::Release => "release",
            Self::Extend => "extend",
            Self::Cancel => "cancel",
            Self::Other => "other",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Acknowledged.
    Ok,
    /// Refused by the seat map: it had no effect.
    Refused,
    /// It did not happen: nobody could carry it out.
    Failed,
    /// The answer was lost, or the caller went away: it may or may not have happened, or happen later.
    Unknown,
    /// A defect: valid input that was answered as if it were not.
    Defect,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Refused, Self::Failed, Self::Unknown, Self::Defect];

    /// Its name in a history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Defect => "defect",
        }
    }
}

/// Why a call was refused, as far as a rule asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another one that no rule asks for, or none that is known.
    Other,
    /// `SEAT_TAKEN`
    SeatTaken,
    /// `ID_REUSED`
    IdReused,
    /// `UNKNOWN_HOLD`
    UnknownHold,
    /// `HOLD_CONFIRMED`
    HoldConfirmed,
    /// `HOLD_RELEASED`
    HoldReleased,
    /// `HOLD_CANCELLED`
    HoldCancelled,
    /// `HOLD_EXPIRED`
    HoldExpired,
}

impl Reason {
    /// The reason of a code, with or without `CODE_` before it.
    #[must_use]
    pub fn of(code: &str) -> Self {
        match code.strip_prefix("CODE_").unwrap_or(code) {
            "SEAT_TAKEN" => Self::SeatTaken,
            "ID_REUSED" => Self::IdReused,
            "UNKNOWN_HOLD" => Self::UnknownHold,
            "HOLD_CONFIRMED" => Self::HoldConfirmed,
            "HOLD_RELEASED" => Self::HoldReleased,
            "HOLD_CANCELLED" => Self::HoldCancelled,
            "HOLD_EXPIRED" => Self::HoldExpired,
            _ => Self::Other,
        }
    }

    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Other => "another code",
            Self::SeatTaken => "SEAT_TAKEN",
            Self::IdReused => "ID_REUSED",
            Self::UnknownHold => "UNKNOWN_HOLD",
            Self::HoldConfirmed => "HOLD_CONFIRMED",
            Self::HoldReleased => "HOLD_RELEASED",
            Self::HoldCancelled => "HOLD_CANCELLED",
            Self::HoldExpired => "HOLD_EXPIRED",
        }
    }
}

/// Stop-to-stop hops, `from` included and `to` excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legs {
    /// The first leg.
    pub from: u16,
    /// The leg after the last.
    pub to: u16,
}

impl Legs {
    /// The whole trip, however many legs that are.
    pub const ALL: Self = Self { from: 0, to: u16::MAX };

    /// The first leg that both have.
    #[must_use]
    pub fn shared(self, other: Self) -> Option<u16> {
        let first = self.from.max(other.from);
        (first < self.to.min(other.to)).then_some(first)
    }
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The line that tells of it, counted from 1.
    pub line: u32,
    /// What was asked.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was refused.
    pub reason: Reason,
    /// The same request had been sent before.
    pub again: bool,
    /// A confirm took the seats back after the hold had expired.
    pub reacquired: bool,
    /// The trip, by its place in the history.
    pub trip: u32,
    /// The hold, by its place in the history.
    pub hold: u32,
    /// Where its seats begin in the history's list.
    pub(super) seats_from: u32,
    /// How many seats it names; none where the hold's are meant.
    pub(super) seat_count: u16,
    /// The legs.
    pub legs: Legs,
    /// The shard that decided.
    pub shard: u32,
    /// When it was asked, in microseconds of the history's clock.
    pub invoked_us: u64,
    /// When the answer came, in microseconds of the history's clock.
    pub completed_us: u64,
    /// The life that was asked for, in milliseconds.
    pub ttl_ms: Option<NonZeroU64>,
    /// Where in the shard's log it was decided, or which state decided it.
    pub position: Option<NonZeroU64>,
    /// The fencing number.
    pub fence: Option<NonZeroU64>,
    /// Log time at which the hold ends, in Unix milliseconds.
    pub expires_at_ms: Option<NonZeroU64>,
    /// Log time at which it was decided, in Unix milliseconds.
    pub at_ms: Option<NonZeroU64>,
}

impl Call {
    /// Whether it may have changed something.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(self.outcome, Outcome::Ok | Outcome::Unknown)
    }

    /// The log time at which a hold was granted, in Unix milliseconds: told, or its end less its life.
    #[must_use]
    pub fn granted_at_ms(&self) -> Option<u64> {
        let told = self.at_ms.map(NonZeroU64::get).filter(|_| !self.again);
        told.or_else(|| Some(self.expires_at_ms?.get().saturating_sub(self.ttl_ms?.get())))
    }
}
