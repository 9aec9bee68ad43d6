//! What the seat map knows of one hold, booking or block, alive or finished.

use proto::ids::{BuyerId, Fence, HoldId, Legs, LogPosition, Timestamp};

use super::command::Note;
use super::refusal::Class;
use super::reply::{Grant, Places, Reply};
use super::slab::NONE;

/// A hold, booking or block.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Its id, which is also the id of the command that made it.
    pub(super) id: HoldId,
    /// Whose it is.
    pub(super) buyer: BuyerId,
    /// What it covers. Kept after the end, so that a late confirm can take it again.
    pub(super) places: Places,
    /// On which legs.
    pub(super) legs: Legs,
    /// Where it stands.
    pub(super) state: HoldState,
    /// Its fencing number: where in the log its places were given to it last.
    pub(super) fence: Fence,
    /// When it was granted, from which the hold cap counts.
    pub(super) granted_at: Timestamp,
    /// The time to live it was granted with, in milliseconds.
    pub(super) ttl_ms: u32,
    /// When it expires, or expired; for a booking, when the hold would have.
    pub(super) deadline: Timestamp,
    /// What the command that made it asked for.
    pub(super) fingerprint: u64,
    /// Its entry in the memory once it is finished, else [`NONE`].
    pub(super) entry: u32,
    /// What only a few have.
    pub(super) extra: Option<Box<Extra>>,
}

/// What only a few holds have.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    /// The first answer, once the record no longer tells it: after a swap, a partial cancel or a
    /// reacquisition.
    pub(super) first: Option<Grant>,
    /// Why it is blocked.
    pub(super) note: Note,
}

/// Where a hold, booking or block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldState {
    /// A live hold.
    Held,
    /// A live hold that waits for its payment.
    Paying,
    /// A booking.
    Sold,
    /// A block.
    Blocked,
    /// A hold that expired.
    Expired,
    /// A hold that was released.
    Released,
    /// A booking that was cancelled as a whole.
    Cancelled,
    /// A block that was lifted as a whole.
    Unblocked,
}

impl HoldState {
    /// What its places are taken for; `None` once it is finished.
    pub fn class(self) -> Option<Class> {
        match self {
            Self::Held => Some(Class::Held),
            Self::Paying => Some(Class::Paying),
            Self::Sold => Some(Class::Sold),
            Self::Blocked => Some(Class::Blocked),
            Self::Expired | Self::Released | Self::Cancelled | Self::Unblocked => None,
        }
    }

    /// Whether time can end it.
    pub fn can_expire(self) -> bool {
        matches!(self, Self::Held | Self::Paying)
    }

    /// Whether it counts towards its buyer's limit.
    pub(super) fn counts_for_buyer(self) -> bool {
        matches!(self, Self::Held | Self::Paying | Self::Sold)
    }

    /// Whether it is or was a block.
    pub(super) fn is_block(self) -> bool {
        matches!(self, Self::Blocked | Self::Unblocked)
    }
}

impl Record {
    /// The state at a moment: a hold whose deadline has come is expired, swept or not.
    #[inline]
    pub(super) fn state_at(&self, at: Timestamp) -> HoldState {
        if self.state.can_expire() && self.deadline <= at { HoldState::Expired } else { self.state }
    }

    /// Whether its places are no longer its own although nobody has swept it yet.
    #[inline]
    pub(super) fn is_due(&self, at: Timestamp) -> bool {
        self.state.can_expire() && self.deadline <= at
    }

    /// Whether it is over.
    pub(super) fn is_finished(&self) -> bool {
        self.entry != NONE
    }

    /// What it has now, as a grant.
    #[inline]
    pub(super) fn grant(&self) -> Grant {
        Grant {
            hold: self.id,
            fence: self.fence,
            expires_at: self.deadline,
            legs: self.legs,
            places: self.places.clone(),
        }
    }

    /// What it was granted first.
    pub(super) fn first_grant(&self) -> Grant {
        match self.extra.as_ref().and_then(|extra| extra.first.as_ref()) {
            Some(first) => first.clone(),
            None => {
                let expires_at = self.granted_at.plus_ms(u64::from(self.ttl_ms));
                Grant { expires_at, ..self.grant() }
            }
        }
    }

    /// Where its first answer was decided.
    pub(super) fn decided_at(&self) -> LogPosition {
        let first = self.extra.as_ref().and_then(|extra| extra.first.as_ref());
        LogPosition::from_packed(first.map_or(self.fence, |first| first.fence).get())
    }

    /// Keeps the first answer before the record changes in a way that would lose it.
    pub(super) fn keep_first_grant(&mut self) {
        let first = self.first_grant();
        self.extra.get_or_insert_default().first = Some(first);
    }

    /// The answer to the command that made it.
    pub(super) fn first_reply(&self) -> Reply {
        let grant = self.first_grant();
        if self.state.is_block() {
            return Reply::Blocked { block: self.id, count: grant.places.count() };
        }
        Reply::Held(grant)
    }

    /// Why it is blocked; empty for anything but a block.
    pub(super) fn note(&self) -> &str {
        self.extra.as_ref().map_or("", |extra| extra.note.as_str())
    }
}
